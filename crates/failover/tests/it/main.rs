//! What the core promises, one module a promise. Nothing here sleeps or reads a clock: time is data.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod holder_lines;
mod laws;
mod mutations;
mod scenarios;
mod table;
mod watchdog_lines;
mod wire;
mod world;
