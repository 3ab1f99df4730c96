//! The standby against the wire of EC2: what is asked, and what follows from each answer.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod doubles;
mod errors;
mod little_ec2;
mod modes;
mod watched;
