//! Where the lease, the bot's state and the failover history live: the ports and everything that implements them.
//!
//! In reading order:
//! - [`ports`]: what a store must do, as small traits: [`LeaseStore`], [`StateStore`], [`EventLog`], [`Archive`], together
//!   [`Store`].
//! - [`records`]: what is written: [`FencedWrite`], [`StateItem`] and their keys.
//! - [`limits`]: how large a write may be, the same in every implementation.
//! - [`error`]: why a store could not, by cause.
//! - [`url`]: `memory:`, `sqlite:/path`, `dynamodb:table`, `http://127.0.0.1:7000`, and [`open`].
//! - [`memory`]: for tests and for the rehearsal.
//! - [`sqlite`]: one file, durable, several processes.
//! - [`served`] and [`remote`]: any store over plain HTTP on the loopback interface, for the rehearsal.
//! - [`archive`]: a backup as a file that any store can be restored from.
//! - [`faulty`]: a test double that loses answers.
//!
//! Deliberately absent: DynamoDB (`relais-dynamodb`, so that who does not need it does not compile it), the rules of the lease (they are [`LeaseOp::apply`](relais_failover::LeaseOp::apply); a store
//! only makes their condition and their effect one step), any clock (a store never judges an age), and automatic
//! retries of writes (a lost answer is told to the caller, who alone knows what it means).

pub mod archive;
pub mod error;
pub mod faulty;
pub mod limits;
pub mod memory;
pub mod ports;
pub mod records;
pub mod remote;
pub mod served;
pub mod sqlite;
pub mod url;

pub use error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
pub use faulty::Faulty;
pub use memory::Memory;
pub use ports::{Archive, Copying, EventLog, LeaseStore, StateStore, Store};
pub use records::{Committed, Entry, FencedWrite, KeyError, OperationId, Restoration, StateItem, StateKey, Write};
pub use remote::Remote;
pub use sqlite::Sqlite;
pub use url::{DynamoUrl, StoreUrl, open};
