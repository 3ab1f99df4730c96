//! `watchdog-local init`: the first lease record of a store, written once in its life.

use anyhow::Context as _;
use relais_failover::{LeaseRecord, Version};
use relais_host::clock::{Boottime, Clock as _, random_128};

use crate::arguments::Init;

/// Writes the record, or says that there is one.
pub(crate) fn run(init: &Init) -> anyhow::Result<()> {
    let policy = relais_host::config::policy(init.policy.as_deref())?;
    let url = init.store.parse().map_err(|error| relais_host::exit::BadUsage(format!("--store: {error}")))?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let store = relais_bot::store::open(&url, policy.request_timeout).await.context("open the store")?;
        let record = LeaseRecord::initial(Version::new(random_128()), policy.ttl, Boottime.wall());
        store.init(&record).await.context("initialise the store")?;
        println!("{}: the lease is there, held by nobody", init.store);
        Ok(())
    })
}
