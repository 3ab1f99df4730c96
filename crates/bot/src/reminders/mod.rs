//! Reminders that survive anything: an outbox under the fence.
//!
//! A reminder is a record of its user; while it waits for its moment, for another try or for its next repeat, an entry
//! of the outbox points to it, and the entry's key begins with that moment. The holder sends what is due with a nonce
//! that Discord enforces, and only then, under the fence, takes the entry away or moves it on. So whoever takes over
//! between any two of these steps sends the same message under the same nonce again, and Discord shows it once.
//!
//! Reading order: the [`record`], what an attempt leads to ([`outbox`], pure), how it is sent ([`delivery`]).

pub mod delivery;
pub mod outbox;
pub mod record;

pub use outbox::{Attempt, Next};
pub use record::{OUTBOX, Pointer, Reminder, State};
