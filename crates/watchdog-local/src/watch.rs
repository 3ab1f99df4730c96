//! `watchdog-local watch`: the real watchdog against configured endpoints.

use anyhow::Context as _;
use relais_failover::{Policy, Timestamp};
use relais_host::clock::{Boottime, Clock as _};
use relais_host::secret::Secret;
use relais_watchdog::alert::LogAlert;
use relais_watchdog::command::{CommandStandby, NoStandby};
use relais_watchdog::config::{StandbyKind, WatchConfig};
use relais_watchdog::probe::{HttpProbe, ProbeConfig};
use relais_watchdog::{Memory, Ports, Standby, TickReport, run as looks, tick};

use crate::arguments::Watch;

/// Looks until told to stop, or once.
pub(crate) fn run(watch: &Watch) -> anyhow::Result<()> {
    relais_host::trace::init(false);
    let config: WatchConfig = relais_host::config::load(&watch.config)?;
    let policy = relais_host::config::policy(config.policy.as_deref())?;
    let probe = probe(&config, &policy)?;
    let url = config.store.parse().map_err(|error| relais_host::exit::BadUsage(format!("store: {error}")))?;
    if watch.check_config {
        println!("{}: good", watch.config.display());
        return Ok(());
    }
    let standby: Box<dyn Standby> = match config.standby {
        StandbyKind::None => Box::new(NoStandby),
        StandbyKind::Command(command) => Box::new(CommandStandby::new(command)),
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let store = relais_bot::store::open(&url, policy.request_timeout).await.context("open the store")?;
        let memory = Memory::default();
        let ports = Ports {
            store: store.as_ref(),
            probe: &probe,
            standby: standby.as_ref(),
            alert: &LogAlert,
            memory: &memory,
            dry_run: watch.dry_run,
        };
        let clock = || Timestamp::from_millis(Boottime.wall().as_millis());
        if watch.once {
            show(&tick(&ports, &policy, clock()).await);
            return Ok(());
        }
        let shutdown = relais_host::shutdown::token();
        looks::run(&ports, &policy, clock, show, shutdown.cancelled()).await;
        Ok(())
    })
}

fn probe(config: &WatchConfig, policy: &Policy) -> anyhow::Result<HttpProbe> {
    let extra_root_pem = match &config.probe.extra_root_file {
        Some(file) => Some(std::fs::read(file).with_context(|| format!("read {}", file.display()))?),
        None => None,
    };
    HttpProbe::new(ProbeConfig {
        url: config.probe.url.clone(),
        key: Secret::read(&config.probe.key_file)?,
        connect_timeout: policy.probe_connect_timeout,
        total_timeout: policy.probe_timeout,
        max_body: 16 * 1024,
        extra_root_pem,
    })
    .map_err(|error| relais_host::exit::BadUsage(format!("probe: {error}")).into())
}

fn show(look: &TickReport) {
    println!(
        "lease {:?}, probe {}, standby {}: {} -> {:?} {:?}{}",
        look.sighting.lease,
        look.sighting.probe.as_str(),
        look.instance.map_or("unknown", relais_failover::act::InstanceState::as_str),
        look.desired.as_str(),
        look.action,
        look.outcome,
        look.alerts.iter().map(|alert| format!("; alert: {alert}")).collect::<String>(),
    );
}
