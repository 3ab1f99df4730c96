//! What the function is told: one variable with JSON, which `terraform/` writes. Secrets are named, never held.

use relais_ec2::StandbyConfig;
use relais_failover::Policy;
use relais_store::StoreUrl;
use serde::Deserialize;

/// The variable. Lambda's environment holds 4 KiB.
pub const VARIABLE: &str = "RELAIS_CONFIG";

/// As written; unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    store: String,
    probe: ProbeTarget,
    standby: StandbyConfig,
    #[serde(default)]
    alerts: Alerts,
    #[serde(default)]
    policy: Option<serde_json::Value>,
}

/// Where the laptop's health is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeTarget {
    /// `https://<laptop>.<tailnet>.ts.net/health`.
    pub url: String,
    /// The SSM parameter with the key that signs the answers.
    pub key_parameter: String,
}

/// Who is told besides the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// An SNS topic's ARN.
    #[serde(default)]
    pub topic: Option<String>,
    /// The SSM parameter with the URL of a Discord webhook.
    #[serde(default)]
    pub webhook_parameter: Option<String>,
}

/// Checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The shared store.
    pub store: StoreUrl,
    /// The laptop's public health.
    pub probe: ProbeTarget,
    /// What is switched.
    pub standby: StandbyConfig,
    /// Who is told.
    pub alerts: Alerts,
    /// The numbers; those that ship with Relais if left out.
    pub policy: Policy,
}

/// A configuration that cannot be used. The text names the variable and the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE}: {0}")]
pub struct ConfigError(String);

impl Config {
    /// From the variable's text.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let refused = |error: &dyn core::fmt::Display| ConfigError(error.to_string());
        let written: Written = serde_json::from_str(text).map_err(|error| refused(&error))?;
        let store = written.store.parse().map_err(|error| ConfigError(format!("store: {error}")))?;
        written.standby.check().map_err(|error| refused(&error))?;
        if written.probe.key_parameter.is_empty() {
            return Err(ConfigError("probe.key_parameter is empty".to_owned()));
        }
        let policy = match written.policy {
            Some(policy) => {
                Policy::from_json(&policy.to_string()).map_err(|error| ConfigError(format!("policy: {error}")))?
            }
            None => Policy::embedded(),
        };
        Ok(Self { store, probe: written.probe, standby: written.standby, alerts: written.alerts, policy })
    }

    /// From the environment.
    ///
    /// # Errors
    /// [`ConfigError`], also if the variable is not set.
    pub fn from_environment() -> Result<Self, ConfigError> {
        let text = std::env::var(VARIABLE).map_err(|_| ConfigError("is not set; terraform/ sets it".to_owned()))?;
        Self::read(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "store": "dynamodb:relais?region=eu-west-3",
        "probe": { "url": "https://laptop.example.ts.net/health", "key_parameter": "/relais/health-key" },
        "standby": { "kind": "stopped", "project": "relais" }
    }"#;

    fn refused(from: &str, to: &str) -> String {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        Config::read(&text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_a_meaning() {
        let config = Config::read(GOOD).unwrap();
        assert_eq!(config.policy, Policy::embedded());
        assert_eq!(config.alerts, Alerts::default());
    }

    #[test]
    fn a_policy_of_its_own_is_checked() {
        let policy = Policy::embedded().paced(2.0).unwrap();
        let text = GOOD.replacen('{', &format!("{{ \"policy\": {},", policy.to_json()), 1);
        assert_eq!(Config::read(&text).unwrap().policy, policy);
        let contradicts = policy.to_json().replacen("\"ttl_ms\": 15000", "\"ttl_ms\": 1000", 1);
        let text = GOOD.replacen('{', &format!("{{ \"policy\": {contradicts},"), 1);
        assert!(Config::read(&text).unwrap_err().to_string().starts_with("RELAIS_CONFIG: policy: "));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("key_parameter", "key").contains("unknown field `key`"));
        assert!(refused("dynamodb:", "mongodb:").starts_with("RELAIS_CONFIG: store: "));
        assert!(refused("\"project\": \"relais\"", "\"project\": \"\"").contains("standby.project is empty"));
        assert!(refused("/relais/health-key", "").contains("probe.key_parameter is empty"));
        assert!(refused("stopped", "hibernated").contains("hibernated"));
    }
}
