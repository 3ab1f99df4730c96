//! Alerts by SNS: mail, telephone, whatever subscribes.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use relais_aws::{fault, within};
use relais_failover::decide::Alert;
use relais_watchdog::AlertPort;
use tracing::warn;

const PATIENCE: Duration = Duration::from_secs(4);

/// A topic.
#[derive(Debug, Clone)]
pub struct TopicAlert {
    client: Client,
    arn: String,
    project: String,
}

impl TopicAlert {
    /// `project` tells several bots of one account apart.
    #[must_use]
    pub fn new(client: Client, arn: String, project: String) -> Self {
        Self { client, arn, project }
    }
}

#[async_trait]
impl AlertPort for TopicAlert {
    async fn alert(&self, alert: Alert) {
        let urgent = if alert.pages() { "act now" } else { "notice" };
        let publish = self
            .client
            .publish()
            .topic_arn(&self.arn)
            // A subject is one line of at most 100 characters (SNS API reference, Publish).
            .subject(format!("{}: {urgent}", self.project))
            .message(format!("{}: {alert}", self.project));
        let told = async { publish.send().await.map_err(|error| fault(&error)) };
        if let Err(error) = within(PATIENCE, told).await {
            warn!(what = %alert, %error, "nobody was told by SNS");
        }
    }
}
