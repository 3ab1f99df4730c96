//! What is an image, the steps against an AWS in memory, and with the feature `emulator` the built binary against an
//! emulator, whose address is `RELAIS_AWS_ENDPOINT`. `cargo xtask check --only emulator` starts one and runs this.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod disk;
mod memory;
mod refuses_what_is_no_image;
mod steps;

#[cfg(feature = "emulator")]
mod between;
#[cfg(feature = "emulator")]
mod goes_on;
#[cfg(feature = "emulator")]
mod keeps_the_last_two;
#[cfg(feature = "emulator")]
mod process;
#[cfg(feature = "emulator")]
mod publishes;
