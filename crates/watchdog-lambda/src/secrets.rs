//! The secrets, from SSM: read when first needed, kept for a while, read anew when they may have changed.

use std::time::Duration;

use aws_sdk_ssm::Client;
use relais_aws::{fault, within};
use relais_host::secret::Secret;

use crate::config::Config;

/// After this a secret that was changed is known everywhere.
pub const KEPT: Duration = Duration::from_secs(15 * 60);
/// The same once an answer had a wrong signature: whoever answers so on purpose must not make every look a paid call.
pub const KEPT_IN_DOUBT: Duration = Duration::from_secs(60);
/// What `terraform/` writes where nobody has put a value yet.
pub const UNSET: &str = "unset";

const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// What the function must know and nobody else.
#[derive(Debug)]
pub struct Secrets {
    /// The key that signs the laptop's health answers.
    pub health_key: Secret,
    /// The Discord webhook, if one is configured and there.
    pub webhook: Option<Secret>,
}

/// Why there are no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is no such parameter, or nobody has put a value there.
    #[error(
        "the parameter {0} has no value: aws ssm put-parameter --overwrite --type SecureString --name {0} --value …"
    )]
    Missing(String),
    /// SSM does not answer, or refuses.
    #[error("read the parameters from SSM: {0}")]
    Unreadable(String),
}

/// Reads them.
///
/// # Errors
/// [`SecretsError`]: without the health key nothing can be verified. A webhook that is not there is a warning: who cannot be
/// told must not keep the standby from being started.
pub async fn read(client: &Client, config: &Config) -> Result<Secrets, SecretsError> {
    let (key, webhook) = (&config.probe.key_parameter, config.alerts.webhook_parameter.as_ref());
    let mut last = String::new();
    for _ in 0..TRIES {
        let names = [Some(key), webhook].into_iter().flatten().cloned().collect();
        let request = client.get_parameters().with_decryption(true).set_names(Some(names));
        let asked = async { request.send().await.map_err(|error| fault(&error)) };
        let answer = match within(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(fault) => {
                last = fault.to_string();
                continue;
            }
        };
        let value = |name: &String| {
            let found = answer.parameters().iter().find(|one| one.name() == Some(name.as_str()));
            found.and_then(|one| one.value()).filter(|value| *value != UNSET).and_then(Secret::new)
        };
        let health_key = value(key).ok_or_else(|| SecretsError::Missing(key.clone()))?;
        let webhook = webhook.and_then(|name| {
            let found = value(name);
            if found.is_none() {
                tracing::warn!(parameter = name, "no webhook is there; alerts go elsewhere only");
            }
            found
        });
        return Ok(Secrets { health_key, webhook });
    }
    Err(SecretsError::Unreadable(last))
}
