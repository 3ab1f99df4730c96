//! The store against an emulator of DynamoDB, whose address is `RELAIS_AWS_ENDPOINT`: the contract of every store, and
//! what only this one has. `cargo xtask check --only emulator` starts one and runs this.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "../../../store/tests/it/builders.rs"]
mod builders;
mod contract;
mod copying;
mod emulator;
mod lost_answers;
mod texts;
