//! The promises of the rehearsal's parts, on real sockets and real processes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod discord;
mod ec2;
mod links;
mod nodes;
mod patience;
