//! Where alerts go: the log, which needs nothing, and several places at once.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use relais_failover::decide::Alert;
use tracing::{error, warn};

use crate::ports::AlertPort;

/// Writes alerts to the log: pages as errors, the rest as warnings.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogAlert;

#[async_trait]
impl AlertPort for LogAlert {
    async fn alert(&self, alert: Alert) {
        if alert.pages() {
            error!(what = %alert, "alert");
        } else {
            warn!(what = %alert, "alert");
        }
    }
}

/// Several places, side by side: a slow one does not hold the others up.
#[derive(Clone, Default)]
pub struct Everywhere(pub Vec<Arc<dyn AlertPort>>);

#[async_trait]
impl AlertPort for Everywhere {
    async fn alert(&self, alert: Alert) {
        join_all(self.0.iter().map(|place| place.alert(alert))).await;
    }
}
