//! What the tasks tell of themselves: shared numbers, written by one, read by pulse, health and metrics.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use relais_failover::{Policy, Timestamp};

/// Signs of life of one shard's connection. Moments are milliseconds of this machine's own clock; 0 means never.
#[derive(Debug, Default)]
pub struct ShardVitals {
    connected: AtomicBool,
    waiting: AtomicBool,
    proof: AtomicU64,
    ack: AtomicU64,
    frame: AtomicU64,
    changed: AtomicU64,
    turn: AtomicU64,
    heartbeat_interval: AtomicU64,
    latency_us: AtomicU64,
}

impl ShardVitals {
    /// It owes its first proof of life from here.
    fn starting(now: Timestamp) -> Self {
        let now = now.as_millis();
        Self { proof: now.into(), changed: now.into(), turn: now.into(), ..Self::default() }
    }

    /// The session is up, or is not.
    pub fn set_connected(&self, connected: bool, now: Timestamp) {
        self.waiting.store(false, Relaxed);
        if self.connected.swap(connected, Relaxed) != connected {
            self.changed.store(now.as_millis(), Relaxed);
        }
        if connected {
            self.proof.store(now.as_millis(), Relaxed);
        }
    }

    /// It stands in the line for IDENTIFY, behind other shards: no fault of its own, so it owes nothing meanwhile.
    pub fn stands_in_line(&self, now: Timestamp) {
        self.waiting.store(true, Relaxed);
        self.proof.store(now.as_millis(), Relaxed);
        self.changed.store(now.as_millis(), Relaxed);
    }

    /// Its turn came.
    pub fn left_the_line(&self) {
        self.waiting.store(false, Relaxed);
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

    /// Its task took a turn.
    pub fn turned(&self, now: Timestamp) {
        self.turn.store(now.as_millis(), Relaxed);
    }

    /// Discord said how often it wants a heartbeat.
    pub fn set_heartbeat_interval(&self, millis: u64) {
        self.heartbeat_interval.store(millis, Relaxed);
    }

    /// The mean heartbeat latency of the connection.
    pub fn set_latency(&self, latency: Option<Duration>) {
        let micros = latency.map_or(0, |latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        self.latency_us.store(micros, Relaxed);
    }

    /// Whether the session is up.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.connected.load(Relaxed)
    }

    fn well(&self) -> bool {
        self.connected() || self.waiting.load(Relaxed)
    }
}

/// Signs of life of the process. Where shards differ, the worst one speaks for all: a bot that is deaf in a quarter of its
/// servers is not well.
#[derive(Debug, Default)]
pub struct Vitals {
    speaking: AtomicBool,
    began: AtomicU64,
    gateway_turn: AtomicU64,
    leadership_turn: AtomicU64,
    leadership_lag: AtomicU64,
    shards: RwLock<Arc<[Arc<ShardVitals>]>>,
}

impl Vitals {
    /// A term begins: the gateway owes its first proof of life from here.
    pub fn begin(&self, now: Timestamp) {
        self.set_shards(Arc::default());
        self.began.store(now.as_millis(), Relaxed);
        self.gateway_turn.store(now.as_millis(), Relaxed);
        self.speaking.store(true, Relaxed);
    }

    /// The shards of the term are known, and begin. Gives each one's part, the first shard's first.
    pub fn enter(&self, count: NonZeroU32, now: Timestamp) -> Arc<[Arc<ShardVitals>]> {
        let shards: Arc<[_]> = (0..count.get()).map(|_| Arc::new(ShardVitals::starting(now))).collect();
        self.set_shards(shards.clone());
        shards
    }

    /// The term is over.
    pub fn end(&self, now: Timestamp) {
        self.speaking.store(false, Relaxed);
        self.shards().iter().for_each(|shard| shard.set_connected(false, now));
    }

    fn set_shards(&self, shards: Arc<[Arc<ShardVitals>]>) {
        *self.shards.write().unwrap_or_else(PoisonError::into_inner) = shards;
    }

    /// The shards of this term; none until their number is known.
    #[must_use]
    pub fn shards(&self) -> Arc<[Arc<ShardVitals>]> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether Discord hears this bot: some session is up, and none is down that could be up by now.
    #[must_use]
    pub fn connected(&self) -> bool {
        let shards = self.shards();
        shards.iter().any(|shard| shard.connected()) && shards.iter().all(|shard| shard.well())
    }

    /// How long a session has been down, while a term wants it up: the longest.
    #[must_use]
    pub fn down_for(&self, now: Timestamp) -> Option<Duration> {
        if !self.speaking.load(Relaxed) || self.connected() {
            return None;
        }
        let down = |shard: &Arc<ShardVitals>| (!shard.well()).then(|| since(now, &shard.changed));
        self.shards().iter().filter_map(down).max().or_else(|| Some(since(now, &self.began)))
    }

    /// The interval of heartbeats, if a connection told it: the longest.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Option<Duration> {
        let intervals = |shard: &Arc<ShardVitals>| some(&shard.heartbeat_interval).map(Duration::from_millis);
        self.shards().iter().filter_map(intervals).max()
    }

    /// The mean heartbeat latency, once a heartbeat was acknowledged: the mean of the shards.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        let known: Vec<u64> = self.shards().iter().filter_map(|shard| some(&shard.latency_us)).collect();
        let sum: u64 = known.iter().sum();
        sum.checked_div(known.len() as u64).map(Duration::from_micros)
    }

    /// The gateway takes turns before its shards do: it looks for sessions, or asks how many shards there are.
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
        since(now, &self.leadership_turn)
    }

    /// Age of the last heartbeat ACK: the oldest of those that there are.
    #[must_use]
    pub fn ack_age(&self, now: Timestamp) -> Option<Duration> {
        self.shards().iter().filter_map(|shard| some(&shard.ack).map(|_| since(now, &shard.ack))).max()
    }

    /// Age of the last proof that the data path works (an ACK, a session coming up, or the begin of the term): the oldest.
    #[must_use]
    pub fn proof_age(&self, now: Timestamp) -> Duration {
        let proofs = self.shards().iter().map(|shard| since(now, &shard.proof)).max();
        proofs.unwrap_or_else(|| since(now, &self.began))
    }

    /// Age of the last frame on any shard.
    #[must_use]
    pub fn frame_age(&self, now: Timestamp) -> Option<Duration> {
        self.shards().iter().filter_map(|shard| some(&shard.frame).map(|_| since(now, &shard.frame))).min()
    }

    /// How late the event loop runs: the worst of its tasks.
    #[must_use]
    pub fn loop_lag(&self, now: Timestamp, policy: &Policy) -> Duration {
        let leadership = Duration::from_millis(self.leadership_lag.load(Relaxed));
        if !self.speaking.load(Relaxed) {
            return leadership;
        }
        let turns = self.shards().iter().map(|shard| since(now, &shard.turn)).max();
        let turn = turns.unwrap_or_else(|| since(now, &self.gateway_turn));
        leadership.max(turn.saturating_sub(policy.session_save_every))
    }

    /// Whether the lease may be kept for this bot: ACK and event loop within the policy.
    #[must_use]
    pub fn pulse(&self, now: Timestamp, policy: &Policy) -> bool {
        let dead = self.speaking.load(Relaxed) && self.proof_age(now) > policy.pulse_ack_max;
        !dead && self.loop_lag(now, policy) <= policy.pulse_lag_max
    }
}

fn since(now: Timestamp, moment: &AtomicU64) -> Duration {
    now.since(Timestamp::from_millis(moment.load(Relaxed)))
}

fn some(number: &AtomicU64) -> Option<u64> {
    Some(number.load(Relaxed)).filter(|number| *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    fn shards(count: u32) -> (Vitals, Arc<[Arc<ShardVitals>]>) {
        let vitals = Vitals::default();
        vitals.begin(at(0));
        let shards = vitals.enter(NonZeroU32::new(count).unwrap(), at(0));
        (vitals, shards)
    }

    #[test]
    fn one_deaf_shard_speaks_for_all() {
        let (vitals, shards) = shards(3);
        let policy = Policy::embedded();
        shards.iter().for_each(|shard| shard.set_connected(true, at(1)));
        assert!(vitals.connected());
        for seconds in 2..70 {
            shards.iter().for_each(|shard| shard.turned(at(seconds)));
            shards[..2].iter().for_each(|shard| shard.acknowledged(at(seconds)));
        }
        assert_eq!(vitals.proof_age(at(69)), Duration::from_secs(68));
        assert!(!vitals.pulse(at(69), &policy));
        shards[2].acknowledged(at(69));
        assert!(vitals.pulse(at(69), &policy));
    }

    #[test]
    fn one_lost_shard_is_a_bot_that_is_down() {
        let (vitals, shards) = shards(2);
        assert!(!vitals.connected());
        shards.iter().for_each(|shard| shard.set_connected(true, at(1)));
        shards[1].set_connected(false, at(5));
        assert!(!vitals.connected());
        assert_eq!(vitals.down_for(at(9)), Some(Duration::from_secs(4)));
        vitals.end(at(9));
        assert_eq!(vitals.down_for(at(9)), None);
    }

    #[test]
    fn who_stands_in_line_behind_another_shard_owes_nothing() {
        let (vitals, shards) = shards(2);
        let policy = Policy::embedded();
        shards[0].set_connected(true, at(1));
        for seconds in 1..200 {
            shards.iter().for_each(|shard| shard.turned(at(seconds)));
            shards[0].acknowledged(at(seconds));
            shards[1].stands_in_line(at(seconds));
        }
        assert!(vitals.pulse(at(200), &policy) && vitals.connected());
        shards[1].left_the_line();
        assert!(!vitals.connected());
        shards[1].turned(at(261));
        assert!(!vitals.pulse(at(261), &policy), "its turn came, and it did not come up");
    }

    #[test]
    fn a_shard_whose_task_stands_still_makes_the_loop_late() {
        let (vitals, shards) = shards(2);
        shards[0].turned(at(30));
        assert_eq!(vitals.loop_lag(at(30), &Policy::embedded()), Duration::from_secs(29));
    }
}
