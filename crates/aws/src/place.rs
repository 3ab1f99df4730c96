//! From a region and an endpoint to a configuration that can sign.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_http_client::{Builder, tls};
use tokio::time::timeout;

/// The longest that a connection may take to come up: a machine that is not there must not eat a call's whole time.
const CONNECT: Duration = Duration::from_secs(2);

/// Where AWS is. What is left out comes as the SDK always finds it (environment, profile, the machine's role).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Such as `eu-west-3`.
    pub region: Option<String>,
    /// `http://127.0.0.1:5001`, for an emulator.
    pub endpoint: Option<String>,
}

/// Why nothing can be signed. A call would look as if it had not been answered, so this is asked first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No region is named anywhere.
    #[error("no region: name it, as in dynamodb:table?region=eu-west-3, or in AWS_REGION")]
    NoRegion,
    /// There are no credentials, or the place where they would be says no.
    #[error(
        "no AWS credentials{0}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the machine has a role"
    )]
    NoCredentials(String),
    /// The credentials did not come in time.
    #[error("no AWS credentials came in time: are they set, and does the machine have a role?")]
    Late,
}

impl Place {
    /// A configuration for any service's client: credentials by the SDK's usual chain, TLS by ring, no retries of the SDK's
    /// own.
    ///
    /// # Errors
    /// [`ConnectError`] if nothing can be signed, or no credentials come within `patience`.
    pub async fn connect(&self, patience: Duration) -> Result<SdkConfig, ConnectError> {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(ring).build_https())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT.min(patience)).build());
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let signs = async {
            let config = loader.load().await;
            if config.region().is_none() {
                return Err(ConnectError::NoRegion);
            }
            let Some(credentials) = config.credentials_provider() else {
                return Err(ConnectError::NoCredentials(String::new()));
            };
            match credentials.provide_credentials().await {
                Ok(_) => Ok(config),
                Err(error) => Err(ConnectError::NoCredentials(format!(" ({error})"))),
            }
        };
        timeout(patience, signs).await.unwrap_or(Err(ConnectError::Late))
    }

    /// The same account at this place: what is left out here stays as it is there.
    #[must_use]
    pub fn within(&self, account: &SdkConfig) -> SdkConfig {
        let mut config = account.to_builder();
        if let Some(region) = &self.region {
            config.set_region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &self.endpoint {
            config.set_endpoint_url(Some(endpoint.clone()));
        }
        config.build()
    }
}
