//! The scenes by name: what each is about, how fast it runs by default, how long it takes.

use core::fmt;
use core::str::FromStr;

/// One scene of the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scene {
    /// The laptop dies.
    Crash,
    /// The lid closes: a hand-over before sleep, and back.
    Lid,
    /// The public path is down, the bot is alive.
    Funnel,
    /// The laptop loses the store.
    StoreCut,
    /// The laptop stands still for 40 s and wakes on a dead lease.
    Suspend,
    /// The laptop comes and goes.
    Flap,
    /// The provider has no machine at first.
    NoCapacity,
    /// The laptop returns, the bot goes home, only then the cloud stops.
    Home,
    /// All of it in a cloud account: crash, cloud, home, and the machine is gone. Played by
    /// [`in_account`](super::in_account) only.
    Account,
}

/// A name that is no scene.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scene {0:?}: it is `all` or one of {names}", names = Scene::names())]
pub struct UnknownScene(pub String);

impl Scene {
    /// Every scene that needs no account, in the order `all` plays them.
    pub const ALL: [Self; 8] =
        [Self::Crash, Self::Lid, Self::Funnel, Self::StoreCut, Self::Suspend, Self::Flap, Self::NoCapacity, Self::Home];

    /// What a drill without `--scene` plays.
    pub const FIRST: [Self; 3] = [Self::Crash, Self::Home, Self::Lid];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Lid => "lid",
            Self::Funnel => "funnel",
            Self::StoreCut => "store-cut",
            Self::Suspend => "suspend",
            Self::Flap => "flap",
            Self::NoCapacity => "no-capacity",
            Self::Home => "home",
            Self::Account => "account",
        }
    }

    /// All names, for errors and help.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// One line for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Crash => "the laptop dies without a word",
            Self::Lid => "the lid closes: a hand-over before sleep, and back after waking",
            Self::Funnel => "the public path to the laptop is down, its bot is alive",
            Self::StoreCut => "the laptop loses the store: it must fall silent by itself",
            Self::Suspend => "the laptop stands still for 40 s and wakes on a dead lease",
            Self::Flap => "the laptop comes and goes",
            Self::NoCapacity => "the laptop dies, and the provider has no machine at first",
            Self::Home => "the laptop returns, the bot goes home, only then the cloud stops",
            Self::Account => {
                "in a cloud account: the laptop dies, the cloud speaks, the bot comes home, the machine goes"
            }
        }
    }

    /// The pace that ends the scene within about 20 s. Where a hand-over is timed it is slower, so that what is
    /// measured is Relais and not the rounding.
    #[must_use]
    pub const fn default_pace(self) -> f64 {
        match self {
            Self::Crash | Self::StoreCut | Self::Suspend => 5.0,
            Self::Lid => 8.0,
            Self::Funnel | Self::Account => 4.0,
            Self::Flap => 16.0,
            Self::NoCapacity => 6.0,
            Self::Home => 8.0,
        }
    }

    /// About how long it takes, protocol seconds.
    #[must_use]
    pub const fn expected_seconds(self) -> u64 {
        match self {
            Self::Crash => 100,
            Self::Lid => 200,
            Self::Funnel => 65,
            Self::StoreCut => 100,
            Self::Suspend => 75,
            Self::Flap => 420,
            Self::NoCapacity => 115,
            Self::Home => 160,
            Self::Account => 760,
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scene {
    type Err = UnknownScene;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scene| scene.name() == text).ok_or_else(|| UnknownScene(text.to_owned()))
    }
}
