//! A few words of EC2's query protocol: machines by token, and answers that are scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use relais_aws::SdkConfig;
use relais_ec2::{Ec2Standby, Launch, Market, StandbyConfig, Stopped};

/// What happens to the next call that changes something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// It is carried out.
    Yes,
    /// It is refused with this status and code.
    No(u16, &'static str),
    /// It is carried out, and the connection ends without an answer that can be read.
    Lost,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) state: &'static str,
    /// Not ours if another.
    pub(crate) project: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) instances: Vec<Instance>,
    pub(crate) script: VecDeque<Answer>,
    /// Answers to looks; carried out when empty.
    pub(crate) looks: VecDeque<Answer>,
    /// Calls that change something, in order.
    pub(crate) calls: Vec<String>,
}

pub(crate) struct LittleEc2 {
    pub(crate) account: Arc<Mutex<Account>>,
    pub(crate) endpoint: String,
}

type Form = Vec<(String, String)>;

impl LittleEc2 {
    pub(crate) async fn start() -> Self {
        let account = Arc::new(Mutex::new(Account::default()));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&account));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { account, endpoint }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Account) -> T) -> T {
        act(&mut self.account.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn script(&self, answers: &[Answer]) {
        self.with(|account| account.script.extend(answers));
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.with(|account| account.calls.clone())
    }

    pub(crate) fn standby(&self, config: StandbyConfig) -> Ec2Standby {
        config.check().unwrap();
        Ec2Standby::new(&account_at(&self.endpoint), config)
    }
}

/// An account with credentials of its own, whatever the environment has.
pub(crate) fn account_at(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "a test")))
        .region(Region::new("eu-west-3"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build()
}

pub(crate) fn launch(market: Market) -> StandbyConfig {
    StandbyConfig::Launch(Launch {
        project: "relais".to_owned(),
        template: "lt-1".to_owned(),
        types: vec!["small".to_owned(), "large".to_owned()],
        subnets: vec!["a".to_owned(), "b".to_owned()],
        market,
    })
}

pub(crate) fn stopped() -> StandbyConfig {
    StandbyConfig::Stopped(Stopped { project: "relais".to_owned() })
}

async fn answer(State(account): State<Arc<Mutex<Account>>>, body: Bytes) -> (StatusCode, String) {
    let form = pairs(&String::from_utf8_lossy(&body));
    let mut account = account.lock().unwrap();
    let action = value(&form, "Action");
    let scripted = if action == "DescribeInstances" {
        account.looks.pop_front()
    } else {
        account.calls.push(words(action, &form));
        account.script.pop_front()
    };
    match scripted.unwrap_or(Answer::Yes) {
        Answer::Yes => account.carry_out(action, &form),
        Answer::No(status, code) => (StatusCode::from_u16(status).unwrap(), error(code)),
        Answer::Lost => {
            account.carry_out(action, &form);
            // No XML, so no answer.
            (StatusCode::OK, "<html>".to_owned())
        }
    }
}

impl Account {
    fn carry_out(&mut self, action: &str, form: &Form) -> (StatusCode, String) {
        let id = value(form, "InstanceId.1").to_owned();
        match action {
            "DescribeInstances" => self.describe(form),
            "RunInstances" => {
                let token = value(form, "ClientToken");
                let known = self.instances.iter().find(|one| one.token == token).map(|one| one.id.clone());
                let id = known.unwrap_or_else(|| {
                    let id = format!("i-{:017x}", self.instances.len() + 1);
                    let (token, state) = (token.to_owned(), "pending");
                    self.instances.push(Instance { id: id.clone(), token, state, project: "relais" });
                    id
                });
                let item = format!("<item><instanceId>{id}</instanceId></item>");
                (
                    StatusCode::OK,
                    format!("<RunInstancesResponse><instancesSet>{item}</instancesSet></RunInstancesResponse>"),
                )
            }
            "StartInstances" => self.goes(&id, "pending", action),
            "StopInstances" => self.goes(&id, "stopping", action),
            "TerminateInstances" => self.goes(&id, "shutting-down", action),
            other => (StatusCode::BAD_REQUEST, error(&format!("InvalidAction.{other}"))),
        }
    }

    fn goes(&mut self, id: &str, state: &'static str, action: &str) -> (StatusCode, String) {
        let Some(one) = self.instances.iter_mut().find(|one| one.id == id) else {
            return (StatusCode::BAD_REQUEST, error("InvalidInstanceID.NotFound"));
        };
        one.state = state;
        (StatusCode::OK, format!("<{action}Response><instancesSet/></{action}Response>"))
    }

    fn describe(&self, form: &Form) -> (StatusCode, String) {
        let filters: Vec<(&str, Vec<&str>)> = (1..)
            .map(|number| (value(form, &format!("Filter.{number}.Name")), number))
            .take_while(|(name, _)| !name.is_empty())
            .map(|(name, number)| {
                let values = (1..).map(|each| value(form, &format!("Filter.{number}.Value.{each}")));
                (name, values.take_while(|value| !value.is_empty()).collect())
            })
            .collect();
        let shown = |one: &&Instance| {
            filters.iter().all(|(name, values)| match *name {
                "tag:Project" => values.contains(&one.project),
                "tag:Role" => values.contains(&"standby"),
                "instance-state-name" => values.contains(&one.state),
                "instance-id" => values.contains(&one.id.as_str()),
                _ => false,
            })
        };
        let items: String = self.instances.iter().filter(shown).map(item).collect();
        let set = format!("<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>");
        (StatusCode::OK, format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>"))
    }
}

fn item(one: &Instance) -> String {
    let Instance { id, state, .. } = one;
    format!("<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState></item>")
}

fn error(code: &str) -> String {
    format!("<Response><Errors><Error><Code>{code}</Code><Message>why</Message></Error></Errors></Response>")
}

/// `RunInstances spot small a token`, `TerminateInstances i-1`.
fn words(action: &str, form: &Form) -> String {
    if action != "RunInstances" {
        return format!("{action} {}", value(form, "InstanceId.1"));
    }
    let spot = if value(form, "InstanceMarketOptions.MarketType") == "spot" { "spot " } else { "" };
    let (machine, subnet) = (value(form, "InstanceType"), value(form, "SubnetId"));
    format!("RunInstances {spot}{machine} {subnet} {}", value(form, "ClientToken"))
}

pub(crate) fn value<'a>(form: &'a Form, key: &str) -> &'a str {
    form.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
}

/// A form as the SDK writes it; only what stands in these tests is decoded.
fn pairs(body: &str) -> Form {
    let plain = |text: &str| text.replace("%3A", ":").replace("%2F", "/");
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (plain(name), plain(value)));
    body.split('&').filter_map(pair).collect()
}
