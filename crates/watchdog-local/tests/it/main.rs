//! The binary as people use it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod bad_input;
mod command;
mod ended_early;
#[cfg(feature = "mutants")]
mod known_bad_designs;
mod one_scene;
mod watch;
