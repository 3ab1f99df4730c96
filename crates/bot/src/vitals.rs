//! What the tasks tell of themselves: shared numbers, written by one, read by pulse, health and metrics.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use relais_failover::{Policy, Timestamp};

/// Signs of life. Moments are milliseconds of this machine's own clock; 0 means never.
#[derive(Debug, Default)]
pub struct Vitals {
    connected: AtomicBool,
    speaking: AtomicBool,
    proof: AtomicU64,
    ack: AtomicU64,
    frame: AtomicU64,
    connected_changed: AtomicU64,
    gateway_turn: AtomicU64,
    leadership_turn: AtomicU64,
    leadership_lag: AtomicU64,
    heartbeat_interval: AtomicU64,
    latency_us: AtomicU64,
}

impl Vitals {
    /// A term begins: the gateway owes its first proof of life from here.
    pub fn begin(&self, now: Timestamp) {
        self.proof.store(now.as_millis(), Relaxed);
        self.ack.store(0, Relaxed);
        self.connected_changed.store(now.as_millis(), Relaxed);
        self.gateway_turn.store(now.as_millis(), Relaxed);
        self.speaking.store(true, Relaxed);
    }

    /// The term is over.
    pub fn end(&self, now: Timestamp) {
        self.speaking.store(false, Relaxed);
        self.set_connected(false, now);
    }

    /// The session is up, or is not.
    pub fn set_connected(&self, connected: bool, now: Timestamp) {
        if self.connected.swap(connected, Relaxed) != connected {
            self.connected_changed.store(now.as_millis(), Relaxed);
        }
        if connected {
            self.proof.store(now.as_millis(), Relaxed);
        }
        metrics::gauge!("gateway_connected").set(if connected { 1.0 } else { 0.0 });
    }

    /// Whether the session is up.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.connected.load(Relaxed)
    }

    /// How long the session has been down, while a term wants it up.
    #[must_use]
    pub fn down_for(&self, now: Timestamp) -> Option<Duration> {
        (self.speaking.load(Relaxed) && !self.connected())
            .then(|| now.since(Timestamp::from_millis(self.connected_changed.load(Relaxed))))
    }

    /// A heartbeat was acknowledged.
    pub fn acknowledged(&self, now: Timestamp) {
        self.ack.store(now.as_millis(), Relaxed);
        self.proof.store(now.as_millis(), Relaxed);
    }

    /// A frame arrived.
    pub fn heard(&self, now: Timestamp) {
        self.frame.store(now.as_millis(), Relaxed);
    }

    /// Discord said how often it wants a heartbeat.
    pub fn set_heartbeat_interval(&self, millis: u64) {
        self.heartbeat_interval.store(millis, Relaxed);
    }

    /// The interval of heartbeats, if a connection told it.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Option<Duration> {
        some(self.heartbeat_interval.load(Relaxed)).map(Duration::from_millis)
    }

    /// The mean heartbeat latency of the connection.
    pub fn set_latency(&self, latency: Option<Duration>) {
        let micros = latency.map_or(0, |latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        self.latency_us.store(micros, Relaxed);
    }

    /// The mean heartbeat latency, once a heartbeat was acknowledged.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        some(self.latency_us.load(Relaxed)).map(Duration::from_micros)
    }

    /// The gateway task took a turn.
    pub fn gateway_turned(&self, now: Timestamp) {
        self.gateway_turn.store(now.as_millis(), Relaxed);
    }

    /// The leadership task took a turn, that much later than it asked for.
    pub fn leadership_turned(&self, now: Timestamp, lag: Duration) {
        self.leadership_turn.store(now.as_millis(), Relaxed);
        self.leadership_lag.store(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// How long ago leadership took its last turn.
    #[must_use]
    pub fn leadership_silent_for(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_millis(self.leadership_turn.load(Relaxed)))
    }

    /// Age of the last heartbeat ACK of this connection.
    #[must_use]
    pub fn ack_age(&self, now: Timestamp) -> Option<Duration> {
        some(self.ack.load(Relaxed)).map(|ack| now.since(Timestamp::from_millis(ack)))
    }

    /// Age of the last proof that the data path works: an ACK, a session coming up, or the begin of the term.
    #[must_use]
    pub fn proof_age(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_millis(self.proof.load(Relaxed)))
    }

    /// Age of the last frame.
    #[must_use]
    pub fn frame_age(&self, now: Timestamp) -> Option<Duration> {
        some(self.frame.load(Relaxed)).map(|frame| now.since(Timestamp::from_millis(frame)))
    }

    /// How late the event loop runs: the worse of the two tasks.
    #[must_use]
    pub fn loop_lag(&self, now: Timestamp, policy: &Policy) -> Duration {
        let leadership = Duration::from_millis(self.leadership_lag.load(Relaxed));
        if !self.speaking.load(Relaxed) {
            return leadership;
        }
        let turn = now.since(Timestamp::from_millis(self.gateway_turn.load(Relaxed)));
        leadership.max(turn.saturating_sub(policy.session_save_every))
    }

    /// Whether the lease may be kept for this bot: ACK and event loop within the policy.
    #[must_use]
    pub fn pulse(&self, now: Timestamp, policy: &Policy) -> bool {
        let dead = self.speaking.load(Relaxed) && self.proof_age(now) > policy.pulse_ack_max;
        !dead && self.loop_lag(now, policy) <= policy.pulse_lag_max
    }
}

fn some(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}
