//! Where everything of one rehearsal listens: a network of its own inside 127.0.0.0/8, so that every part has its
//! usual port on an address of its own and two rehearsals at once never meet.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use relais_failover::Site;

const ATTEMPTS: u32 = 64;
const RESERVATION: (u8, u16) = (254, 6999);

/// Who reaches the store over a link of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The bot of a site.
    Site(Site),
    /// The watchdog, which stands at neither site.
    Watchdog,
}

/// The addresses of one rehearsal: the network `127.a.b.0/24`, with `a` in 64..=250, reserved against other
/// rehearsals for as long as this value lives.
#[derive(Debug)]
pub struct Addresses {
    a: u8,
    b: u8,
    _reservation: TcpListener,
}

impl Addresses {
    /// Picks a network at random that no other rehearsal holds, and holds it.
    ///
    /// # Errors
    /// [`AddressError::NoneFree`] if 64 networks in a row are held by others; [`AddressError::Unusable`] if this
    /// machine does not let a process listen in 127.0.0.0/8.
    pub fn pick() -> Result<Self, AddressError> {
        let seed = RandomState::new();
        for attempt in 0..ATTEMPTS {
            let [low, high, ..] = seed.hash_one(attempt).to_le_bytes();
            if let Some(addresses) = Self::reserve(64 + low % 187, high)? {
                return Ok(addresses);
            }
        }
        Err(AddressError::NoneFree { attempts: ATTEMPTS })
    }

    /// Takes the network `127.a.b.0/24`; `None` if another rehearsal holds it.
    fn reserve(a: u8, b: u8) -> Result<Option<Self>, AddressError> {
        let (host, port) = RESERVATION;
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, a, b, host)), port);
        match TcpListener::bind(address) {
            Ok(reservation) => Ok(Some(Self { a, b, _reservation: reservation })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(cause) => Err(AddressError::Unusable { address, cause }),
        }
    }

    fn at(&self, host: u8, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, self.a, self.b, host)), port)
    }

    /// The network in people's words, as `127.a.b.0/24`.
    #[must_use]
    pub fn network(&self) -> String {
        format!("127.{}.{}.0/24", self.a, self.b)
    }

    /// A site's bot: its private port.
    #[must_use]
    pub fn bot(&self, site: Site) -> SocketAddr {
        self.at(host_of(site), 9100)
    }

    /// A site's health server: its public port. The watchdog reaches the laptop's by [`Addresses::public_link`].
    #[must_use]
    pub fn health(&self, site: Site) -> SocketAddr {
        self.at(host_of(site), 9200)
    }

    /// A site's health server: its private port.
    #[must_use]
    pub fn health_metrics(&self, site: Site) -> SocketAddr {
        self.at(host_of(site), 9201)
    }

    /// The shared store itself, behind all links.
    #[must_use]
    pub fn store(&self) -> SocketAddr {
        self.at(10, 7000)
    }

    /// The small Discord itself, behind all links.
    #[must_use]
    pub fn discord(&self) -> SocketAddr {
        self.at(11, 8000)
    }

    /// Where `party` finds the store: the near end of its link.
    #[must_use]
    pub fn store_link(&self, party: Party) -> SocketAddr {
        let host = match party {
            Party::Site(site) => 20 + host_of(site),
            Party::Watchdog => 29,
        };
        self.at(host, 7000)
    }

    /// Where a site finds Discord: the near end of its link.
    #[must_use]
    pub fn discord_link(&self, site: Site) -> SocketAddr {
        self.at(30 + host_of(site), 8000)
    }

    /// Where the watchdog finds a site's health server: the near end of its public path.
    #[must_use]
    pub fn public_link(&self, site: Site) -> SocketAddr {
        self.at(40 + host_of(site), 8443)
    }
}

fn host_of(site: Site) -> u8 {
    match site {
        Site::Laptop => 2,
        Site::Cloud => 3,
    }
}

/// Why a rehearsal has no network.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Other rehearsals hold every network that was tried.
    #[error("find a free loopback network: {attempts} in a row are taken")]
    NoneFree {
        /// How many were tried.
        attempts: u32,
    },
    /// The machine refuses to listen there at all.
    #[error("listen on the loopback address {address}")]
    Unusable {
        /// The address that was tried.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_network_is_held_until_its_rehearsal_ends() {
        let first = Addresses::pick().unwrap();
        assert!(Addresses::reserve(first.a, first.b).unwrap().is_none());
        let (a, b) = (first.a, first.b);
        drop(first);
        assert!(Addresses::reserve(a, b).unwrap().is_some());
    }

    #[test]
    fn every_part_has_an_address_of_its_own() {
        let here = Addresses::pick().unwrap();
        let mut all = vec![here.store(), here.discord(), here.store_link(Party::Watchdog)];
        for site in [Site::Laptop, Site::Cloud] {
            all.extend([here.bot(site), here.health(site), here.health_metrics(site)]);
            all.extend([here.store_link(Party::Site(site)), here.discord_link(site), here.public_link(site)]);
        }
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for address in all {
            assert!(address.ip().is_loopback());
            assert!(TcpListener::bind(address).is_ok(), "{address} cannot be bound");
        }
        assert!((64..=250).contains(&here.a));
    }
}
