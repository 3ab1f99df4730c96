//! What a shell needs from its machine, and nothing of the protocol's mind.
//!
//! In reading order: time and identity, command line and settings, the process's life, the network, what operators see.
//! Every binary of Relais starts here: [`command_line::run`], [`process::run`], [`trace::init`], [`config::load`], [`listen::bind`], [`shutdown::token`], [`exit::report`].
//!
//! Deliberately absent: decisions (they are in `relais-failover`), storage (`relais-store`), TLS and redirects
//! ([`http`] speaks plain HTTP to private addresses only), retries (the caller knows whether a repeat is safe).

pub mod clock;
pub mod command_line;
pub mod config;
pub mod exit;
pub mod http;
pub mod listen;
pub mod metrics_page;
pub mod process;
pub mod secret;
pub mod shutdown;
pub mod trace;
