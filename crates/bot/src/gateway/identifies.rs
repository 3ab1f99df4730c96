//! Who may IDENTIFY next: one shard after another, as far apart as Discord wants, and each written down first.
//!
//! Discord puts shard `n` into the line `n % max_concurrency`; a line lets one through in five seconds (Discord
//! documentation, sharding). A shard takes its place before it connects, so that no connection stands idle for minutes.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use relais_failover::{Fence, Timestamp, damping::identify_allowance};
use tokio::{
    sync::{Mutex as Line, OwnedMutexGuard},
    time::sleep,
};

use super::budget::{self, BudgetError};
use crate::interactions::Tools;

/// More lines than Discord gives to anybody.
const MOST_LINES: u32 = 1024;

/// What Discord allows, until it said so: the least that any bot has.
const UNTOLD: StartLimit = StartLimit { total: 1000, left: u32::MAX, lines: 1 };

/// `session_start_limit` of `GET /gateway/bot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StartLimit {
    /// In 24 h.
    pub(super) total: u32,
    /// Of these, how many are left.
    pub(super) left: u32,
    /// `max_concurrency`: how many lines there are.
    pub(super) lines: u32,
}

/// When the last one of this line left.
type Last = Option<Timestamp>;

/// The place at the head of a line, kept until dropped.
pub(super) struct Turn(OwnedMutexGuard<Last>);

struct Known {
    limit: StartLimit,
    told: Option<Timestamp>,
    lines: Vec<Arc<Line<Last>>>,
}

/// The lines of one process: they outlive a term and a count of shards, since Discord counts on.
pub(super) struct Identifies {
    tools: Tools,
    known: Mutex<Known>,
    ledger: Line<()>,
}

impl Identifies {
    pub(super) fn new(tools: Tools) -> Self {
        let known = Known { limit: UNTOLD, told: None, lines: vec![Arc::default()] };
        Self { tools, known: Mutex::new(known), ledger: Line::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that holds the lock can panic half-way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Discord said then what it allows; what is known already is not counted anew.
    pub(super) fn learn(&self, limit: StartLimit, told: Timestamp) {
        let mut known = self.known();
        if known.told == Some(told) {
            return;
        }
        let lines = limit.lines.clamp(1, MOST_LINES) as usize;
        if known.lines.len() != lines {
            // Another number than before: who left last from which of them is not known any more.
            let last = known.told.map(|_| told);
            known.lines = (0..lines).map(|_| Arc::new(Line::new(last))).collect();
        }
        known.told = Some(told);
        known.limit = limit;
    }

    /// Waits in line until this shard is the next.
    pub(super) async fn line_up(&self, shard: u32) -> Turn {
        let line = {
            let known = self.known();
            known.lines[shard as usize % known.lines.len()].clone()
        };
        Turn(line.lock_owned().await)
    }

    /// Waits until the last one of the line is long enough ago, and writes this one, of so many shards, down.
    pub(super) async fn spend(&self, turn: &Turn, fence: Fence, shards: NonZeroU32) -> Result<(), BudgetError> {
        if let Some(last) = *turn.0 {
            sleep(self.tools.policy.identify_spacing.saturating_sub(self.tools.clock.now().since(last))).await;
        }
        let _alone = self.ledger.lock().await;
        let limit = self.known().limit;
        if limit.left == 0 {
            return Err(BudgetError::NoneLeft);
        }
        let allowance = identify_allowance(shards, limit.total, &self.tools.policy);
        budget::spend(&self.tools, fence, allowance).await?;
        let mut known = self.known();
        known.limit.left = known.limit.left.saturating_sub(1);
        Ok(())
    }
}

impl Turn {
    /// The IDENTIFY leaves now; the next of the line waits from here.
    pub(super) fn leaves(&mut self, now: Timestamp) {
        *self.0 = Some(now);
    }
}
