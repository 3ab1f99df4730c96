//! One term's conversation with Discord: connection after connection, each only after a look at the lease, until drained.

use std::{future::Future, sync::Arc, time::Duration};

use relais_failover::{Fence, SavedSession, Timestamp};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    backoff::Backoff,
    link::Prepared,
    saver::Saver,
    session::{Progress, freshest},
};
use crate::{
    interactions::{Desk, Tools},
    leadership::Signal,
};

/// Why a connection, or the attempt at one, is over.
#[derive(Debug)]
pub(super) enum End {
    /// The drain is complete.
    Drained,
    /// Closed or broken; the session lives. `active`: how long it was up.
    Lost { active: Duration },
    /// The session is over; Discord says so.
    Invalid,
    /// RESUME was never answered.
    Stuck,
    /// No IDENTIFY is left today.
    Spent,
}

/// See the module.
pub(super) struct Conversation {
    pub(super) tools: Tools,
    pub(super) prepared: Arc<Prepared>,
    pub(super) desk: Desk,
    pub(super) fence: Fence,
    pub(super) drained: watch::Receiver<Option<Duration>>,
    pub(super) session: Option<SavedSession>,
    pub(super) progress: Progress,
    pub(super) saver: Saver,
    rest_base: Option<String>,
    backoff: Backoff,
    /// The resume URL did not let a connection open; ask for the general one.
    pub(super) distrusts_url: bool,
}

impl Conversation {
    pub(super) fn new(
        tools: Tools,
        prepared: Arc<Prepared>,
        rest_base: Option<String>,
        desk: Desk,
        fence: Fence,
        drained: watch::Receiver<Option<Duration>>,
    ) -> Self {
        let backoff = Backoff::new(&tools.policy);
        let saver = Saver::new(tools.clone(), fence);
        let (session, progress) = (None, Progress::default());
        let distrusts_url = false;
        Self { tools, prepared, desk, fence, drained, session, progress, saver, rest_base, backoff, distrusts_url }
    }

    /// Holds the conversation until drained; dropped when the site falls silent.
    pub(super) async fn hold(mut self, session: Option<SavedSession>, planned: bool) {
        self.session = session;
        if !planned {
            let (tools, of_lease) = (self.tools.clone(), self.session.take());
            let wall = tools.clock.wall();
            match self.attended(freshest(&*tools.store, &tools.policy, wall, of_lease)).await {
                Ok(session) => self.session = session,
                Err(within) => return self.finish(within).await,
            }
        }
        self.progress = Progress::from(self.session.as_ref().map_or(0, |session| session.sequence));
        // The write that made this site the holder was acknowledged just now: that is the look before the first one.
        let (mut first, mut wait) = (true, Duration::ZERO);
        loop {
            let url = match self.attended(self.approach(first, wait)).await {
                Ok(url) => url,
                Err(within) => return self.finish(within).await,
            };
            let end = match url {
                Some(url) => self.converse(&url).await,
                None => End::Lost { active: Duration::ZERO },
            };
            self.tools.vitals.set_connected(false, self.tools.clock.now());
            first = false;
            wait = match end {
                End::Drained => return,
                End::Lost { active } => {
                    self.backoff.lasted(active, self.tools.policy.pulse_ack_max);
                    self.backoff.wait()
                }
                End::Invalid => {
                    self.session = None;
                    self.backoff.after_invalid()
                }
                End::Stuck => {
                    tracing::warn!("resume not answered, session given up");
                    metrics::counter!("gateway_resume_stuck_total").increment(1);
                    self.session = None;
                    self.backoff.wait()
                }
                End::Spent => self.backoff.longest(),
            };
        }
    }

    /// Everything before a connection: the wait, the look at the lease, the address. None: not now.
    async fn approach(&self, first: bool, wait: Duration) -> Option<String> {
        sleep(wait).await;
        if !(self.tools.permit.may_begin() && (first || self.admitted().await)) {
            return None;
        }
        let known = self.session.as_ref().and_then(|session| session.resume_url.clone());
        match known.filter(|url| !self.distrusts_url && self.is_ours(url)) {
            Some(url) => Some(url),
            None => self.ask_address().await,
        }
    }

    /// Reads the lease: whether it still names this very term.
    async fn admitted(&self) -> bool {
        let tools = &self.tools;
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
        let admitted = lease.is_some_and(|lease| self.fence.admits(lease)) && tools.permit.may_begin();
        // Leadership may have ended already; then it knows.
        let _ = tools.signals.send(Signal::BoardSeen(sent, board.map(Box::new)));
        admitted
    }

    /// A rehearsal never speaks to the real Discord, whatever a saved session says.
    fn is_ours(&self, url: &str) -> bool {
        let real = url.contains("discord.gg") || url.contains("discord.com");
        self.rest_base.is_none() || !real
    }

    /// Asks Discord for the gateway's address, and for its own count of IDENTIFYs.
    async fn ask_address(&self) -> Option<String> {
        match timeout(self.tools.policy.request_timeout, self.tools.http.get_bot_gateway()).await {
            Ok(Ok(gateway)) if !self.is_ours(&gateway.url) => {
                tracing::error!("rehearsal was sent to the real gateway, not connecting");
                None
            }
            Ok(Ok(gateway)) => {
                let left = gateway.session_start_limit.remaining;
                metrics::gauge!("gateway_session_starts_left").set(left as f64);
                if self.session.is_none() && left == 0 {
                    tracing::error!("discord has no session start left for this token");
                    return None;
                }
                Some(gateway.url)
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("gateway address not known");
                None
            }
        }
    }

    async fn attended<T>(&self, future: impl Future<Output = T>) -> Result<T, Duration> {
        attended(&self.tools, self.drained.clone(), future).await
    }

    /// The end of a drain that found no connection.
    async fn finish(&self, within: Duration) {
        self.desk.drain(within).await;
        self.take_leave();
    }

    /// Tells leadership where the successor resumes, and that nothing is in flight any more.
    pub(super) fn take_leave(&self) {
        if let Some(session) = self.for_successor() {
            let _ = self.tools.signals.send(Signal::SessionMoved(session));
        }
        let _ = self.tools.signals.send(Signal::Drained);
    }

    /// The session as another process shall resume it.
    pub(super) fn for_successor(&self) -> Option<SavedSession> {
        self.session.clone().map(|session| SavedSession { sequence: self.progress.settled(), ..session })
    }

    /// The session as this process resumes it.
    pub(super) fn for_myself(&self) -> Option<SavedSession> {
        self.session.clone().map(|session| SavedSession { sequence: self.progress.last(), ..session })
    }

    /// Saves the session and tells leadership, for its next renewal.
    pub(super) fn save(&self) {
        if let Some(session) = self.for_successor() {
            self.saver.save(session.clone());
            let _ = self.tools.signals.send(Signal::SessionMoved(session));
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }
}

/// Runs `future` while the gateway shows that it lives; cut short by a drain.
async fn attended<T>(
    tools: &Tools,
    mut drained: watch::Receiver<Option<Duration>>,
    future: impl Future<Output = T>,
) -> Result<T, Duration> {
    tokio::pin!(future);
    let mut ticks = ticks(tools.policy.session_save_every);
    loop {
        tokio::select! {
            biased;
            within = ordered(&mut drained) => return Err(within),
            _ = ticks.tick() => tools.vitals.gateway_turned(tools.clock.now()),
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
