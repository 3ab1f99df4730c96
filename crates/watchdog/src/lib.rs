//! The watchdog: look at the laptop and at the lease, decide, switch the standby, remember.
//!
//! [`tick::tick`] is the whole of it: observe -> decide (pure, `relais-failover`) -> remember -> act. The same tick runs
//! in the drill, in `watchdog-local watch` and in the cloud. Deliberately absent: any cloud SDK (an adapter of the
//! [`ports::Standby`] port lives in its own crate), and any say in who may speak: the watchdog decides about power,
//! the lease about safety.

pub mod ports;
pub mod tick;

pub mod alert;
pub mod command;
pub mod probe;
pub mod run;
pub mod webhook;

mod connect;

pub use ports::{AlertPort, Machine, MachineId, Memory, Ports, Probe, Standby, StandbyError};
pub use tick::{TickReport, tick};
