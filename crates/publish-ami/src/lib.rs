//! From a raw disk image to an AMI that the standby boots from: check, upload, register, name, clear away.
//!
//! In reading order: [`image`] (what is an image, and what is told to people who give something else), [`plan`] (its blocks,
//! the empty ones left out), [`settings`] (names, tags), [`ports`] (what is asked of AWS), [`resume`] (what a run that was cut
//! short leaves behind), [`upload`](mod@upload), [`publish`](mod@publish) (the steps in order), [`retention`] (what stays and
//! what goes, pure), `clear` (does it), [`outcome`] (what is said at the end), [`progress`], [`account`] (the ports on the SDK).
//!
//! Whoever runs the same command again gets the same snapshot and the same image: a snapshot is found by its client token
//! and its tags, an image by its name, and both have the digest of the image's bytes in them.
//!
//! Deliberately absent: making an image (Nix does), booting it, copies to other regions, public images, encryption keys
//! (the account's default applies), and every other call of EC2, which `relais-ec2` keeps to itself.

pub mod account;
pub mod arguments;
pub mod image;
pub mod outcome;
pub mod plan;
pub mod ports;
pub mod progress;
pub mod publish;
pub mod resume;
pub mod retention;
pub mod settings;
pub mod upload;

mod clear;
mod error;
mod snapshot;
mod tries;

pub use error::{PublishError, Refused};
pub use publish::publish;
