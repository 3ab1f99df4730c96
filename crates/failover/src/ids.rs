//! The names of things: sites, terms, incarnations, versions.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of the two places the bot can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// The machine at home: free, preferred, allowed to vanish.
    Laptop,
    /// The rented machine: started only while the laptop is away.
    Cloud,
}

impl Site {
    /// Both sites, in order of preference of the default policy.
    pub const ALL: [Self; 2] = [Self::Laptop, Self::Cloud];

    /// The peer.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Laptop => Self::Cloud,
            Self::Cloud => Self::Laptop,
        }
    }

    /// The name used in records, configuration and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Cloud => "cloud",
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A site name that is neither `laptop` nor `cloud`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown site {0:?}: it is `laptop` or `cloud`")]
pub struct UnknownSite(pub String);

impl FromStr for Site {
    type Err = UnknownSite;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "laptop" => Ok(Self::Laptop),
            "cloud" => Ok(Self::Cloud),
            _ => Err(UnknownSite(text.to_owned())),
        }
    }
}

/// The fencing token: +1 whenever holder or incarnation changes (protocol, records). One term names at most one
/// incarnation (S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub u64);

impl Term {
    /// The term that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! random_128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// From 128 random bits of the shell.
            #[must_use]
            pub const fn new(bits: u128) -> Self {
                Self(bits)
            }

            /// The bits.
            #[must_use]
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:x})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if text.is_empty() || text.len() > 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(serde::de::Error::custom("expected 1 to 32 hexadecimal digits"));
                }
                u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
            }
        }
    };
}

random_128! {
    /// One run of one process. A restarted bot is a new incarnation and must acquire anew (protocol, "never become
    /// active from a read").
    Incarnation
}

random_128! {
    /// The mark of one write of the lease, new at every write. It makes an unchanged record visible (staleness) and an
    /// unanswered write recognisable ("it was mine").
    Version
}

/// A stream of versions from one random seed. The core may not draw randomness itself; two processes that drew
/// different seeds never collide in practice (SplitMix64 over 128 bits of state).
#[derive(Debug, Clone)]
pub struct Versions {
    high: u64,
    low: u64,
}

impl Versions {
    /// From 128 random bits.
    #[must_use]
    pub const fn new(seed: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the seed")]
        Self { high: (seed >> 64) as u64, low: seed as u64 }
    }

    /// The next version.
    #[expect(clippy::should_implement_trait, reason = "an endless stream, not an iterator to be collected")]
    pub fn next(&mut self) -> Version {
        let high = split_mix(&mut self.high);
        let low = split_mix(&mut self.low);
        Version::new((u128::from(high) << 64) | u128::from(low))
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_survives_the_wire() {
        let version = Version::new(0xdead_beef);
        let text = serde_json::to_string(&version).unwrap();
        assert_eq!(text, "\"000000000000000000000000deadbeef\"");
        assert_eq!(serde_json::from_str::<Version>(&text).unwrap(), version);
        assert!(serde_json::from_str::<Version>("\"\"").is_err());
        assert!(serde_json::from_str::<Version>("\"+1\"").is_err());
    }

    #[test]
    fn versions_do_not_repeat() {
        let mut versions = Versions::new(7);
        let drawn: std::collections::BTreeSet<_> = (0..10_000).map(|_| versions.next()).collect();
        assert_eq!(drawn.len(), 10_000);
    }

    #[test]
    fn an_unknown_site_is_named() {
        assert_eq!("moon".parse::<Site>().unwrap_err().to_string(), "unknown site \"moon\": it is `laptop` or `cloud`");
    }
}
