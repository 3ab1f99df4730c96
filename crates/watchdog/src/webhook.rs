//! Alerts in a Discord channel, by a webhook: it needs no bot, so it works while the bot does not.
//!
//! Discord's API reference, "Execute Webhook". Mentions are off: whoever wants to be woken follows the channel.

use core::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use relais_failover::decide::Alert;
use relais_failover::sighting::ProbeSight;
use relais_host::secret::Secret;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::connect::{Connector, Target};
use crate::ports::AlertPort;

/// For one try, from the name to the answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest that Discord is waited for when it asks for patience: looks go on meanwhile only in other invocations.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 16 * 1024;

/// A webhook of a Discord channel.
pub struct WebhookAlert {
    target: Target,
    connector: Connector,
    speaker: String,
}

/// An address that no webhook has. Never shows it: whoever has it may write to the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook is not an https URL such as Discord shows it under \"Copy Webhook URL\"")]
pub struct WebhookUrlError;

/// Why nobody was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No answer.
    #[error("the webhook does not answer ({0})")]
    NoAnswer(&'static str),
    /// Discord does not want it.
    #[error("the webhook answers {0}: was it deleted?")]
    Refused(u16),
    /// Discord wants it later than it is worth waiting.
    #[error("the webhook is rate-limited")]
    Limited,
}

#[derive(Serialize)]
struct Message<'a> {
    username: &'a str,
    content: String,
    allowed_mentions: Mentions,
}

#[derive(Serialize)]
struct Mentions {
    parse: [&'static str; 0],
}

enum Answered {
    Told,
    Later(Duration),
    Refused(u16),
}

impl WebhookAlert {
    /// `speaker` is the name that stands beside the message.
    ///
    /// # Errors
    /// [`WebhookUrlError`]; plain `http` is taken for loopback only.
    pub fn new(url: &Secret, speaker: impl Into<String>) -> Result<Self, WebhookUrlError> {
        let target = Target::parse(url.expose()).filter(Target::is_private_or_secure).ok_or(WebhookUrlError)?;
        let connector = Connector::new(None).map_err(|_| WebhookUrlError)?;
        Ok(Self { target, connector, speaker: speaker.into() })
    }

    /// Tells, with a second try where the first had no answer or came too early. An alert that comes twice is better than
    /// none.
    ///
    /// # Errors
    /// [`WebhookError`], of the last try.
    pub async fn tell(&self, alert: Alert) -> Result<(), WebhookError> {
        let mark = if alert.pages() { "🚨" } else { "⚠️" };
        let message = Message {
            username: &self.speaker,
            content: format!("{mark} {alert}"),
            allowed_mentions: Mentions { parse: [] },
        };
        let body = Bytes::from(serde_json::to_vec(&message).map_err(|_| WebhookError::NoAnswer("body"))?);
        let mut last = WebhookError::NoAnswer("time");
        for _ in 0..2 {
            match timeout(PATIENCE, self.post(body.clone())).await {
                Ok(Ok(Answered::Told)) => return Ok(()),
                Ok(Ok(Answered::Later(wait))) if wait <= LONGEST_WAIT => {
                    sleep(wait).await;
                    last = WebhookError::Limited;
                }
                Ok(Ok(Answered::Later(_))) => return Err(WebhookError::Limited),
                Ok(Ok(Answered::Refused(status))) if status >= 500 => last = WebhookError::Refused(status),
                Ok(Ok(Answered::Refused(status))) => return Err(WebhookError::Refused(status)),
                Ok(Err(why)) => last = WebhookError::NoAnswer(why),
                Err(_) => last = WebhookError::NoAnswer("time"),
            }
        }
        Err(last)
    }

    async fn post(&self, body: Bytes) -> Result<Answered, &'static str> {
        let stream =
            self.connector.connect(&self.target).await.map_err(|failure| ProbeSight::Unreachable(failure).as_str())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| "tcp")?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::post(&self.target.path)
            .header(header::HOST, &self.target.authority)
            .header(header::USER_AGENT, concat!("DiscordBot (relais, ", env!("CARGO_PKG_VERSION"), ")"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|_| "request")?;
        let response = sender.send_request(request).await.map_err(|_| "http")?;
        let status = response.status();
        if status.is_success() {
            return Ok(Answered::Told);
        }
        if status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(Answered::Refused(status.as_u16()));
        }
        // Discord's rate limits: seconds, with a fraction in the body and whole ones in the header.
        let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|_| "http")?.to_bytes();
        let seconds = serde_json::from_slice::<TooMany>(&body).map(|said| said.retry_after).ok().or(header);
        let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Answered::Later(wait.unwrap_or(LONGEST_WAIT)))
    }
}

#[derive(serde::Deserialize)]
struct TooMany {
    retry_after: f64,
}

#[async_trait]
impl AlertPort for WebhookAlert {
    async fn alert(&self, alert: Alert) {
        if let Err(error) = self.tell(alert).await {
            warn!(what = %alert, %error, "nobody was told in Discord");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(url: &str) -> Result<(), WebhookUrlError> {
        WebhookAlert::new(&Secret::new(url).unwrap(), "relais").map(drop)
    }

    #[test]
    fn only_a_secure_address_is_taken() {
        assert_eq!(new("https://discord.com/api/webhooks/1/hush"), Ok(()));
        assert_eq!(new("http://127.0.0.1:9/api/webhooks/1/hush"), Ok(()));
        for wrong in ["http://discord.com/api/webhooks/1/hush", "unset", "discord.com/api/webhooks/1/hush"] {
            let error = new(wrong).unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }
}
