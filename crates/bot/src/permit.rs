//! The cheap view of the lease that everything which acts looks at first.

use std::{sync::Arc, time::Duration};

use relais_failover::{Fence, Holder, Policy, Role, Site, Timestamp, WallClock};
use relais_host::clock::Clock;
use tokio::sync::watch;

use crate::effect::{self, Late};

/// What leadership published last. It ages well: rights are moments on this machine's clock, so a process that was
/// stopped finds them over when it looks again.
#[derive(Debug, Clone)]
pub struct View {
    /// Where this site stands.
    pub role: Role,
    /// The right to change state, while active or draining.
    pub fence: Option<Fence>,
    /// New effects may begin before this moment; none: not at all.
    pub begin_until: Option<Timestamp>,
    /// Effects of what was accepted before may begin before this moment: also while draining, since nobody else can
    /// have the lease before it is given up.
    pub finish_until: Option<Timestamp>,
    /// Send time of the last renewal that succeeded.
    pub renewed_at: Option<Timestamp>,
    /// Since when the role stands, for people.
    pub since: WallClock,
    /// When the store last answered.
    pub store_seen: Option<Timestamp>,
}

impl View {
    /// Before anything is known.
    #[must_use]
    pub const fn initial(wall: WallClock) -> Self {
        Self {
            role: Role::Follower,
            fence: None,
            begin_until: None,
            finish_until: None,
            renewed_at: None,
            since: wall,
            store_seen: None,
        }
    }

    /// What `holder` grants at `now`, following on `before`.
    #[must_use]
    pub fn of(holder: &Holder, policy: &Policy, now: Timestamp, wall: WallClock, before: &Self) -> Self {
        let spare = holder.remaining(now).checked_sub(policy.effect_timeout).filter(|spare| !spare.is_zero());
        let until = spare.map(|spare| now + spare);
        let role = holder.role();
        Self {
            role,
            fence: holder.fence(),
            begin_until: until.filter(|_| holder.may_act(now)),
            finish_until: until.filter(|_| matches!(role, Role::Active | Role::Draining)),
            renewed_at: holder.lease_age(now).map(|age| before_now(now, age)),
            since: if role == before.role { before.since } else { wall },
            store_seen: before.store_seen,
        }
    }
}

fn before_now(now: Timestamp, age: Duration) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
}

/// A handle on the view, with the clock it is judged by.
#[derive(Clone)]
pub struct Permit {
    view: watch::Receiver<View>,
    clock: Arc<dyn Clock>,
    site: Site,
    reckless: bool,
}

impl Permit {
    /// `reckless` is the mutant without a fence: once active, always allowed.
    #[must_use]
    pub fn new(view: watch::Receiver<View>, clock: Arc<dyn Clock>, site: Site, reckless: bool) -> Self {
        Self { view, clock, site, reckless }
    }

    /// Whether something new may be begun now ([`Holder::may_act`]).
    #[must_use]
    pub fn may_begin(&self) -> bool {
        let now = self.clock.now();
        self.reckless || self.view.borrow().begin_until.is_some_and(|until| now < until)
    }

    /// Whether something accepted under `fence` may still have its effect now.
    #[must_use]
    pub fn may_finish(&self, fence: Fence) -> bool {
        let now = self.clock.now();
        let view = self.view.borrow();
        self.reckless || (view.fence == Some(fence) && view.finish_until.is_some_and(|until| now < until))
    }

    /// Carries `effect` out, for at most `limit` by this machine's clock, its sleep included.
    ///
    /// # Errors
    /// [`Late`]: whether it had its effect is not known.
    pub(crate) async fn within<F: Future>(&self, limit: Duration, effect: F) -> Result<F::Output, Late> {
        effect::within(&*self.clock, limit, effect).await
    }

    /// The published view.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// This site.
    #[must_use]
    pub const fn site(&self) -> Site {
        self.site
    }

    /// Whether this is the mutant without a fence.
    #[must_use]
    pub const fn reckless(&self) -> bool {
        self.reckless
    }
}
