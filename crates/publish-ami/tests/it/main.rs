//! What is an image, and the steps against an AWS in memory.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod disk;
mod memory;
mod refuses_what_is_no_image;
mod steps;
