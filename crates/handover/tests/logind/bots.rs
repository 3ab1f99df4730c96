//! The bots of both sites, and a watchdog that starts the cloud's.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use relais_bot::leadership::{Leadership, Signal, Terms, Voice};
use relais_bot::permit::{Permit, View};
use relais_bot::private::{self, Facts};
use relais_bot::vitals::Vitals;
use relais_failover::{ControlMode, ControlRecord, Fence, FenceReason, Incarnation, Node, Policy, SavedSession, Site};
use relais_host::clock::{Boottime, Clock as _, random_128};
use relais_host::listen;
use relais_store::Store;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Says nothing, and is done with it at once.
struct Silent(mpsc::UnboundedSender<Signal>);

impl Voice for Silent {
    fn activate(&mut self, _: Fence, _: Option<SavedSession>, _: bool) {}

    fn drain(&mut self, _within: Duration) {
        let _ = self.0.send(Signal::Drained);
    }

    fn silence(&mut self, _: FenceReason) {}
}

/// A bot until it is dropped, when it is gone without a word.
pub(crate) struct Bot {
    /// Its private port.
    pub(crate) base: String,
    gone: CancellationToken,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

pub(crate) async fn start(site: Site, policy: &Policy, store: Arc<dyn Store>) -> Bot {
    let clock = Arc::new(Boottime);
    let node = Node { site, incarnation: Incarnation::new(random_128()), preferred: policy.preferred };
    let vitals = Arc::new(Vitals::default());
    let (view, seen) = watch::channel(View::initial(clock.wall()));
    let permit = Permit::new(seen, clock.clone(), site, false);
    let (signals, heard) = mpsc::unbounded_channel();
    let terms = Terms { node, policy: policy.clone(), reckless: false, sees_jumps: true };
    let leadership = Leadership::new(terms, clock.clone(), store, Silent(signals.clone()), vitals.clone(), view, heard);
    let listener = listen::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let facts = Facts { node, policy: policy.clone(), clock: clock.clone(), permit, vitals: vitals.clone(), signals };
    let gone = CancellationToken::new();
    let beats = async move {
        loop {
            let now = clock.now();
            if vitals.shards().is_empty() {
                vitals.enter(NonZeroU32::MIN, now);
            }
            for shard in vitals.shards().iter() {
                shard.turned(now);
                shard.acknowledged(now);
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ends = gone.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = ends.cancelled() => {}
            _ = leadership.run(CancellationToken::new()) => {}
            _ = private::serve(listener, facts, CancellationToken::new()) => {}
            () = beats => {}
        }
    });
    Bot { base, gone }
}

/// Looks at the override as the watchdog does, and starts the cloud's bot once it is asked for.
pub(crate) fn watchdog(policy: Policy, store: Arc<dyn Store>) {
    tokio::spawn(async move {
        loop {
            sleep(policy.probe_every).await;
            let Ok(board) = store.read_board().await else { continue };
            if ControlRecord::mode_at(board.control.as_ref(), Boottime.wall()) == ControlMode::ForceCloud {
                break;
            }
        }
        let _cloud = start(Site::Cloud, &policy, store).await;
        std::future::pending::<()>().await;
    });
}
