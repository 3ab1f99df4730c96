//! This site's bot, by its private port.

use std::time::Duration;

use async_trait::async_trait;
use relais_failover::{Site, health::BotFacts, wire};
use relais_host::http::{Client, StatusCode};
use serde::Serialize;

use crate::agent::Told;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 16 * 1024;

/// What the agent needs of the bot.
#[async_trait]
pub trait Bot: Send + Sync {
    /// Whether it holds the lease; none if it does not answer, or is another site's.
    async fn holds(&self) -> Option<bool>;
    /// Tells it to drain and then to offer the lease to the other site.
    async fn give_away(&self) -> Told;
}

/// The bot over HTTP (`GET /facts`, `POST /handover` of its private port).
#[derive(Debug, Clone)]
pub struct PrivatePort {
    client: Client,
    base: String,
    site: Site,
}

/// The body of `POST /handover`.
#[derive(Debug, Serialize)]
struct Handover {
    to: Site,
}

impl PrivatePort {
    /// `base`: `http://host:port`; `within`: from a call to the last byte of its answer.
    #[must_use]
    pub fn new(base: &str, site: Site, within: Duration) -> Self {
        Self { client: Client::new(within, MAX_ANSWER), base: base.to_owned(), site }
    }
}

#[async_trait]
impl Bot for PrivatePort {
    async fn holds(&self) -> Option<bool> {
        let answer = match self.client.get(&format!("{}/facts", self.base)).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(%error, "bot does not answer");
                return None;
            }
        };
        if answer.status != StatusCode::OK {
            tracing::warn!(status = answer.status.as_u16(), "bot facts refused");
            return None;
        }
        let facts: BotFacts = wire::decode(&String::from_utf8_lossy(&answer.body))
            .inspect_err(|error| tracing::warn!(%error, "bot facts not readable"))
            .ok()?;
        if facts.site != self.site {
            tracing::error!(bot = %facts.site, own = %self.site, "this is another site's bot: check the setting bot");
            return None;
        }
        Some(facts.holder)
    }

    async fn give_away(&self) -> Told {
        let order = Handover { to: self.site.other() };
        match self.client.post_json(&format!("{}/handover", self.base), &order).await {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => Told::Begun,
            Ok(answer) if answer.status == StatusCode::CONFLICT => Told::NotHolder,
            Ok(answer) => {
                tracing::warn!(status = answer.status.as_u16(), "bot refuses to hand over");
                Told::Failed
            }
            Err(error) => {
                tracing::warn!(%error, "bot cannot be told to hand over");
                Told::Failed
            }
        }
    }
}
