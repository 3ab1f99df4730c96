//! The tables, and how an older file gets them.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::File;
use crate::error::StoreError;

/// The schema this program writes, kept in the file as `user_version`.
pub const SCHEMA: u32 = 1;

/// Marks the file as this program's: "RELA".
const APPLICATION: u32 = 0x5245_4c41;

/// What brings a file from schema `i` to `i + 1`. Only ever appended to.
const MIGRATIONS: [&str; SCHEMA as usize] = ["
    CREATE TABLE record (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
    CREATE TABLE operation (id TEXT PRIMARY KEY, term INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE event (position INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;
"];

/// Refuses a file that this program must not touch. Reads only, and all of it from one state of the file: another
/// process may migrate it between two looks, and its tables without its mark would look like another program's.
pub(super) fn check(connection: &Connection, file: &File) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| file.error(&error);
    let tx = connection.unchecked_transaction().map_err(failed)?;
    let found = version(&tx).map_err(failed)?;
    let marked = pragma(&tx, "application_id").map_err(failed)?;
    let foreign: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0)).map_err(failed)?;
    if foreign && marked != APPLICATION {
        return Err(file.corrupt("it is an SQLite file of another program"));
    }
    if found > SCHEMA {
        return Err(file.newer(found, SCHEMA));
    }
    let verdict: String = tx.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict == "ok" { Ok(()) } else { Err(file.corrupt(verdict.replace('\n', " "))) }
}

/// Brings the file to [`SCHEMA`], whole or not at all.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    run(connection, &MIGRATIONS)
}

fn run(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    // Looked at again under the write lock: another process may have migrated since the check.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&tx)? as usize;
    let Some(missing) = migrations.get(from..).filter(|missing| !missing.is_empty()) else { return Ok(()) };
    for migration in missing {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", migrations.len())?;
    tx.commit()?;
    tracing::info!(from, to = migrations.len(), "store schema migrated");
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    pragma(connection, "user_version")
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_file_gets_only_what_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE one (a TEXT) STRICT";
        run(&mut connection, &[first]).unwrap();
        connection.execute("INSERT INTO one VALUES ('kept')", []).unwrap();
        run(&mut connection, &[first, "ALTER TABLE one ADD COLUMN b TEXT NOT NULL DEFAULT 'new'"]).unwrap();
        let row: (String, String) =
            connection.query_row("SELECT a, b FROM one", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, ("kept".to_owned(), "new".to_owned()));
        assert_eq!(version(&connection).unwrap(), 2);
    }

    #[test]
    fn failed_migration_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &["CREATE TABLE one (a TEXT) STRICT"]).unwrap();
        let migrations = ["", "CREATE TABLE two (a TEXT) STRICT", "no such statement"];
        run(&mut connection, &migrations).unwrap_err();
        assert_eq!(version(&connection).unwrap(), 1);
        let two: bool = connection
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'two')", [], |row| row.get(0))
            .unwrap();
        assert!(!two);
    }
}
