//! The built binary against an emulator of AWS, whose address is `RELAIS_AWS_ENDPOINT`. `cargo xtask check --only emulator`
//! starts one and runs this.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod answers;
mod between;
#[path = "../it/disk.rs"]
mod disk;
mod goes_on;
mod keeps_the_last_two;
mod process;
mod publishes;
