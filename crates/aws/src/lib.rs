//! How Relais reaches AWS: region, credentials, TLS and the time a connection may take, the same for every service.
//!
//! Deliberately absent: any service's SDK (each has a crate of its own that it stops at), and retries: whoever calls
//! knows what may be sent twice and how long it is worth waiting.

mod fault;
mod place;
mod tries;

pub use aws_config::SdkConfig;
pub use fault::{Fault, fault, short};
pub use place::{ConnectError, Place};
pub use tries::{jittered, within};
