//! Where a scene plays, and what follows from it: who listens where, under which token, with which key.

use std::net::SocketAddr;

use relais_failover::Site;

use super::account::Account;
use super::kept::{KeptSites, KeptWays};
use crate::addresses::{Addresses, Party};

/// The token of the rehearsal's bot; it opens nothing but the small Discord.
pub(super) const TOKEN: &str = "rehearsal.token.of-the-small-discord";

/// The key that signs health answers in a rehearsal.
const HEALTH_KEY: &str = "rehearsal-health-key-0123456789abcdef";

/// The application the bot runs as.
pub(super) const APPLICATION: u64 = 300;

/// Whose machines, and whose store.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// Processes of this machine, and everything else the rehearsal's own.
    Here,
    /// Processes of this machine, with a cloud account's store, watchdog and machines.
    Account(&'a Account),
    /// Machines that somebody else keeps, with the rehearsal's own store, Discord, watchdog and EC2.
    Kept(&'a KeptSites),
}

impl<'a> Place<'a> {
    pub(super) const fn account(self) -> Option<&'a Account> {
        match self {
            Self::Account(account) => Some(account),
            Self::Here | Self::Kept(_) => None,
        }
    }

    pub(super) const fn kept(self) -> Option<&'a KeptSites> {
        match self {
            Self::Kept(sites) => Some(sites),
            Self::Here | Self::Account(_) => None,
        }
    }

    pub(super) fn token(self) -> &'a str {
        self.kept().map_or(TOKEN, |kept| &kept.token)
    }

    pub(super) fn application_id(self) -> u64 {
        self.kept().map_or(APPLICATION, |kept| kept.application_id)
    }

    /// Signs the health answers.
    pub(super) fn health_key(self) -> &'a str {
        match self {
            Self::Here => HEALTH_KEY,
            Self::Account(account) => &account.health_key,
            Self::Kept(sites) => &sites.health_key,
        }
    }
}

/// Where the links of a stage begin and end.
pub(super) struct Ways {
    pub(super) laptop: KeptWays,
    pub(super) cloud: KeptWays,
    /// Where the watchdog looks for the laptop's health.
    pub(super) public: SocketAddr,
    /// Where that path leads.
    pub(super) health: SocketAddr,
}

impl Ways {
    pub(super) fn of(place: Place<'_>, addresses: &Addresses) -> Self {
        let own = |site| {
            let discord = addresses.discord_link(site);
            KeptWays { store: addresses.store_link(Party::Site(site)), discord, gateway: format!("ws://{discord}") }
        };
        let own_health = addresses.health(Site::Laptop);
        let own_public = addresses.public_link(Site::Laptop);
        match place {
            Place::Here => {
                Self { laptop: own(Site::Laptop), cloud: own(Site::Cloud), public: own_public, health: own_health }
            }
            Place::Account(account) => {
                Self { laptop: own(Site::Laptop), cloud: own(Site::Cloud), public: account.public, health: own_health }
            }
            Place::Kept(sites) => Self {
                laptop: sites.laptop.ways().clone(),
                cloud: sites.cloud.ways().clone(),
                public: own_public,
                health: sites.health,
            },
        }
    }
}
