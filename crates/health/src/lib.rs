//! The signed health answer of one site, for the prober and nobody else.
//!
//! Reading order: what it is told ([`config`], [`process`]), what it looks at ([`looks`]), what that means ([`report`],
//! pure), who may ask ([`router`]), and how much of this machine strangers can use up ([`gate`]), what
//! operators see ([`measures`], [`machine`]).
//!
//! Deliberately absent: TLS (Tailscale Funnel ends it), any path besides `/health`, any detail for a caller who asks
//! wrongly, knowledge of who the caller is (Funnel hides it, so the limits are for all callers together), and any say
//! in who speaks: a wrong answer here can cost power, never safety.

pub mod config;
pub mod process;

pub mod looks;
pub mod report;

pub mod gate;
pub mod router;

pub mod machine;
pub mod measures;

pub use config::Settings;
pub use process::{Sockets, main_from, run};
