//! A small Runtime API (Lambda developer guide, "Using the Lambda runtime API"), and one process under it.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Matched, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::{get, post};
use relais_host::clock::{Boottime, Clock as _};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::account::{LittleAws, serve};
use crate::process::{Memory, Running};

const ARN: &str = "arn:aws:lambda:eu-west-3:123456789012:function:relais-watchdog";

#[derive(Default)]
struct Api {
    inside: Mutex<Inside>,
    changed: Notify,
}

#[derive(Default)]
struct Inside {
    first_poll: Option<Instant>,
    count: u32,
    /// Request id, payload, deadline.
    waiting: VecDeque<(String, Value, u64)>,
    /// Whether it is an answer or an error, what it says, and when it came.
    answers: HashMap<String, (bool, Value, Instant)>,
}

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoked {
    /// It answered, and did not fail.
    pub good: bool,
    /// What it said.
    pub said: Value,
    /// From the call to the answer.
    pub took: Duration,
}

/// One sandbox: a process of a function, and what it is called with.
pub struct Sandbox {
    api: Arc<Api>,
    process: Running,
    started: Instant,
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// Starts the function's process with what Lambda puts into its environment, and `AWS_ENDPOINT_URL`.
    ///
    /// # Errors
    /// No port, no folder, or the program cannot be started.
    pub async fn start(mut command: Command, aws: &LittleAws) -> anyhow::Result<Self> {
        let api = Arc::new(Api::default());
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answered))
            .with_state(Arc::clone(&api));
        let address = serve(router).await?;
        let folder = tempfile::tempdir().context("make a folder")?;
        command
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "relais-watchdog")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_REGION", "eu-west-3")
            .env("AWS_DEFAULT_REGION", "eu-west-3")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &aws.endpoint)
            .env("RELAIS_CONFIG", aws.settings().to_string());
        let started = Instant::now();
        let process = Running::spawn(command, &log_in(folder.path()))?;
        Ok(Self { api, process, started, folder })
    }

    /// From the process's start to its first question for work.
    ///
    /// # Errors
    /// It has ended, or has not asked within a minute.
    pub async fn first_poll(&mut self) -> anyhow::Result<Duration> {
        for _ in 0..60_000 {
            if let Some(at) = self.api.inside().first_poll {
                return Ok(at.duration_since(self.started));
            }
            self.process.alive()?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("the function has not asked for work: {}", self.process.last_words())
    }

    /// Calls the function; `seconds` until Lambda would end it.
    ///
    /// # Errors
    /// It has ended, or has not answered within a minute.
    pub async fn invoke(&mut self, payload: Value, seconds: f64) -> anyhow::Result<Invoked> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a test")]
        let deadline = Boottime.wall().as_millis() + (seconds * 1000.0) as u64;
        let (id, called) = {
            let mut inside = self.api.inside();
            inside.count += 1;
            let id = format!("request-{}", inside.count);
            inside.waiting.push_back((id.clone(), payload, deadline));
            (id, Instant::now())
        };
        self.api.changed.notify_waiters();
        for _ in 0..60_000 {
            if let Some((good, said, at)) = self.api.inside().answers.remove(&id) {
                return Ok(Invoked { good, said, took: at.duration_since(called) });
            }
            self.process.alive()?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("no answer: {}", self.process.last_words())
    }

    /// Its resident memory.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        self.process.memory()
    }

    /// Everything it said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_in(self.folder.path())).unwrap_or_default()
    }
}

fn log_in(folder: &Path) -> std::path::PathBuf {
    folder.join("log")
}

impl Api {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    api.inside().first_poll.get_or_insert_with(Instant::now);
    loop {
        let woken = api.changed.notified();
        tokio::pin!(woken);
        // Registered before the look, so that nothing is missed between the two.
        woken.as_mut().enable();
        let found = api.inside().waiting.pop_front();
        if let Some((id, payload, deadline)) = found {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("lambda-runtime-aws-request-id", id.as_str()),
                ("lambda-runtime-deadline-ms", &deadline.to_string()),
                ("lambda-runtime-invoked-function-arn", ARN),
                ("content-type", "application/json"),
            ] {
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.insert(name, value);
                }
            }
            return (headers, payload.to_string());
        }
        woken.await;
    }
}

async fn answered(
    State(api): State<Arc<Api>>,
    Matched((id, what)): Matched<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    api.inside().answers.insert(id, (what == "response", said, Instant::now()));
    StatusCode::ACCEPTED
}
