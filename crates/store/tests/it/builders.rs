//! Records and operations as tests need them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relais_failover::{
    Claim, ControlMode, ControlRecord, EventKind, EventRecord, Fence, Incarnation, LeaseOp, LeaseRecord, Site, Term,
    Version, WallClock,
};
use relais_store::{FencedWrite, OperationId, StateKey, Store, Write};
use serde_json::Value;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A version no other call of this process gets.
pub(crate) fn version() -> Version {
    Version::new(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) fn claim(site: Site, incarnation: u128) -> Claim {
    Claim { site, incarnation: Incarnation::new(incarnation) }
}

pub(crate) fn initial() -> LeaseRecord {
    LeaseRecord::initial(version(), Duration::from_secs(30), WallClock(1))
}

pub(crate) fn acquire(claim: Claim, read: &LeaseRecord) -> LeaseOp {
    let (expected, version) = (read.version, version());
    LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(2) }
}

pub(crate) fn take_over(claim: Claim, read: &LeaseRecord) -> LeaseOp {
    let (expected, version) = (read.version, version());
    LeaseOp::AcquireStale { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(2) }
}

pub(crate) fn renew(fence: Fence, expected: Version) -> LeaseOp {
    LeaseOp::Renew { fence, expected, version: version(), ttl_ms: 30_000, wall_hint: WallClock(3), session: None }
}

pub(crate) fn offer(held: &LeaseRecord, to: Site) -> LeaseOp {
    let (fence, expected) = (held.fence().unwrap(), held.version);
    LeaseOp::Offer { fence, expected, version: version(), to, wall_hint: WallClock(4), session: None }
}

pub(crate) fn release(held: &LeaseRecord) -> LeaseOp {
    let (fence, expected) = (held.fence().unwrap(), held.version);
    LeaseOp::Release { fence, expected, version: version(), wall_hint: WallClock(5), session: None }
}

/// Initialises the store and lets the laptop hold it; answers the record as it then stands.
pub(crate) async fn held(store: &dyn Store) -> LeaseRecord {
    let first = initial();
    store.init(&first).await.unwrap();
    store.apply(&acquire(claim(Site::Laptop, 1), &first)).await.unwrap()
}

/// The wish of an operator who asked the bot.
pub(crate) fn wish(mode: ControlMode) -> ControlRecord {
    ControlRecord { schema: 1, mode, until: WallClock(u64::MAX), reason: "Grüße 🦀".to_owned(), by: Some(u64::MAX) }
}

/// One transaction with an operation id of its own.
pub(crate) fn write(held: &LeaseRecord, operation: &str, writes: Vec<Write>) -> FencedWrite {
    FencedWrite { fence: held.fence().unwrap(), operation: OperationId::new(operation), writes }
}

pub(crate) fn put(name: &str, value: impl Into<Value>) -> Write {
    Write::Put { key: StateKey::state(name), value: value.into() }
}

pub(crate) fn delete(name: &str) -> Write {
    Write::Delete { key: StateKey::state(name) }
}

pub(crate) fn event(term: u64) -> EventRecord {
    EventRecord { schema: 1, kind: EventKind::TakenOver, site: Site::Cloud, term: Term(term), at: WallClock(9) }
}

pub(crate) async fn value(store: &dyn Store, name: &str) -> Option<Value> {
    store.read(&StateKey::state(name)).await.unwrap().map(|item| item.value)
}
