//! `watchdog-local watch`: the real watchdog against configured endpoints.

use std::sync::Arc;

use anyhow::Context as _;
use relais_failover::Policy;
use relais_host::clock::unix_now;
use relais_host::secret::Secret;
use relais_watchdog::alert::{Everywhere, LogAlert};
use relais_watchdog::command::{CommandStandby, NoStandby};
use relais_watchdog::probe::{HttpProbe, ProbeConfig};
use relais_watchdog::webhook::WebhookAlert;
use relais_watchdog::{Memory, Ports, Standby, TickReport, run as looks, tick};

use crate::arguments::Watch;
use crate::watch_config::{Alerts, StandbyKind, WatchConfig};

/// Looks until told to stop, or once.
pub(crate) fn run(watch: &Watch) -> anyhow::Result<()> {
    relais_host::trace::init(false);
    let config: WatchConfig = relais_host::config::load(&watch.config)?;
    let policy = relais_host::config::policy(config.policy.as_deref())?;
    let probe = probe(&config, &policy)?;
    let alerts = alerts(&config.alerts)?;
    let url = config.store.parse().map_err(|error| relais_host::exit::BadUsage(format!("store: {error}")))?;
    let standby = planned(config.standby)?;
    if watch.check_config {
        println!("{}: good", watch.config.display());
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let store = relais_bot::store::open(&url, policy.request_timeout).await.context("open the store")?;
        let standby = standby.connect().await?;
        let memory = Memory::default();
        let ports = Ports {
            store: store.as_ref(),
            probe: &probe,
            standby: standby.as_ref(),
            alert: &alerts,
            memory: &memory,
            dry_run: watch.dry_run,
        };
        if watch.once {
            show(&tick(&ports, &policy, unix_now()).await);
            return Ok(());
        }
        let shutdown = relais_host::shutdown::token();
        looks::run(&ports, &policy, unix_now, show, shutdown.cancelled()).await;
        Ok(())
    })
}

/// A standby that is good as far as can be said without asking anybody.
enum Planned {
    Ready(Box<dyn Standby>),
    #[cfg(feature = "aws")]
    Ec2(relais_ec2::StandbyConfig),
}

impl Planned {
    async fn connect(self) -> anyhow::Result<Box<dyn Standby>> {
        match self {
            Self::Ready(standby) => Ok(standby),
            #[cfg(feature = "aws")]
            Self::Ec2(config) => {
                let account = relais_aws::Place::default().connect(CREDENTIALS).await.context("reach EC2")?;
                Ok(Box::new(relais_ec2::Ec2Standby::new(&account, config)))
            }
        }
    }
}

/// How long credentials may take to come.
#[cfg(feature = "aws")]
pub(crate) const CREDENTIALS: std::time::Duration = std::time::Duration::from_secs(5);

fn planned(kind: StandbyKind) -> anyhow::Result<Planned> {
    match kind {
        StandbyKind::None => Ok(Planned::Ready(Box::new(NoStandby))),
        StandbyKind::Command(command) => Ok(Planned::Ready(Box::new(CommandStandby::new(command)))),
        #[cfg(feature = "aws")]
        StandbyKind::Launch(launch) => ec2(relais_ec2::StandbyConfig::Launch(launch)),
        #[cfg(feature = "aws")]
        StandbyKind::Stopped(stopped) => ec2(relais_ec2::StandbyConfig::Stopped(stopped)),
        #[cfg(not(feature = "aws"))]
        StandbyKind::Launch(_) | StandbyKind::Stopped(_) => {
            Err(relais_host::exit::BadUsage("standby: this build knows no EC2; build with `--features aws`".to_owned())
                .into())
        }
    }
}

#[cfg(feature = "aws")]
fn ec2(config: relais_ec2::StandbyConfig) -> anyhow::Result<Planned> {
    config.check().map_err(|error| relais_host::exit::BadUsage(error.to_string()))?;
    Ok(Planned::Ec2(config))
}

fn alerts(config: &Alerts) -> anyhow::Result<Everywhere> {
    let mut everywhere = Everywhere(vec![Arc::new(LogAlert)]);
    if let Some(file) = &config.webhook_file {
        let webhook = WebhookAlert::new(&Secret::read(file)?, "Relais")
            .map_err(|error| relais_host::exit::BadUsage(format!("{}: {error}", file.display())))?;
        everywhere.0.push(Arc::new(webhook));
    }
    Ok(everywhere)
}

fn probe(config: &WatchConfig, policy: &Policy) -> anyhow::Result<HttpProbe> {
    let extra_root_pem = match &config.probe.extra_root_file {
        Some(file) => Some(std::fs::read(file).with_context(|| format!("read {}", file.display()))?),
        None => None,
    };
    let key = Secret::read(&config.probe.key_file)?;
    HttpProbe::new(ProbeConfig { extra_root_pem, ..ProbeConfig::by_policy(&config.probe.url, key, policy) })
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
