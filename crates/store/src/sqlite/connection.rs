//! How a file is opened: looked at first, written only once it is known to be this program's and whole.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::File;
use super::{SqliteOptions, schema};
use crate::error::StoreError;

/// The pause between two tries while another process opens the same file.
const PAUSE: Duration = Duration::from_millis(20);

/// What each connection keeps of the file, KiB: what a bot needs at a time is a handful of pages, and the system has the
/// rest of the file in memory that it can take back.
const CACHE_KIB: i64 = 512;

/// The connection that writes. Checks the file and brings it to the present schema.
pub(super) fn open(file: &File, options: SqliteOptions) -> Result<Connection, StoreError> {
    present_folder(file)?;
    // The change to the write-ahead log takes an exclusive lock for which SQLite does not wait by itself.
    let mut left = options.busy_timeout;
    loop {
        match prepare(file, options) {
            Err(StoreError::Busy { .. }) if !left.is_zero() => {
                std::thread::sleep(PAUSE.min(left));
                left = left.saturating_sub(PAUSE);
            }
            done => return done,
        }
    }
}

/// A further connection to a file that [`open`] has made ready.
pub(super) fn beside(file: &File, options: SqliteOptions) -> Result<Connection, StoreError> {
    let connection = connect(file, options)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| file.error(&error))?;
    Ok(connection)
}

fn present_folder(file: &File) -> Result<(), StoreError> {
    let folder = file.path().parent().unwrap_or(file.path());
    if !folder.is_dir() {
        return Err(file.unreachable(format_args!("the folder {} does not exist: create it first", folder.display())));
    }
    if file.path().is_dir() {
        return Err(file.unreachable("it is a folder, not a file"));
    }
    Ok(())
}

fn prepare(file: &File, options: SqliteOptions) -> Result<Connection, StoreError> {
    let mut connection = connect(file, options)?;
    let failed = |error: rusqlite::Error| file.error(&error);
    // Closing the connection after a refusal must not move the log into a file that was refused.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    schema::check(&connection, file)?;
    if connection.is_readonly("main").map_err(failed)? {
        return Err(file.unreachable("it is not writable by this user"));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(failed)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(file.unreachable(format_args!("its file system has no write-ahead log (mode {mode})")));
    }
    schema::migrate(&mut connection).map_err(failed)?;
    Ok(connection)
}

fn connect(file: &File, options: SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error: rusqlite::Error| file.error(&error);
    let connection = Connection::open_with_flags(file.path(), flags).map_err(failed)?;
    connection.busy_timeout(options.busy_timeout).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    if let Some(pages) = options.page_limit {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(failed)?;
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
