//! Fuzzing: every interaction payload, from the gateway's text to the answer's body, and the reader of times.
//!
//! Reading order: what users type ([`texts`](crate)), the two targets ([`interactions`], [`moments`]), how cases are made,
//! judged and made smaller ([`run`]), what was tried ([`tally`], [`coverage`]). `cargo xtask fuzz` is the long run, this
//! crate's tests are the bounded one.
//!
//! Deliberately absent: sockets, the age of interactions and the lease (the rehearsal has those), and a list of commands:
//! what Discord is told of them is what is tried.

pub mod interactions;
pub mod moments;

pub mod coverage;
pub mod run;
pub mod tally;

mod texts;
