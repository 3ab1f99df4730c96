//! A backup: a file that any store can be restored from, whatever store it was taken of.
//!
//! It is text, one JSON document a line: a header ([`Header`]: form, when, which site and term), the entries
//! ([`Entry`](crate::Entry)), and a last line ([`End`]) with the number of lines and a SHA-256 over all before it. A file
//! that was cut short or changed is refused before anything is written.
//!
//! What is in it: bot data and outbox, the failover history, the operator's override. What is not, because it must not come
//! back: the lease's holder and its Discord session, a request to come home, the watchdog's memory, and the marks of
//! operations. An operation that was done after the copy is not done in what is restored, so its mark would be a lie.
//!
//! [`take`] writes one, [`verify`] reads one to its end, [`restore`] puts one back.

mod format;
mod reader;
mod restore;
mod take;
mod whole;

pub use format::{Counts, End, Header, SCHEMA};
pub use reader::{Checked, ReadError, Reader, verify};
pub use restore::{Fresh, RestoreFailure, Restored, TERMS_APART, UnknownForm, restore};
pub use take::{TakeError, Taken, take};
pub(crate) use whole::{PAGE_BYTES, PAGE_ENTRIES, Whole};
