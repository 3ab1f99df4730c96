//! The health server over real sockets.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod answers_are_signed;
mod settings_are_refused;
mod strangers_are_bounded;
mod support;
