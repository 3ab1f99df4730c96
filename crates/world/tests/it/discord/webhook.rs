//! The watchdog's webhook message is one that Discord's own document allows.

use relais_failover::decide::Alert;
use relais_host::secret::Secret;
use relais_watchdog::webhook::{WebhookAlert, WebhookError};

use super::discord;

#[tokio::test]
async fn an_alert_breaks_no_rule_of_discords() {
    let discord = discord(1.0).await;
    let judged = discord.openapi_judged();
    let url = Secret::new(&format!("http://{}/api/v10/webhooks/1/hush", discord.address("laptop").unwrap())).unwrap();
    // The small Discord has no webhooks of channels: it judges the request, and then knows nobody of this name.
    let told = WebhookAlert::new(&url, "relais").unwrap().tell(Alert::StandbySilent).await;
    assert_eq!(told, Err(WebhookError::Refused(404)));
    assert_eq!(discord.violations(), []);
    assert_eq!(discord.operations_judged(), usize::from(judged));
    discord.shutdown().await;
}
