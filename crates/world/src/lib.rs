//! The rehearsal: a world on one machine in which a whole failover happens, and what is measured in it.
//!
//! Real are: the bots, the health servers, the watchdog, the store's file, every socket and every kill. Small, but
//! speaking the real interfaces, are: Discord ([`discord`]), EC2 ([`ec2`]), the cables ([`links`]), the machines
//! ([`nodes`], of which one may be virtual: [`guest`]), the users ([`users`]). [`drill`] plays scenes in that world,
//! [`report`] shows them. For bots that somebody else runs, in a cluster, there are [`company`] and the [`carrier`].
//!
//! The rule that keeps it honest: who spoke, and when, is read from the logs of those who were spoken to (the small
//! Discord, the store), never from what a site says of itself. Deliberately absent: anything that a deployment needs.

pub mod pace;

pub mod addresses;
pub mod discord;
pub mod ec2;
pub mod guest;
pub mod links;
pub mod nodes;
pub mod users;

pub mod carrier;
pub mod company;

pub mod drill;
pub mod report;
