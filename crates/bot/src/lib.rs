//! The Discord bot: it speaks only under the lease.
//!
//! Reading order: what it is told ([`config`], [`process`], [`store`]), who may speak ([`leadership`] drives the pure
//! [`Holder`](relais_failover::Holder), [`permit`] is its cheap view, `effect` bounds what is begun under it), the socket ([`gateway`] translates only), what is
//! said ([`commands`] are pure and speak the words of [`language`], [`interactions`] carries them out), what is said
//! later ([`reminders`]), what is kept elsewhere ([`backup`]), what operators see ([`vitals`], [`watchdog`], [`measures`],
//! [`private`]).
//!
//! Deliberately absent: a reconnecting gateway client (every connection is a client of its own, opened only after
//! the lease was looked at again), retries of an answer whose fate is unknown, a public port, any decision about who holds
//! the lease, and any state that is not in the store: a process may be killed between two instructions.

pub mod config;
pub mod process;
pub mod store;

mod effect;
pub mod leadership;
pub mod permit;

pub mod gateway;

pub mod commands;
pub mod interactions;
pub mod language;
pub mod registration;
pub mod reminders;

pub mod backup;

pub mod measures;
pub mod presence;
pub mod private;
pub mod vitals;
pub mod watchdog;

pub mod mutant;

pub use process::main_from;
