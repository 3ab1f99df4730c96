//! How a table is reached.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{Builder, tls};
use relais_store::{DynamoUrl, Store, StoreError, StoreUrl};
use tokio::time::timeout;

use crate::Dynamo;

/// The longest that a connection may take to come up: a machine that is not there must not eat a call's whole time.
const CONNECT: Duration = Duration::from_secs(2);

/// Opens any store: a table here, all else as [`relais_store::open`] does. A table is first asked at the first call.
///
/// # Errors
/// As [`relais_store::open`], and as [`connect`] for a table.
pub async fn open(url: &StoreUrl, request_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Dynamo(url) => Ok(Arc::new(connect(url, request_timeout).await?)),
        StoreUrl::Memory | StoreUrl::Sqlite(_) | StoreUrl::Http(_) => relais_store::open(url, request_timeout),
    }
}

/// A table, with credentials by the SDK's usual chain, TLS by ring, no retries of the SDK's own.
///
/// # Errors
/// [`StoreError::Unreachable`] if there are no credentials, or none come within `request_timeout`: looked at here, since
/// a call that cannot be signed would otherwise look like one that was not answered.
pub async fn connect(url: &DynamoUrl, request_timeout: Duration) -> Result<Dynamo, StoreError> {
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
    let unreachable = |reason: String| StoreError::Unreachable { store: url.to_string(), reason };
    let signs = async {
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(unreachable(
                "no region: name it, as in dynamodb:table?region=eu-west-3, or in AWS_REGION".to_owned(),
            ));
        }
        let way = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the machine has a role";
        let Some(credentials) = config.credentials_provider() else {
            return Err(unreachable(format!("no AWS credentials: {way}")));
        };
        match credentials.provide_credentials().await {
            Ok(_) => Ok(config),
            Err(error) => Err(unreachable(format!("no AWS credentials ({error}): {way}"))),
        }
    };
    let late =
        || unreachable("no AWS credentials came in time: are they set, and does the machine have a role?".to_owned());
    let config = timeout(request_timeout, signs).await.unwrap_or_else(|_| Err(late()))?;
    Ok(Dynamo::new(Client::new(&config), &url.table, request_timeout))
}
