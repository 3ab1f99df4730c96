//! One shard's conversation with Discord in one term: connection after connection, each only after a look at the lease,
//! until drained.

use std::{future::Future, sync::Arc, time::Duration};

use relais_failover::{Fence, SavedSession, Timestamp};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    backoff::Backoff,
    directory::Directory,
    identifies::{Identifies, Turn},
    link::{Prepared, Shard},
    saver::Moved,
    session::Progress,
};
use crate::{
    interactions::{Desk, Tools},
    leadership::Signal,
    vitals::ShardVitals,
};

/// Why a connection, or the attempt at one, is over.
#[derive(Debug)]
pub(super) enum End {
    /// Closed by the drain.
    Drained,
    /// Closed or broken; the session lives. `active`: how long it was up.
    Lost { active: Duration },
    /// The session is over; Discord says so.
    Invalid,
    /// RESUME was never answered.
    Stuck,
    /// No IDENTIFY is left today.
    Spent,
    /// The bot is in more servers than so many shards may serve.
    TooFewShards,
}

/// Why a conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The drain was ordered; the gateway is closed.
    Drained,
    /// Discord wants more shards.
    TooFewShards,
}

/// What the conversations of one term have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) tools: Tools,
    pub(super) prepared: Arc<Prepared>,
    pub(super) desk: Desk,
    pub(super) fence: Fence,
    pub(super) directory: Arc<Directory>,
    pub(super) identifies: Arc<Identifies>,
    pub(super) drained: watch::Receiver<Option<Duration>>,
}

/// See the module.
pub(super) struct Conversation {
    pub(super) common: Common,
    pub(super) shard: Shard,
    pub(super) vitals: Arc<ShardVitals>,
    moved: Arc<Moved>,
    pub(super) session: Option<SavedSession>,
    pub(super) progress: Progress,
    backoff: Backoff,
    /// When an address did not let a connection open: an older one is not tried again.
    pub(super) distrusts_since: Option<Timestamp>,
}

/// Where to connect, and the place in line that comes with it where a new session is wanted.
struct Way {
    url: String,
    turn: Option<Turn>,
}

impl Conversation {
    pub(super) fn new(
        common: Common,
        shard: Shard,
        vitals: Arc<ShardVitals>,
        moved: Arc<Moved>,
        session: Option<SavedSession>,
    ) -> Self {
        let backoff = Backoff::new(&common.tools.policy);
        let progress = Progress::from(session.as_ref().map_or(0, |session| session.sequence));
        Self { common, shard, vitals, moved, session, progress, backoff, distrusts_since: None }
    }

    /// Holds the conversation until it is over; dropped when the site falls silent.
    pub(super) async fn hold(mut self) -> (Self, Over) {
        // The write that made this site the holder was acknowledged just now: that is the look before the first one.
        let (mut first, mut wait) = (true, Duration::ZERO);
        loop {
            let way = match self.attended(self.approach(first, wait)).await {
                Ok(way) => way,
                Err(_) => return (self, Over::Drained),
            };
            let end = match way {
                Some(way) => self.converse(&way.url, way.turn).await,
                None => End::Lost { active: Duration::ZERO },
            };
            self.vitals.set_connected(false, self.now());
            first = false;
            wait = match end {
                End::Drained => return (self, Over::Drained),
                End::TooFewShards => return (self, Over::TooFewShards),
                End::Lost { active } => {
                    self.backoff.lasted(active, self.policy().pulse_ack_max);
                    self.backoff.wait()
                }
                End::Invalid => {
                    self.session = None;
                    self.backoff.after_invalid()
                }
                End::Stuck => {
                    tracing::warn!(shard = %self.shard, "resume not answered, session given up");
                    metrics::counter!("gateway_resume_stuck_total").increment(1);
                    self.session = None;
                    self.backoff.wait()
                }
                End::Spent => {
                    self.distrusts_since = Some(self.now());
                    self.backoff.longest()
                }
            };
        }
    }

    /// Everything before a connection: the wait, the address, the place in line, the look at the lease. None: not now.
    async fn approach(&self, first: bool, wait: Duration) -> Option<Way> {
        sleep(wait).await;
        let known = self.session.as_ref().and_then(|session| session.resume_url.clone());
        let url = match known.filter(|url| self.distrusts_since.is_none() && self.common.directory.is_ours(url)) {
            Some(url) => url,
            None if !self.tools().permit.may_begin() => return None,
            None => {
                let entry = self.common.directory.look(self.distrusts_since).await?;
                self.common.identifies.learn(entry.limit, entry.asked);
                entry.url
            }
        };
        let turn = match self.session {
            Some(_) => None,
            None => Some(self.line_up().await),
        };
        // Last, so that nothing lies between the look at the lease and the connection.
        let admitted = self.tools().permit.may_begin() && (first || self.admitted().await);
        admitted.then_some(Way { url, turn })
    }

    /// Waits for its turn; meanwhile this shard owes no sign of life from Discord.
    async fn line_up(&self) -> Turn {
        let turn = self.common.identifies.line_up(self.shard.id);
        tokio::pin!(turn);
        let mut ticks = ticks(self.policy().session_save_every);
        let turn = loop {
            tokio::select! {
                biased;
                turn = &mut turn => break turn,
                _ = ticks.tick() => self.vitals.stands_in_line(self.now()),
            }
        };
        self.vitals.left_the_line();
        turn
    }

    /// Reads the lease: whether it still names this very term.
    async fn admitted(&self) -> bool {
        let tools = self.tools();
        if tools.permit.reckless() {
            return true;
        }
        let sent = tools.clock.now();
        let board = match timeout(tools.policy.request_timeout, tools.store.read_board()).await {
            Ok(Ok(board)) => Some(board),
            Ok(Err(error)) => {
                tracing::warn!(%error, "lease not readable before a connection");
                None
            }
            Err(_) => {
                tracing::warn!("lease not read in time before a connection");
                None
            }
        };
        let lease = board.as_ref().and_then(|board| board.lease.as_ref());
        let admitted = lease.is_some_and(|lease| self.common.fence.admits(lease)) && tools.permit.may_begin();
        // Leadership may have ended already; then it knows.
        let _ = tools.signals.send(Signal::BoardSeen(sent, board.map(Box::new)));
        admitted
    }

    /// Runs `future` while this shard shows that its task lives; cut short by a drain.
    async fn attended<T>(&self, future: impl Future<Output = T>) -> Result<T, Duration> {
        attended(&self.common, || self.vitals.turned(self.now()), future).await
    }

    /// The session as another process shall resume it.
    pub(super) fn for_successor(&self) -> Option<SavedSession> {
        self.session.clone().map(|session| SavedSession { sequence: self.progress.settled(), ..session })
    }

    /// The session as this process resumes it.
    pub(super) fn for_myself(&self) -> Option<SavedSession> {
        self.session.clone().map(|session| SavedSession { sequence: self.progress.last(), ..session })
    }

    /// Saves the session and, of the first shard, tells leadership, for its next renewal.
    pub(super) fn save(&self) {
        if let Some(session) = self.for_successor() {
            self.moved.save(self.shard.id, session.clone());
            if self.shard.is_first() {
                let _ = self.tools().signals.send(Signal::SessionMoved(session));
            }
        }
    }

    pub(super) const fn tools(&self) -> &Tools {
        &self.common.tools
    }

    pub(super) const fn policy(&self) -> &relais_failover::Policy {
        &self.common.tools.policy
    }

    pub(super) fn now(&self) -> Timestamp {
        self.common.tools.clock.now()
    }
}

/// Runs `future`, with a sign of life now and then; cut short by a drain.
pub(super) async fn attended<T>(
    common: &Common,
    alive: impl Fn(),
    future: impl Future<Output = T>,
) -> Result<T, Duration> {
    tokio::pin!(future);
    let mut drained = common.drained.clone();
    let mut ticks = ticks(common.tools.policy.session_save_every);
    loop {
        tokio::select! {
            biased;
            within = ordered(&mut drained) => return Err(within),
            _ = ticks.tick() => alive(),
            output = &mut future => return Ok(output),
        }
    }
}

/// Waits for the order to drain.
pub(super) async fn ordered(drained: &mut watch::Receiver<Option<Duration>>) -> Duration {
    let within = drained.wait_for(Option::is_some).await.ok().map(|within| (*within).unwrap_or_default());
    match within {
        Some(within) => within,
        // Whoever gives orders is gone: nothing will be ordered.
        None => std::future::pending().await,
    }
}

pub(super) fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
