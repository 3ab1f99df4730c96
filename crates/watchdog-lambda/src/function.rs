//! One invocation.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relais_aws::{Place, SdkConfig};
use relais_ec2::Ec2Standby;
use relais_failover::Timestamp;
use relais_failover::sighting::ProbeSight;
use relais_host::clock::unix_now as now;
use relais_store::Store;
use relais_watchdog::alert::{Everywhere, LogAlert};
use relais_watchdog::probe::{HttpProbe, ProbeConfig};
use relais_watchdog::webhook::WebhookAlert;
use relais_watchdog::{Memory, Ports, TickReport, tick};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::answer::{Answer, coming};
use crate::config::Config;
use crate::event::Reason;
use crate::metrics::Tally;
use crate::schedule::Span;
use crate::secrets::{self, Secrets};
use crate::topic::TopicAlert;

/// Credentials stand in the environment, so they come at once or never.
const CREDENTIALS: Duration = Duration::from_secs(2);
/// Looks of a hand-over: the laptop holds its sleep back meanwhile.
const HANDOVER_LOOKS: u32 = 4;
const HANDOVER_PAUSE: Duration = Duration::from_secs(1);

/// The function, as long as its sandbox lives.
pub struct Function {
    config: Config,
    account: Mutex<Option<Account>>,
    keys: Mutex<Option<Arc<Keys>>>,
    memory: Memory,
}

#[derive(Clone)]
struct Account {
    sdk: SdkConfig,
    store: Arc<dyn Store>,
    standby: Arc<Ec2Standby>,
}

/// What is made from the secrets.
struct Keys {
    probe: HttpProbe,
    alert: Everywhere,
    read_at: Timestamp,
}

impl Function {
    /// Nothing is reached yet: a sandbox that starts quickly is worth more than one that finds a wrong region early.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, account: Mutex::default(), keys: Mutex::default(), memory: Memory::default() }
    }

    /// Looks until it is time to end: `deadline` is Unix time in milliseconds, as Lambda gives it.
    ///
    /// # Errors
    /// Only before the first look: AWS cannot be reached at all, or the health key is missing. Lambda counts it as an
    /// error of the function, which an alarm watches. What a look could not see or do is a part of its answer.
    pub async fn invoke(&self, reason: Reason, deadline: Timestamp) -> anyhow::Result<Answer> {
        let span = Span { began: now(), deadline };
        let account = self.account().await?;
        let mut keys = self.keys(&account, secrets::KEPT).await?;
        let (mut tally, mut told, mut looks) = (Tally::default(), Vec::new(), 0);
        loop {
            let looked = now();
            let look = self.look(&account, &keys, looked).await;
            looks += 1;
            tally.add(&look, now().since(looked));
            told.extend_from_slice(&look.alerts);
            if look.sighting.probe == ProbeSight::Forged {
                // The key may have been changed a moment ago.
                keys = self.keys(&account, secrets::KEPT_IN_DOUBT).await?;
            }
            let pause = match reason {
                Reason::Schedule => span.another(&self.config.policy, looked, look.next_look, now()),
                Reason::Handover if coming(&look) || looks >= HANDOVER_LOOKS => None,
                Reason::Handover => span.another(&self.config.policy, looked, HANDOVER_PAUSE, now()),
            };
            let Some(pause) = pause else {
                show(&tally.line(self.config.standby.project(), now().as_millis()));
                return Ok(Answer::new(reason, looks, &look, told));
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&self, account: &Account, keys: &Keys, at: Timestamp) -> TickReport {
        let ports = Ports {
            store: account.store.as_ref(),
            probe: &keys.probe,
            standby: account.standby.as_ref(),
            alert: &keys.alert,
            memory: &self.memory,
            dry_run: false,
        };
        let look = tick(&ports, &self.config.policy, at).await;
        info!(
            lease = ?look.sighting.lease,
            probe = look.sighting.probe.as_str(),
            standby = look.instance.map_or("unknown", relais_failover::act::InstanceState::as_str),
            desired = look.desired.as_str(),
            action = ?look.action,
            outcome = ?look.outcome,
            "looked"
        );
        look
    }

    async fn account(&self) -> anyhow::Result<Account> {
        let mut kept = self.account.lock().await;
        if let Some(account) = kept.as_ref() {
            return Ok(account.clone());
        }
        let sdk = Place::default().connect(CREDENTIALS).await.context("reach AWS")?;
        let store = relais_dynamodb::open_in(&sdk, &self.config.store, self.config.policy.request_timeout);
        let store = store.context("open the store")?;
        let standby = Arc::new(Ec2Standby::new(&sdk, self.config.standby.clone()));
        Ok(kept.insert(Account { sdk, store, standby }).clone())
    }

    /// What is made from the secrets, read anew if they are older than `kept_for`. Where that fails, the old ones go on.
    async fn keys(&self, account: &Account, kept_for: Duration) -> anyhow::Result<Arc<Keys>> {
        let mut kept = self.keys.lock().await;
        if let Some(keys) = kept.as_ref().filter(|keys| now().since(keys.read_at) < kept_for) {
            return Ok(Arc::clone(keys));
        }
        let client = aws_sdk_ssm::Client::new(&account.sdk);
        let made = match secrets::read(&client, &self.config).await {
            Ok(secrets) => self.made_from(&secrets, account),
            Err(error) => Err(error.into()),
        };
        match (made, kept.as_ref()) {
            (Ok(keys), _) => Ok(Arc::clone(kept.insert(Arc::new(keys)))),
            (Err(error), Some(old)) => {
                warn!(error = format!("{error:#}"), "the secrets could not be read anew");
                Ok(Arc::clone(old))
            }
            (Err(error), None) => Err(error),
        }
    }

    fn made_from(&self, secrets: &Secrets, account: &Account) -> anyhow::Result<Keys> {
        let (url, key) = (&self.config.probe.url, secrets.health_key.clone());
        let probe = HttpProbe::new(ProbeConfig::by_policy(url, key, &self.config.policy))?;
        let mut alert = Everywhere(vec![Arc::new(LogAlert)]);
        let project = self.config.standby.project();
        if let Some(arn) = &self.config.alerts.topic {
            let client = aws_sdk_sns::Client::new(&account.sdk);
            alert.0.push(Arc::new(TopicAlert::new(client, arn.clone(), project.to_owned())));
        }
        if let Some(url) = &secrets.webhook {
            match WebhookAlert::new(url, project) {
                Ok(webhook) => alert.0.push(Arc::new(webhook)),
                Err(error) => warn!(%error, "alerts go elsewhere only"),
            }
        }
        Ok(Keys { probe, alert, read_at: now() })
    }
}

/// CloudWatch reads metrics from lines that are nothing but JSON.
#[expect(clippy::print_stdout, reason = "Lambda's log is what stdout says")]
fn show(line: &str) {
    println!("{line}");
}
