//! Which table, and how it is reached.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{Builder, tls};

use crate::Dynamo;

/// The longest that a connection may take to come up: a machine that is not there must not eat a call's whole time.
const CONNECT: Duration = Duration::from_secs(2);

/// Where a store lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The table's name.
    pub table: String,
    /// Its region; none: as the environment or the machine's metadata says (AWS SDK documentation, region provider chain).
    pub region: Option<String>,
    /// Another endpoint than AWS's, for an emulator.
    pub endpoint: Option<String>,
}

/// A client by these settings: credentials by the SDK's usual chain, TLS by ring, no retries of its own.
pub async fn connect(settings: &Settings, request_timeout: Duration) -> Dynamo {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT.min(request_timeout)).build());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    Dynamo::new(Client::new(&loader.load().await), &settings.table, request_timeout)
}
