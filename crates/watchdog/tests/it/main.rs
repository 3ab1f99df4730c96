//! The watchdog as its callers see it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod probe;
mod tick;
mod webhook;
