//! The laptop's agent: holds sleep and shutdown up until the bot is handed over, and takes its wish back on waking.
//!
//! In reading order: what it is told ([`config`], [`process`]), what it decides ([`agent`], pure, and [`wish`], the override
//! that is its own), what it speaks to ([`logind`] with [`bus`], [`bot`], [`store`]), and the loop between them ([`shell`],
//! and the line to the service manager).
//!
//! Deliberately absent: any say in who speaks. The agent never writes the lease; it asks for the cloud by the control record
//! and tells this site's own bot to give up what it holds. Everything that it fails to do ends in a lease that goes stale.

pub mod config;
pub mod process;

pub mod agent;
pub mod wish;

pub mod bot;
pub mod bus;
pub mod logind;
pub mod store;

pub mod shell;
mod status;

pub use agent::{Agent, Cause, Command, Event, Outcome, Phase, Terms, Told, Written};
pub use config::Settings;
pub use process::{main_from, run};
