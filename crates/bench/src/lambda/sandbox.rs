//! A small Runtime API (Lambda developer guide, "Using the Lambda runtime API"), and the binary under it.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::{get, post};
use relais_host::clock::{Boottime, Clock as _};
use serde_json::Value;
use tokio::sync::Notify;

use crate::little_aws::{LittleAws, serve};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_watchdog-lambda");

#[derive(Default)]
struct Api {
    waiting: Mutex<VecDeque<(String, Value, u64)>>,
    answers: Mutex<HashMap<String, (bool, Value)>>,
    changed: Notify,
    count: Mutex<u32>,
}

/// One sandbox: a process of the function, and what it is called with.
pub(crate) struct Sandbox {
    api: Arc<Api>,
    child: Child,
    output: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) async fn start(aws: &LittleAws) -> Self {
        let api = Arc::new(Api::default());
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answered))
            .with_state(Arc::clone(&api));
        let address = serve(router).await;
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("log");
        let log = std::fs::File::create(&output).unwrap();
        let child = Command::new(PROGRAM)
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "relais-watchdog")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_REGION", "eu-west-3")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &aws.endpoint)
            .env("RELAIS_CONFIG", aws.config().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { api, child, output, _folder: folder }
    }

    /// Calls the function; whether it answered or failed, and with what. `seconds` until Lambda would end it.
    pub(crate) async fn invoke(&self, payload: Value, seconds: u64) -> (bool, Value) {
        let id = {
            let mut count = self.api.count.lock().unwrap();
            *count += 1;
            format!("request-{count}")
        };
        let deadline = Boottime.wall().as_millis() + seconds * 1000;
        self.api.waiting.lock().unwrap().push_back((id.clone(), payload, deadline));
        self.api.changed.notify_waiters();
        for _ in 0..6000 {
            if let Some(answer) = self.api.answers.lock().unwrap().remove(&id) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no answer; its log: {}", self.log())
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    loop {
        let woken = api.changed.notified();
        if let Some((id, payload, deadline)) = api.waiting.lock().unwrap().pop_front() {
            let mut headers = HeaderMap::new();
            let mut put = |name: &'static str, value: &str| {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            };
            put("lambda-runtime-aws-request-id", &id);
            put("lambda-runtime-deadline-ms", &deadline.to_string());
            put(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-3:123456789012:function:relais-watchdog",
            );
            put("content-type", "application/json");
            return (headers, payload.to_string());
        }
        // What was pushed between the look and the wait is found after a moment.
        let _ = tokio::time::timeout(Duration::from_millis(100), woken).await;
    }
}

async fn answered(State(api): State<Arc<Api>>, Path((id, what)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    api.answers.lock().unwrap().insert(id, (what == "response", said));
    StatusCode::ACCEPTED
}
