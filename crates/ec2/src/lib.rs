//! The standby on EC2, behind the watchdog's [`Standby`](relais_watchdog::Standby) port, and the images it boots from.
//!
//! In reading order: [`config`] (two modes: `launch` from a template and terminate, `stopped` for one machine that is
//! started and stopped), [`standby`](mod@standby) (what is done), `offers` (which type, zone and market is tried when),
//! `calls` (one deadline a try, three tries when throttled), [`meaning`](mod@meaning) (what each of EC2's errors means),
//! [`images`] (what `publish-ami` needs).
//!
//! A machine is ours by its tags `Project` and `Role`; nothing else is ever described, started or stopped, and the
//! account's policy holds the same line (`terraform/`).
//!
//! This is the only crate that knows `aws-sdk-ec2`, which compiles for minutes. Deliberately absent: making networks,
//! templates and roles (Terraform's), the SDK's own retries, and any decision whether a machine should run.

pub mod config;
pub mod images;
pub mod meaning;
pub mod standby;
pub mod tags;

mod calls;
mod offers;

pub use config::{ConfigError, Launch, Market, StandbyConfig, Stopped};
pub use standby::Ec2Standby;
