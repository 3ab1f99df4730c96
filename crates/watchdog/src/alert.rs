//! The alert adapter that needs nothing: the log.

use async_trait::async_trait;
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
