//! Which stores this build can open.

#[cfg(feature = "aws")]
pub use relais_dynamodb::open;

#[cfg(not(feature = "aws"))]
pub use without_aws::open;

#[cfg(not(feature = "aws"))]
mod without_aws {
    use std::sync::Arc;
    use std::time::Duration;

    use relais_store::{Store, StoreError, StoreUrl};

    /// Opens a store, as [`relais_store::open`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn open(url: &StoreUrl, request_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
        relais_store::open(url, request_timeout)
    }
}
