//! The bounded run: what `cargo xtask fuzz` does by the million, by the thousand, with a seed that does not change.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod bounded;
