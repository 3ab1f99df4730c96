//! How a table is reached.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use relais_aws::{Place, SdkConfig};
use relais_store::{DynamoUrl, Store, StoreError, StoreUrl};

use crate::Dynamo;

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

/// The same for whoever has an account already: its credentials and connections serve the table as well.
///
/// # Errors
/// As [`relais_store::open`].
pub fn open_in(account: &SdkConfig, url: &StoreUrl, request_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Dynamo(url) => {
            let config = place(url).within(account);
            Ok(Arc::new(Dynamo::new(Client::new(&config), &url.table, request_timeout)))
        }
        StoreUrl::Memory | StoreUrl::Sqlite(_) | StoreUrl::Http(_) => relais_store::open(url, request_timeout),
    }
}

fn place(url: &DynamoUrl) -> Place {
    Place { region: url.region.clone(), endpoint: url.endpoint.clone() }
}

/// A table, reached as [`Place::connect`] says.
///
/// # Errors
/// [`StoreError::Unreachable`] if there are no credentials, or none come within `request_timeout`: looked at here, since
/// a call that cannot be signed would otherwise look like one that was not answered.
pub async fn connect(url: &DynamoUrl, request_timeout: Duration) -> Result<Dynamo, StoreError> {
    let config = place(url)
        .connect(request_timeout)
        .await
        .map_err(|error| StoreError::Unreachable { store: url.to_string(), reason: error.to_string() })?;
    Ok(Dynamo::new(Client::new(&config), &url.table, request_timeout))
}
