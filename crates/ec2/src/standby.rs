//! The watchdog's standby on EC2.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Instance, InstanceInterruptionBehavior, InstanceMarketOptionsRequest, InstanceStateName, InstanceType,
    LaunchTemplateSpecification, MarketType, ResourceType, SpotInstanceType, SpotMarketOptions, Tag, TagSpecification,
};
use relais_aws::{Fault, SdkConfig, fault};
use relais_failover::act::InstanceState;
use relais_host::clock::{self, Boottime, Clock as _};
use relais_watchdog::{Machine, MachineId, Standby, StandbyError};
use tracing::{info, warn};

use crate::calls::{pause, told, tries};
use crate::config::{Launch, StandbyConfig};
use crate::meaning::Meaning;
use crate::offers::{Offer, Remembered, offers};
use crate::tags::{PROJECT, ROLE, STANDBY, filter, tagged};

/// A look, a stop or a start of a stopped machine answers within a second as a rule.
const QUICK: Duration = Duration::from_secs(5);
/// `RunInstances` itself takes about 5 s (brevdev/ec2-coldboot-research: a fifth of 25.8 s).
const RUN: Duration = Duration::from_secs(15);
/// A round over types and zones ends here; the next look goes on where it ended.
const ROUND: Duration = Duration::from_secs(20);
/// Tries of one type in one zone (`docs/protocol.md`, stage 2, errors).
const TRIES_WITHOUT_CAPACITY: u32 = 2;

/// The tag with the token of the start that made a machine: for people who ask why it is there.
const START: &str = "RelaisStart";

/// The standby machines of one project in one account and region.
#[derive(Debug)]
pub struct Ec2Standby {
    client: Client,
    config: StandbyConfig,
    remembered: Mutex<Remembered>,
}

impl Ec2Standby {
    /// `account` as [`relais_aws::Place::connect`] gives it; `config` should have been [checked](StandbyConfig::check).
    #[must_use]
    pub fn new(account: &SdkConfig, config: StandbyConfig) -> Self {
        Self { client: Client::new(account), config, remembered: Mutex::default() }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Our machines that are not terminated, whatever the mode; of these only `id` if one is given.
    async fn machines(&self, id: Option<&MachineId>) -> Result<Vec<Machine>, StandbyError> {
        let alive = ["pending", "running", "stopping", "shutting-down", "stopped"].map(str::to_owned);
        let mut filters =
            vec![tagged(PROJECT, self.config.project()), tagged(ROLE, STANDBY), filter("instance-state-name", alive)];
        filters.extend(id.map(|id| filter("instance-id", [id.0.clone()])));
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let answer = told(QUICK, || async {
                let request = self.client.describe_instances().set_filters(Some(filters.clone()));
                request.set_next_token(page.clone()).send().await.map_err(|error| fault(&error))
            })
            .await?;
            let now = Boottime.wall().as_millis();
            found.extend(
                answer.reservations().iter().flat_map(|each| each.instances()).filter_map(|one| seen(one, now)),
            );
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                found.sort_by(|one: &Machine, other| one.id.cmp(&other.id));
                return Ok(found);
            }
        }
    }

    /// Asks for one machine in one way after the other, until one is given or time runs out.
    async fn launch(&self, launch: &Launch, token: &str) -> Result<(), StandbyError> {
        let (all, began) = (offers(launch), clock::now());
        let first = self.remembered().first(token, all.len());
        let (mut spot_refused, mut last) = (false, StandbyError::InsufficientCapacity);
        for step in 0..all.len() {
            let offer = all[(first + step) % all.len()];
            if offer.spot && spot_refused {
                continue;
            }
            for tried in 1..=TRIES_WITHOUT_CAPACITY {
                if clock::now().since(began) >= ROUND {
                    self.remembered().ran_out(offer.number);
                    return Err(StandbyError::InsufficientCapacity);
                }
                let means = match tries(RUN, || self.run(launch, offer, token)).await {
                    Ok(id) => {
                        self.remembered().asked(token, offer.number);
                        info!(machine = id, offer.machine_type, offer.subnet, offer.spot, token, "machine launched");
                        return Ok(());
                    }
                    Err(means) => means,
                };
                warn!(?means, offer.machine_type, offer.subnet, offer.spot, "machine not launched");
                match means {
                    Meaning::NoCapacity if tried < TRIES_WITHOUT_CAPACITY => pause(tried).await,
                    Meaning::NoCapacity => {}
                    // On-demand machines have a limit of their own.
                    Meaning::Final(StandbyError::LimitExceeded) | Meaning::SpotRefused(_) if offer.spot => {
                        spot_refused = true;
                        last = means.told();
                        break;
                    }
                    Meaning::Passing(StandbyError::Unanswered(_)) => {
                        self.remembered().asked(token, offer.number);
                        return Err(means.told());
                    }
                    Meaning::Throttled | Meaning::Passing(_) | Meaning::SpotRefused(_) | Meaning::Final(_) => {
                        return Err(means.told());
                    }
                }
            }
            if !offer.spot {
                last = StandbyError::InsufficientCapacity;
            }
        }
        Err(last)
    }

    /// One `RunInstances`. The template has everything else: image, disk, role, firewall, metadata options.
    async fn run(&self, launch: &Launch, offer: Offer<'_>, token: &str) -> Result<String, Fault> {
        let mut request = self
            .client
            .run_instances()
            .launch_template(LaunchTemplateSpecification::builder().launch_template_id(&launch.template).build())
            .instance_type(InstanceType::from(offer.machine_type))
            .subnet_id(offer.subnet)
            .client_token(format!("{token}-{}", offer.number))
            .min_count(1)
            .max_count(1)
            .tag_specifications(self.tags(ResourceType::Instance, Some(token)))
            .tag_specifications(self.tags(ResourceType::Volume, None));
        if offer.spot {
            let once = SpotMarketOptions::builder()
                .spot_instance_type(SpotInstanceType::OneTime)
                .instance_interruption_behavior(InstanceInterruptionBehavior::Terminate);
            request = request.instance_market_options(
                InstanceMarketOptionsRequest::builder()
                    .market_type(MarketType::Spot)
                    .spot_options(once.build())
                    .build(),
            );
        }
        let answer = request.send().await.map_err(|error| fault(&error))?;
        Ok(answer.instances().first().and_then(Instance::instance_id).unwrap_or("unnamed").to_owned())
    }

    fn tags(&self, of: ResourceType, token: Option<&str>) -> TagSpecification {
        let (project, name) = (self.config.project(), format!("{}-{STANDBY}", self.config.project()));
        let pairs =
            [(PROJECT, project), (ROLE, STANDBY), ("Name", &name)].into_iter().chain(token.map(|token| (START, token)));
        let tags = pairs.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()
    }

    /// Starts the one machine, in the mode `stopped`. It keeps its zone, so there is no other way where that is full.
    async fn start_stopped(&self) -> Result<(), StandbyError> {
        let machines = self.machines(None).await?;
        if machines.iter().any(|machine| matches!(machine.state, InstanceState::Pending | InstanceState::Running)) {
            return Ok(());
        }
        let Some(machine) = machines.first() else {
            let project = self.config.project();
            return Err(StandbyError::Unavailable(format!(
                "no machine has the tags {PROJECT}={project} and {ROLE}={STANDBY}: `terraform apply` makes it"
            )));
        };
        for tried in 1..=TRIES_WITHOUT_CAPACITY {
            let started = tries(QUICK, || async {
                self.client.start_instances().instance_ids(&machine.id.0).send().await.map_err(|error| fault(&error))
            });
            match started.await {
                Ok(_) => return Ok(()),
                Err(Meaning::NoCapacity) if tried < TRIES_WITHOUT_CAPACITY => pause(tried).await,
                Err(means) => return Err(means.told()),
            }
        }
        Err(StandbyError::InsufficientCapacity)
    }
}

#[async_trait]
impl Standby for Ec2Standby {
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError> {
        let mut machines = self.machines(None).await?;
        if matches!(self.config, StandbyConfig::Launch(_)) {
            machines.retain(|machine| {
                let kept = machine.state != InstanceState::Stopped;
                if !kept {
                    // Somebody stopped it by hand, perhaps to look at its disk.
                    warn!(machine = %machine.id, "a stopped machine is left alone; its disk is paid until it is terminated");
                }
                kept
            });
        }
        Ok(machines)
    }

    async fn start(&self, token: &str) -> Result<(), StandbyError> {
        match &self.config {
            StandbyConfig::Launch(launch) => self.launch(launch, token).await,
            StandbyConfig::Stopped(_) => self.start_stopped().await,
        }
    }

    async fn stop(&self, machine: &MachineId) -> Result<(), StandbyError> {
        // Asked again by its tags, so that no name that came from elsewhere can end somebody else's machine.
        if self.machines(Some(machine)).await?.is_empty() {
            warn!(%machine, "no machine of ours has this name; nothing is stopped");
            return Err(StandbyError::IncorrectInstanceState);
        }
        match &self.config {
            StandbyConfig::Launch(_) => {
                told(QUICK, || async {
                    let request = self.client.terminate_instances().instance_ids(&machine.0);
                    request.send().await.map(drop).map_err(|error| fault(&error))
                })
                .await
            }
            StandbyConfig::Stopped(_) => {
                told(QUICK, || async {
                    let request = self.client.stop_instances().instance_ids(&machine.0);
                    request.send().await.map(drop).map_err(|error| fault(&error))
                })
                .await
            }
        }
    }
}

/// A machine as the watchdog knows it; none if EC2 left out what it is.
fn seen(instance: &Instance, now_ms: u64) -> Option<Machine> {
    let state = match instance.state()?.name()? {
        InstanceStateName::Pending => InstanceState::Pending,
        InstanceStateName::Running => InstanceState::Running,
        InstanceStateName::Stopping | InstanceStateName::ShuttingDown => InstanceState::Stopping,
        InstanceStateName::Stopped => InstanceState::Stopped,
        InstanceStateName::Terminated => return None,
        unknown => {
            warn!(state = unknown.as_str(), "a machine is in a state that did not exist when this was written");
            return None;
        }
    };
    let launched = instance.launch_time().and_then(|time| time.to_millis().ok()).and_then(|at| u64::try_from(at).ok());
    let launched_for = Duration::from_millis(launched.map_or(0, |at| now_ms.saturating_sub(at)));
    Some(Machine { id: MachineId(instance.instance_id()?.to_owned()), state, launched_for })
}
