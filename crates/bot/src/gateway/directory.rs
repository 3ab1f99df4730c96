//! Where Discord's gateway is, how many shards it wants, and how many sessions may be started: asked once, for all shards.

use std::{num::NonZeroU32, time::Duration};

use relais_failover::Timestamp;
use tokio::{sync::Mutex, time::timeout};

use super::identifies::StartLimit;
use crate::interactions::Tools;

/// An answer of `GET /gateway/bot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) url: String,
    /// How many shards Discord recommends.
    pub(super) shards: NonZeroU32,
    pub(super) limit: StartLimit,
    /// When it was asked.
    pub(super) asked: Timestamp,
}

/// Asks, and remembers for a while.
pub(super) struct Directory {
    tools: Tools,
    rest_base: Option<String>,
    last: Mutex<Option<Entry>>,
}

impl Directory {
    pub(super) fn new(tools: Tools, rest_base: Option<String>) -> Self {
        Self { tools, rest_base, last: Mutex::default() }
    }

    /// A rehearsal never speaks to the real Discord, whatever a saved session says.
    pub(super) fn is_ours(&self, url: &str) -> bool {
        let real = url.contains("discord.gg") || url.contains("discord.com");
        self.rest_base.is_none() || !real
    }

    /// The answer, if there is one that was asked after `since` and not too long ago, else a new one. None: not known now.
    pub(super) async fn look(&self, since: Option<Timestamp>) -> Option<Entry> {
        let mut last = self.last.lock().await;
        let now = self.tools.clock.now();
        let good = |asked: Timestamp| now.since(asked) < self.lasts() && since.is_none_or(|since| asked > since);
        if let Some(entry) = last.as_ref().filter(|entry| good(entry.asked)) {
            return Some(entry.clone());
        }
        let entry = self.ask(now).await?;
        *last = Some(entry.clone());
        Some(entry)
    }

    /// As long as sessions are: then the count of what is left has moved.
    fn lasts(&self) -> Duration {
        self.tools.policy.resume_within
    }

    async fn ask(&self, asked: Timestamp) -> Option<Entry> {
        match timeout(self.tools.policy.request_timeout, self.tools.http.get_bot_gateway()).await {
            Ok(Ok(gateway)) if !self.is_ours(&gateway.url) => {
                tracing::error!("rehearsal was sent to the real gateway, not connecting");
                None
            }
            Ok(Ok(gateway)) => {
                let start = &gateway.session_start_limit;
                metrics::gauge!("gateway_session_starts_left").set(start.remaining as f64);
                let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
                let limit = StartLimit {
                    total: number(start.total),
                    left: number(start.remaining),
                    lines: number(start.max_concurrency),
                };
                let shards = NonZeroU32::new(gateway.shards).unwrap_or(NonZeroU32::MIN);
                Some(Entry { url: gateway.url, shards, limit, asked })
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("gateway address not known");
                None
            }
        }
    }
}
