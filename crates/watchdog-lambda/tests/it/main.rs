//! The function as Lambda runs it: the real binary between a small Runtime API and a small AWS.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod bad_settings;
mod invocations;
