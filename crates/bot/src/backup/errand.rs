//! When a backup is taken: beside everything else that a term does, and ended with it.

use std::{io, sync::Arc, time::Duration};

use relais_failover::{Fence, WallClock};
use relais_host::clock::Clock;
use relais_store::{Store, archive::Taken};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    file::{self, BackupError},
    folder::Kept,
    plan::Plan,
};
use crate::{interactions::moment, permit::Permit};

/// The longest that is slept: the clock that sleeps go by stands still while a laptop does.
const LOOK: Duration = Duration::from_secs(60);
/// From a try in vain to the next.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// The backups of one site.
#[derive(Clone)]
pub struct Backups {
    plan: Plan,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    permit: Permit,
    settled: Duration,
}

impl Backups {
    /// Takes backups of `store` as `plan` says, while `permit` allows to act, and not before a term is `settled`: at its
    /// beginning there are sessions to take up and late messages to send.
    #[must_use]
    pub fn new(plan: Plan, store: Arc<dyn Store>, clock: Arc<dyn Clock>, permit: Permit, settled: Duration) -> Self {
        Self { plan, store, clock, permit, settled }
    }

    /// Shows what the folder has: known from the start, also at a site that does not hold the lease.
    pub fn show(&self) {
        metrics::gauge!("backup_every_seconds").set(self.plan.every.as_secs_f64());
        match self.plan.folder.newest(self.clock.wall()) {
            Ok(newest) => shown(newest.as_ref()),
            Err(error) => tracing::warn!(%error, "folder of backups not readable"),
        }
    }

    /// Takes one whenever it is due, until `closing`.
    pub async fn run(self, fence: Fence, closing: CancellationToken) {
        closing.run_until_cancelled(self.go_on(fence)).await;
    }

    async fn go_on(&self, fence: Fence) {
        sleep(self.settled).await;
        loop {
            let pause = match self.due_in().await {
                Ok(wait) if wait > Duration::ZERO => wait.min(LOOK),
                Ok(_) if !self.permit.may_begin() => LOOK,
                Ok(_) => match self.once(fence).await {
                    Ok(()) => LOOK,
                    Err(error) => failed(&error.into()),
                },
                Err(error) => failed(&error.into()),
            };
            sleep(pause).await;
        }
    }

    /// How long until the next one, by the age of the newest.
    async fn due_in(&self) -> io::Result<Duration> {
        let now = self.clock.wall();
        let Some(newest) = self.in_folder(move |plan| plan.folder.newest(now)).await? else {
            return Ok(Duration::ZERO);
        };
        let age = moment(now).as_second().saturating_sub(newest.taken);
        Ok(self.plan.every.saturating_sub(Duration::from_secs(u64::try_from(age).unwrap_or(0))))
    }

    async fn once(&self, fence: Fence) -> Result<(), BackupError> {
        let now = self.clock.wall();
        let path = self.plan.folder.file(now, fence.term);
        let Taken { counts, bytes, .. } = file::write(&*self.store, &path, now, &mut |_| ()).await?;
        shown(Some(&Kept { taken: moment(now).as_second(), bytes, path: path.clone() }));
        tracing::info!(file = %path.display(), bytes, entries = counts.all(), "backup taken");
        let keep = self.plan.keep;
        match self.in_folder(move |plan| plan.folder.prune(keep)).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, keep, "old backups removed"),
            // The new one is there all the same.
            Err(error) => tracing::warn!(%error, "old backups not removed"),
        }
        Ok(())
    }

    /// Looks at the folder off the runtime: a disk may take its time.
    async fn in_folder<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Plan) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let plan = self.plan.clone();
        spawn_blocking(move || look(&plan)).await.map_err(io::Error::other)?
    }
}

/// A full disk, or a store that does not answer, costs a backup and nothing else.
fn failed(error: &anyhow::Error) -> Duration {
    metrics::counter!("backup_failures_total").increment(1);
    tracing::error!(error = format!("{error:#}"), "backup failed");
    AGAIN
}

fn shown(newest: Option<&Kept>) {
    let (taken, bytes) = newest.map_or((0, 0), |kept| (kept.taken, kept.bytes));
    metrics::gauge!("backup_last_success_timestamp_seconds").set(taken as f64);
    metrics::gauge!("backup_bytes").set(bytes as f64);
}

/// A moment as people and files have it, in UTC.
#[must_use]
pub fn utc(wall: WallClock) -> String {
    moment(wall).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
