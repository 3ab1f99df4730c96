//! Each call as statements of one transaction.

use relais_failover::wire::{self, Record};
use relais_failover::{Board, ControlRecord, EventRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::fault::Fault;
use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::limits;
use crate::memory::{admitted, under_way};
use crate::records::{Committed, Entry, FencedWrite, Restoration, StateItem, StateKey, Write};

type Tx<'a> = Transaction<'a>;

pub(super) fn init(tx: &Tx<'_>, first: &LeaseRecord) -> Result<(), Fault<StoreError>> {
    if record::<Restoration, StoreError>(tx)?.is_some() {
        return Err(StoreError::RestoreUnfinished.into());
    }
    let sql = "INSERT INTO record (name, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let written = tx.prepare_cached(sql)?.execute(params![LeaseRecord::NAME, wire::encode(first)?])?;
    if written == 1 { Ok(()) } else { Err(StoreError::AlreadyInitialised.into()) }
}

pub(super) fn board(tx: &Tx<'_>) -> Result<Board, Fault<StoreError>> {
    Ok(Board { lease: record(tx)?, handback: record(tx)?, control: record(tx)? })
}

pub(super) fn apply(tx: &Tx<'_>, op: &LeaseOp) -> Result<LeaseRecord, Fault<LeaseError>> {
    let current: LeaseRecord = record(tx)?.ok_or(LeaseError::Missing)?;
    let next = op.apply(&current).map_err(LeaseError::Refused)?;
    put(tx, &next)?;
    Ok(next)
}

pub(super) fn clear_handback(tx: &Tx<'_>, site: Site) -> Result<(), Fault<StoreError>> {
    let current: Option<HandbackRecord> = record(tx)?;
    if current.is_some_and(|record| record.site == site) {
        tx.prepare_cached("DELETE FROM record WHERE name = ?1")?.execute([HandbackRecord::NAME])?;
    }
    Ok(())
}

pub(super) fn replace_control(
    tx: &Tx<'_>,
    next: &ControlRecord,
    expected: Option<&ControlRecord>,
) -> Result<bool, Fault<StoreError>> {
    let current: Option<ControlRecord> = record(tx)?;
    let stands = current.as_ref() == expected;
    if stands {
        put(tx, next)?;
    }
    Ok(stands)
}

pub(super) fn write_watch(
    tx: &Tx<'_>,
    next: &WatchRecord,
    expected_revision: Option<u64>,
) -> Result<(), Fault<WatchError>> {
    let current: Option<WatchRecord> = record(tx)?;
    if current.as_ref().map(|record| record.revision) != expected_revision {
        return Err(WatchError::Conflict { current: current.map(Box::new) }.into());
    }
    put(tx, next)
}

pub(super) fn commit(tx: &Tx<'_>, write: &FencedWrite) -> Result<Committed, Fault<CommitError>> {
    let done: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM operation WHERE id = ?1)")?
        .query_row([write.operation.as_str()], |row| row.get(0))?;
    if done {
        return Ok(Committed::Repeated);
    }
    let lease: Option<LeaseRecord> = record(tx)?;
    admitted(&write.fence, lease.as_ref())?;
    for write in &write.writes {
        match write {
            Write::Put { key, value } => {
                let sql = "INSERT INTO state (key, value, revision) VALUES (?1, ?2, 1)
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = revision + 1";
                tx.prepare_cached(sql)?.execute(params![key.as_str(), limits::text(value)])?;
            }
            Write::Delete { key } => {
                tx.prepare_cached("DELETE FROM state WHERE key = ?1")?.execute([key.as_str()])?;
            }
            Write::AppendEvent(event) => {
                tx.prepare_cached("INSERT INTO event (body) VALUES (?1)")?.execute([wire::encode(event)?])?;
            }
            Write::Control(record) => put(tx, record)?,
        }
    }
    let term = i64::try_from(write.fence.term.0).unwrap_or(i64::MAX);
    tx.prepare_cached("INSERT INTO operation (id, term) VALUES (?1, ?2)")?
        .execute(params![write.operation.as_str(), term])?;
    Ok(Committed::Applied)
}

pub(super) fn item(tx: &Tx<'_>, key: &StateKey) -> Result<Option<StateItem>, Fault<StoreError>> {
    let sql = "SELECT key, value, revision FROM state WHERE key = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([key.as_str()], state_item).optional()?)
}

pub(super) fn items(tx: &Tx<'_>, prefix: &str, limit: usize) -> Result<Vec<StateItem>, Fault<StoreError>> {
    // Keys with one prefix stand together in byte order: read on from the first until one has it no more.
    let mut statement = tx.prepare_cached("SELECT key, value, revision FROM state WHERE key >= ?1 ORDER BY key")?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        if !row.get_ref(0)?.as_str().is_ok_and(|key| key.starts_with(prefix)) {
            break;
        }
        found.push(state_item(row)?);
    }
    Ok(found)
}

pub(super) fn events(tx: &Tx<'_>, limit: usize) -> Result<Vec<EventRecord>, Fault<StoreError>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = tx.prepare_cached("SELECT body FROM event ORDER BY position DESC LIMIT ?1")?;
    let mut rows = statement.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(event(row)?);
    }
    Ok(found)
}

pub(super) fn record<R: Record, E>(tx: &Tx<'_>) -> Result<Option<R>, Fault<E>> {
    let sql = "SELECT body FROM record WHERE name = ?1";
    let body: Option<String> = tx.prepare_cached(sql)?.query_row([R::NAME], |row| row.get(0)).optional()?;
    Ok(body.as_deref().map(wire::decode).transpose()?)
}

pub(super) fn put<R: Record, E>(tx: &Tx<'_>, record: &R) -> Result<(), Fault<E>> {
    let sql = "INSERT INTO record (name, body) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    tx.prepare_cached(sql)?.execute(params![R::NAME, wire::encode(record)?])?;
    Ok(())
}

/// The event in the first column.
pub(super) fn event(row: &Row<'_>) -> Result<EventRecord, Fault<StoreError>> {
    Ok(wire::decode(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?)
}

pub(super) fn begin_restore(tx: &Tx<'_>, source: &Restoration) -> Result<(), Fault<RestoreError>> {
    match restoring(tx, source) {
        Err(Fault::Answer(RestoreError::NotBegun)) => {}
        done => return done,
    }
    for (table, what) in [("state", "bot data"), ("event", "a history"), ("operation", "marks of operations")] {
        let there: bool = tx.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), [], |row| row.get(0))?;
        if there {
            return Err(RestoreError::NotEmpty { what: what.to_owned() }.into());
        }
    }
    put(tx, source)
}

pub(super) fn put_back(tx: &Tx<'_>, source: &Restoration, entries: &[Entry]) -> Result<(), Fault<RestoreError>> {
    restoring(tx, source)?;
    for entry in entries {
        match entry {
            Entry::Control(record) => put(tx, record)?,
            Entry::Event { number, record } => {
                let sql = "INSERT OR REPLACE INTO event (position, body) VALUES (?1, ?2)";
                let position = i64::try_from(*number).unwrap_or(i64::MAX);
                tx.prepare_cached(sql)?.execute(params![position, wire::encode(record)?])?;
            }
            Entry::State(item) => {
                let sql = "INSERT OR REPLACE INTO state (key, value, revision) VALUES (?1, ?2, ?3)";
                let revision = i64::try_from(item.revision).unwrap_or(i64::MAX);
                tx.prepare_cached(sql)?.execute(params![item.key.as_str(), limits::text(&item.value), revision])?;
            }
        }
    }
    Ok(())
}

pub(super) fn finish_restore(
    tx: &Tx<'_>,
    source: &Restoration,
    lease: &LeaseRecord,
) -> Result<(), Fault<RestoreError>> {
    let there: Option<LeaseRecord> = record(tx)?;
    if there.is_some_and(|there| there.version == lease.version) {
        return Ok(());
    }
    restoring(tx, source)?;
    put(tx, lease)?;
    tx.prepare_cached("DELETE FROM record WHERE name = ?1")?.execute([Restoration::NAME])?;
    Ok(())
}

/// This restore must be under way.
fn restoring(tx: &Tx<'_>, source: &Restoration) -> Result<(), Fault<RestoreError>> {
    let lease: Option<LeaseRecord> = record(tx)?;
    Ok(under_way(lease.as_ref(), record(tx)?.as_ref(), source)?)
}

pub(super) fn state_item(row: &Row<'_>) -> rusqlite::Result<StateItem> {
    let unreadable = |column, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    Ok(StateItem {
        key: StateKey::try_from(row.get::<_, String>(0)?).map_err(|error| unreadable(0, error.into()))?,
        value: serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| unreadable(1, error.into()))?,
        revision: row.get(2)?,
    })
}
