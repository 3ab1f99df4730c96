//! The shards of one term: how many there are, one conversation each, one drain for all.
//!
//! Discord sends a server's events to shard `(server >> 22) % shards`, private messages to the first, and wants more of
//! them the more servers a bot is in (Discord documentation, sharding). The count comes from the settings, else from the
//! sessions that can be resumed, else from Discord; it changes when Discord refuses the count there is.

use std::{num::NonZeroU32, time::Duration};

use relais_failover::SavedSession;
use tokio::{task::JoinSet, time::sleep};

use super::{
    backoff::Backoff,
    conversation::{Common, Conversation, Over, attended, ordered},
    link::Shard,
    saver::{Saver, Sessions},
    session::{Found, find},
};
use crate::leadership::Signal;

/// See the module.
pub(super) struct Fleet {
    common: Common,
    /// How many shards the settings want, if they say so.
    fixed: Option<NonZeroU32>,
}

/// The conversations under way.
struct Talks {
    running: JoinSet<(Conversation, Over)>,
    closed: Vec<Conversation>,
    saver: Saver,
}

impl Fleet {
    pub(super) const fn new(common: Common, fixed: Option<NonZeroU32>) -> Self {
        Self { common, fixed }
    }

    /// Speaks until drained; dropped when the site falls silent.
    pub(super) async fn hold(self, of_lease: Option<SavedSession>, planned: bool) {
        let tools = &self.common.tools;
        let finding = find(&*tools.store, &tools.policy, tools.clock.wall(), of_lease, planned);
        let mut found = match self.attended(finding).await {
            Ok(found) => found.filter(|found| self.fixed.is_none_or(|fixed| fixed == found.shards)),
            Err(within) => return self.leave(within, None).await,
        };
        let mut count = found.as_ref().map(|found| found.shards).or(self.fixed);
        loop {
            let shards = match count {
                Some(count) => count,
                None => match self.attended(self.ask_count()).await {
                    Ok(count) => count,
                    Err(within) => return self.leave(within, None).await,
                },
            };
            let Found { sessions, .. } = found.take().unwrap_or(Found { shards, sessions: Sessions::new() });
            match self.speak(shards, sessions).await {
                Some((within, talks)) => return self.leave(within, Some(talks)).await,
                None => {
                    tracing::warn!(%shards, "discord wants more shards, all begin anew");
                    metrics::counter!("gateway_resharded_total").increment(1);
                    count = None;
                }
            }
        }
    }

    async fn attended<T>(&self, future: impl Future<Output = T>) -> Result<T, Duration> {
        let tools = &self.common.tools;
        attended(&self.common, || tools.vitals.gateway_turned(tools.clock.now()), future).await
    }

    /// Asks Discord how many shards it wants, again and again.
    async fn ask_count(&self) -> NonZeroU32 {
        let tools = &self.common.tools;
        let (mut backoff, since) = (Backoff::new(&tools.policy), tools.clock.now());
        loop {
            if tools.permit.may_begin()
                && let Some(entry) = self.common.directory.look(Some(since)).await
            {
                return entry.shards;
            }
            sleep(backoff.wait()).await;
        }
    }

    /// One conversation for each shard until the drain is ordered: within which time, and what is left of them. None: Discord
    /// wants more shards.
    async fn speak(&self, shards: NonZeroU32, mut sessions: Sessions) -> Option<(Duration, Talks)> {
        let tools = &self.common.tools;
        tracing::info!(%shards, resumable = sessions.len(), "shards begin");
        let vitals = tools.vitals.enter(shards, tools.clock.now());
        // The only shard's session waits for nobody.
        let gather = if shards == NonZeroU32::MIN { Duration::ZERO } else { tools.policy.session_save_every / 4 };
        let saver = Saver::new(tools.clone(), self.common.fence, gather);
        let mut running = JoinSet::new();
        for (id, vitals) in (0..).zip(vitals.iter()) {
            let shard = Shard { id, of: shards };
            let session = sessions.remove(&id);
            let talk = Conversation::new(self.common.clone(), shard, vitals.clone(), saver.moved(), session);
            running.spawn(talk.hold());
        }
        let mut talks = Talks { running, closed: Vec::new(), saver };
        let mut drained = self.common.drained.clone();
        loop {
            tokio::select! {
                biased;
                within = ordered(&mut drained) => return Some((within, talks)),
                Some(ended) = talks.running.join_next() => match ended {
                    Ok((_, Over::TooFewShards)) => {
                        talks.running.shutdown().await;
                        return None;
                    }
                    // The order to drain, seen by the shard first; the next look sees it here.
                    Ok((talk, Over::Drained)) => talks.closed.push(talk),
                    // It shows no more turns, so the pulse gives the lease away.
                    Err(error) => tracing::error!(%error, "a shard's task died"),
                },
            }
        }
    }

    /// Waits for what is in flight, keeps where the successor resumes, and says that nothing is in flight any more.
    async fn leave(&self, within: Duration, talks: Option<Talks>) {
        let tools = &self.common.tools;
        let Some(mut talks) = talks else {
            self.common.desk.drain(within).await;
            let _ = tools.signals.send(Signal::Drained);
            return;
        };
        let mut closed = talks.closed;
        let closing = async {
            while let Some(ended) = talks.running.join_next().await {
                closed.extend(ended.ok().map(|(talk, _)| talk));
            }
        };
        tokio::join!(closing, self.common.desk.drain(within));
        // Only now: what was answered during the drain need not be heard again.
        let sessions: Sessions =
            closed.iter().filter_map(|talk| Some((talk.shard.id, talk.for_successor()?))).collect();
        // The lease carries the only shard's.
        if closed.len() > 1 {
            talks.saver.finish(&sessions).await;
        }
        if let Some(first) = sessions.get(&0) {
            let _ = tools.signals.send(Signal::SessionMoved(first.clone()));
        }
        let _ = tools.signals.send(Signal::Drained);
    }
}
