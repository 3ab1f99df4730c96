//! The stage of one scene: a fresh world with two sites, a store, a small Discord, a small EC2, links and users.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use relais_failover::{ControlMode, ControlRecord, LeaseRecord, Policy, Site, Version, WallClock};
use relais_host::clock::{self, Boottime, Clock as _};
use relais_store::Store;
use tokio_util::sync::CancellationToken;

use super::DrillOptions;
use super::files::{Told, process_of, suspension_file, write_files, write_targets};
use super::ground::Ground;
use super::kept::Kept;
use super::ledger::Ledger;
use super::machine::Machines;
use super::place::{Place, Ways};
use crate::addresses::Addresses;
use crate::discord::{DiscordConfig, Kind, OldSocket, SmallDiscord};
use crate::guest::{Carried, Doors, Guest};
use crate::links::{Link, LinkMode};
use crate::nodes::{Node, NodeConfig};
use crate::pace::Pace;
use crate::report::measure::AcceptedEffect;
use crate::report::{Mark, MarkKind};
use crate::users::Users;

/// How the processes of the sites are started: the program and what stands before `bot --config F`.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program that is the bot and the health server.
    pub path: PathBuf,
    /// A known bad design to run the bots with (rehearsals of the rehearsal only).
    pub mutant: Option<String>,
}

/// The world of one scene. Dropping it ends every process and closes every port.
pub(super) struct Stage {
    pub(super) pace: Pace,
    pub(super) policy: Policy,
    pub(super) began: u64,
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) discord: Arc<SmallDiscord>,
    /// The accepted effects read from the small Discord's log so far, and how much of the log that is.
    pub(super) heard: Mutex<(usize, Vec<AcceptedEffect>)>,
    pub(super) laptop: Arc<Ground>,
    pub(super) cloud: Arc<Ground>,
    pub(super) machines: Machines,
    pub(super) public: Link,
    pub(super) laptop_store: Link,
    pub(super) cloud_store: Link,
    pub(super) laptop_discord: Link,
    pub(super) cloud_discord: Link,
    pub(super) users: Users,
    pub(super) marks: Mutex<Vec<Mark>>,
    pub(super) last_look: super::watching::LastLook,
    pub(super) over: CancellationToken,
    /// With which the watchdog checks the laptop's health.
    pub(super) health_key: String,
    suspended: Mutex<Suspension>,
    /// Held against other rehearsals.
    _addresses: Addresses,
}

/// How long the laptop has stood still in all: what a clock that does not count suspend would miss.
#[derive(Debug, Default)]
struct Suspension {
    total_ms: u64,
    since: Option<u64>,
}

impl Stage {
    /// Builds the world, with nothing running on either site yet; in a cloud account, or around machines that somebody else
    /// keeps, if that is the place.
    pub(super) async fn build(options: &DrillOptions, pace: f64, place: Place<'_>) -> anyhow::Result<Self> {
        let (account, kept) = (place.account(), place.kept());
        if let Some(kept) = kept {
            // May take minutes, which are none of the scene's.
            kept.laptop.prepare().await?;
            kept.cloud.prepare().await?;
        }
        let program = &options.program;
        let policy = options.policy.paced(pace)?;
        let pace = Pace::new(pace)?;
        let folder = tempfile::Builder::new().prefix("relais-drill-").tempdir().context("make a folder for the run")?;
        let addresses = Addresses::pick()?;
        let began = clock::now().as_millis();
        let over = CancellationToken::new();
        let ledger = Arc::new(Ledger::new(began, pace));

        let store = match account {
            Some(account) => Arc::clone(&account.store),
            None => own_store(&policy, folder.path(), &ledger, addresses.store(), &over).await?,
        };

        let ways = Ways::of(place, &addresses);
        let doors = match options.laptop.as_ref().filter(|_| kept.is_none()) {
            Some(_) => Some(Doors::open(ways.laptop.store, ways.laptop.discord).await?),
            None => None,
        };
        let discord_ports = [addresses.discord(), second_discord(&addresses)];
        let discord = start_discord(discord_ports, &ways, place, pace, options.openapi.as_deref()).await?;
        let discord = Arc::new(discord);
        let links = Links::open(&ways, addresses.store(), discord_ports).await?;
        let health_key = place.health_key().to_owned();
        let store_url = account.map(|account| account.store_url.as_str());
        if kept.is_none() {
            write_files(&Told {
                folder: folder.path(),
                addresses: &addresses,
                policy: &policy,
                program,
                store: store_url,
                health_key: &health_key,
                laptop_discord: doors.as_ref().map(Doors::discord),
                backups: options.targets.is_some(),
            })?;
            options.targets.as_ref().map_or(Ok(()), |file| write_targets(file, &addresses))?;
        }

        let path = folder.path();
        let processes = |site| ["bot", "health"].map(|process| process_of(program, path, site, process)).to_vec();
        let node = |site: Site, processes| {
            Node::new(NodeConfig { name: site.to_string(), processes, log_dir: path.to_owned(), pace })
        };
        let mut guest = None;
        if let (Some(config), Some(doors)) = (&options.laptop, doors) {
            let (site, processes) = (Site::Laptop, &processes(Site::Laptop));
            let carried = Carried { site, folder: path, addresses: &addresses, processes };
            guest = Some(Guest::prepare(config, doors, &carried).context("prepare the laptop's virtual machine")?);
        }
        let mut ground = |site: Site| {
            Arc::new(match (kept, guest.take_if(|_| site == Site::Laptop)) {
                (Some(kept), _) => Ground::Kept(Kept::clone(kept.of(site))),
                (None, Some((guest, starts))) => Ground::Virtual(node(site, vec![starts]), guest),
                (None, None) => Ground::Own(node(site, processes(site))),
            })
        };
        let (laptop, cloud) = (ground(Site::Laptop), ground(Site::Cloud));
        let machines = Machines::new(account, pace, &cloud, &over);
        let users = match account {
            Some(_) => Users::leisurely(Arc::clone(&discord), pace),
            None => Users::new(Arc::clone(&discord), pace),
        };
        let Links { public, laptop_store, cloud_store, laptop_discord, cloud_discord } = links;
        Ok(Self {
            pace,
            policy,
            began,
            folder,
            store,
            ledger,
            discord,
            heard: Mutex::default(),
            laptop,
            cloud,
            machines,
            public,
            laptop_store,
            cloud_store,
            laptop_discord,
            cloud_discord,
            users,
            marks: Mutex::new(Vec::new()),
            last_look: super::watching::LastLook::default(),
            over,
            health_key,
            suspended: Mutex::default(),
            _addresses: addresses,
        })
    }

    /// Protocol milliseconds since the scene began.
    pub(super) fn now_ms(&self) -> u64 {
        let real = clock::now().as_millis().saturating_sub(self.began);
        u64::try_from(self.pace.protocol(Duration::from_millis(real)).as_millis()).unwrap_or(u64::MAX)
    }

    /// Protocol milliseconds since the scene began, of a moment of this machine's clock.
    pub(super) fn protocol_ms(&self, at: u64) -> u64 {
        let real = Duration::from_millis(at.saturating_sub(self.began));
        u64::try_from(self.pace.protocol(real).as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits this many protocol seconds.
    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(self.pace.real(Duration::from_secs_f64(seconds))).await;
    }

    /// Waits until `holds`, at most this many protocol seconds; says whether it came to hold.
    pub(super) async fn until(&self, seconds: u64, holds: impl Fn(&Self) -> bool) -> bool {
        let deadline = self.now_ms() + seconds * 1000;
        while self.now_ms() < deadline {
            if holds(self) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        holds(self)
    }

    /// Notes what the script did.
    pub(super) fn mark(&self, kind: MarkKind, text: impl Into<String>) {
        let mark = Mark { at_ms: self.now_ms(), kind, text: text.into() };
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
    }

    /// What the script, the store, the watchdog and the small EC2 noted, in the order of time.
    pub(super) fn all_marks(&self) -> Vec<Mark> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        marks.extend(self.ledger.marks());
        marks.extend(self.machine_marks());
        marks.sort_by_key(|mark| mark.at_ms);
        marks
    }

    /// Whether this site has a session with the small Discord.
    pub(super) fn connected(&self, site: Site) -> bool {
        let opened = |kind: &Kind| matches!(kind, Kind::SessionOpened { .. });
        self.discord.log().iter().any(|entry| *entry.source == *site.as_str() && opened(&entry.kind))
    }

    /// The machine of a site.
    pub(super) fn ground(&self, site: Site) -> &Ground {
        match site {
            Site::Laptop => &self.laptop,
            Site::Cloud => &self.cloud,
        }
    }

    /// The last lines of a site's bot log, for an error.
    pub(super) async fn bot_log(&self, site: Site) -> String {
        let text = self.ground(site).bot_log().await;
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// Writes the operator's wish, or ends it.
    pub(super) async fn control(&self, mode: ControlMode, reason: &str) -> anyhow::Result<()> {
        let until = match mode {
            ControlMode::Auto => WallClock(0),
            ControlMode::ForceCloud | ControlMode::ForceLaptop | ControlMode::Maintenance => {
                WallClock(Boottime.wall().as_millis() + 3_600_000)
            }
        };
        let reason = reason.to_owned();
        let record = ControlRecord { schema: relais_failover::wire::SCHEMA, mode, until, reason, by: None };
        self.store.put_control(&record).await.context("write CONTROL")
    }

    /// The laptop stands still.
    pub(super) async fn suspend_laptop(&self) -> anyhow::Result<()> {
        self.laptop.suspend().await?;
        self.suspension().since = Some(clock::now().as_millis());
        self.mark(MarkKind::Fault, "laptop suspended");
        Ok(())
    }

    /// The laptop goes on. The file tells a bot with a clock that does not count suspend what its clock would show.
    pub(super) async fn wake_laptop(&self) -> anyhow::Result<()> {
        let total = {
            let mut suspended = self.suspension();
            if let Some(since) = suspended.since.take() {
                suspended.total_ms += clock::now().as_millis().saturating_sub(since);
            }
            suspended.total_ms
        };
        std::fs::write(suspension_file(self.folder.path()), total.to_string()).context("write the suspension")?;
        self.laptop.wake().await?;
        self.mark(MarkKind::Recovery, "laptop awake");
        Ok(())
    }

    fn suspension(&self) -> std::sync::MutexGuard<'_, Suspension> {
        self.suspended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a link and notes it.
    pub(super) async fn link(&self, link: &Link, mode: LinkMode, text: &str) -> anyhow::Result<()> {
        link.set(mode).await?;
        let kind = if mode == LinkMode::Open { MarkKind::Recovery } else { MarkKind::Fault };
        self.mark(kind, text);
        Ok(())
    }

    /// The laptop loses the store, or has it again.
    pub(super) async fn laptop_store(&self, mode: LinkMode, text: &str) -> anyhow::Result<()> {
        match self.laptop.as_ref() {
            Ground::Own(_) | Ground::Virtual(..) => self.link(&self.laptop_store, mode, text).await,
            Ground::Kept(kept) if mode == LinkMode::Open => {
                kept.mend_store().await?;
                self.mark(MarkKind::Recovery, text);
                Ok(())
            }
            Ground::Kept(kept) => {
                kept.cut_store().await?;
                self.mark(MarkKind::Fault, text);
                Ok(())
            }
        }
    }

    /// Ends everything in order.
    pub(super) async fn strike(self) {
        self.over.cancel();
        self.laptop.clear().await;
        self.cloud.clear().await;
        let links = [self.public, self.laptop_store, self.cloud_store, self.laptop_discord, self.cloud_discord];
        for link in links {
            link.close().await;
        }
    }
}

struct Links {
    public: Link,
    laptop_store: Link,
    cloud_store: Link,
    laptop_discord: Link,
    cloud_discord: Link,
}

impl Links {
    async fn open(ways: &Ways, store: SocketAddr, discord: [SocketAddr; 2]) -> anyhow::Result<Self> {
        let Ways { laptop, cloud, .. } = ways;
        Ok(Self {
            public: Link::open("public", ways.public, ways.health).await?,
            laptop_store: Link::open("laptop-store", laptop.store, store).await?,
            cloud_store: Link::open("cloud-store", cloud.store, store).await?,
            laptop_discord: Link::open("laptop-discord", laptop.discord, discord[0]).await?,
            cloud_discord: Link::open("cloud-discord", cloud.discord, discord[1]).await?,
        })
    }
}

/// Each site has a listener of its own: the listener, not the site, says who spoke.
fn second_discord(addresses: &Addresses) -> SocketAddr {
    let first = addresses.discord();
    SocketAddr::new(first.ip(), first.port() + 1)
}

async fn start_discord(
    ports: [SocketAddr; 2],
    ways: &Ways,
    place: Place<'_>,
    pace: Pace,
    openapi: Option<&Path>,
) -> anyhow::Result<SmallDiscord> {
    let listeners = vec![(Site::Laptop.to_string(), ports[0]), (Site::Cloud.to_string(), ports[1])];
    let clock = Arc::new(|| clock::now().as_millis());
    let mut config = DiscordConfig::new(listeners, place.token(), place.application_id(), clock);
    for (site, way) in [(Site::Laptop, &ways.laptop), (Site::Cloud, &ways.cloud)] {
        config.gateway_urls.insert(site.to_string(), way.gateway.clone());
    }
    config.pace = pace.factor();
    config.openapi = openapi.map(Path::to_owned);
    // The harsher of the two ways Discord might behave: whoever was left behind goes on hearing everything.
    config.old_socket_on_resume = OldSocket::Kept;
    SmallDiscord::start(config).await.context("start the small Discord")
}

/// The rehearsal's own store: a file, served to both sites, which tells the ledger what was done to it.
async fn own_store(
    policy: &Policy,
    folder: &Path,
    ledger: &Arc<Ledger>,
    address: SocketAddr,
    over: &CancellationToken,
) -> anyhow::Result<Arc<dyn Store>> {
    let url = format!("sqlite:{}", folder.join("store.db").display()).parse()?;
    let store = relais_store::open(&url, policy.request_timeout).context("open the shared store")?;
    let version = Version::new(clock::random_128());
    store.init(&LeaseRecord::initial(version, policy.ttl, Boottime.wall())).await.context("initialise the store")?;
    serve_store(&store, ledger, address, over).await?;
    Ok(store)
}

async fn serve_store(
    store: &Arc<dyn Store>,
    ledger: &Arc<Ledger>,
    address: SocketAddr,
    over: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = relais_host::listen::bind(address).await?;
    let observer = Arc::clone(ledger);
    let router = relais_store::served::observed(Arc::clone(store), Arc::new(move |observed| observer.note(observed)));
    let over = over.clone();
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(over.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the rehearsal's store ended");
        }
    });
    Ok(())
}
