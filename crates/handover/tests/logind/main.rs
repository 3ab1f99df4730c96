//! The agent as it is shipped, before the real systemd-logind on a bus of its own; the bots of both sites are the real
//! leadership and the real private port on a real store, with a voice that says nothing.
//!
//! Needs root, `dbus-daemon` and `systemd-logind`, so only `--test logind` runs it (`cargo xtask check --only handover`).
//! logind gets a mount namespace: it sees a /run of its own and a kernel that says it can sleep, and the service manager
//! that it tells to sleep is the test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod bots;
mod hands_over;
mod machine;
mod manager;
mod restarts;
