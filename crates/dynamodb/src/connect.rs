//! How a table is reached.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{Builder, tls};

use relais_store::{DynamoUrl, Store, StoreError, StoreUrl};

use crate::Dynamo;

/// The longest that a connection may take to come up: a machine that is not there must not eat a call's whole time.
const CONNECT: Duration = Duration::from_secs(2);

/// Opens any store: a table here, all else as [`relais_store::open`] does. A table is first asked at the first call.
///
/// # Errors
/// As [`relais_store::open`].
pub async fn open(url: &StoreUrl, request_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Dynamo(url) => Ok(Arc::new(connect(url, request_timeout).await)),
        StoreUrl::Memory | StoreUrl::Sqlite(_) | StoreUrl::Http(_) => relais_store::open(url, request_timeout),
    }
}

/// A table, with credentials by the SDK's usual chain, TLS by ring, no retries of the SDK's own.
pub async fn connect(url: &DynamoUrl, request_timeout: Duration) -> Dynamo {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT.min(request_timeout)).build());
    if let Some(region) = &url.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &url.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    Dynamo::new(Client::new(&loader.load().await), &url.table, request_timeout)
}
