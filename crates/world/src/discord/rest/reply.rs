//! Answers and refusals, as Discord shapes them.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use serde_json::{Value, json};

/// What a handler says.
pub(super) type Answer = Result<Done, Refusal>;

/// A request that was carried out.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    /// The message made by it, 0 where the interaction or nothing is its subject.
    pub(super) subject: u64,
    /// Nothing new was made: the first message of this nonce is the answer.
    pub(super) deduplicated: bool,
}

impl Done {
    pub(super) fn with(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), ..Self::default() }
    }

    pub(super) fn empty() -> Self {
        Self { status: 204, ..Self::default() }
    }
}

/// A request that was not.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Discord's JSON error code.
    pub(super) code: u32,
    message: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), retry_after: None }
    }

    pub(super) fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(429, 0, "You are being rate limited.") }
    }
}

pub(super) fn done(done: Done) -> Response<Body> {
    respond(done.status, done.body.as_ref(), None)
}

pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    let mut body = json!({ "message": refusal.message, "code": refusal.code });
    if let Some(after) = refusal.retry_after {
        body["retry_after"] = json!(after.as_secs_f64());
        body["global"] = json!(false);
    }
    respond(refusal.status, Some(&body), refusal.retry_after)
}

fn respond(status: u16, body: Option<&Value>, retry_after: Option<Duration>) -> Response<Body> {
    let mut response = Response::new(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    }
    if let Some(after) = retry_after {
        let seconds = after.as_secs_f64();
        let unix = crate::discord::state::wall_millis();
        let reset = Duration::from_millis(unix).saturating_add(after).as_secs_f64();
        for (name, value) in [
            ("retry-after", format!("{seconds}")),
            ("x-ratelimit-limit", "5".to_owned()),
            ("x-ratelimit-remaining", "0".to_owned()),
            ("x-ratelimit-reset", format!("{reset:.3}")),
            ("x-ratelimit-reset-after", format!("{seconds:.3}")),
            ("x-ratelimit-bucket", "small-discord".to_owned()),
            ("x-ratelimit-scope", "user".to_owned()),
        ] {
            if let Ok(value) = header::HeaderValue::from_str(&value) {
                headers.insert(header::HeaderName::from_static(name), value);
            }
        }
    }
    response
}
