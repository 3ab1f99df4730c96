//! What the service manager is told (`sd_notify(3)`). Without one nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::agent::Phase;

/// The locks are held, or it is too late for them: whoever waits for this service may go on.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A line for `systemctl status`; none: awake, and without the locks.
pub(crate) fn phase(phase: Option<Phase>) {
    tell(&[NotifyState::Status(phase.map_or("awake, sleep and shutdown wait for nobody", Phase::as_str))]);
}

/// The service ends by itself.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The loop still turns.
pub(crate) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is to be said: twice in the time after which the manager takes this process for stuck.
pub(crate) fn alive_every() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(3600), |most| most / 2).max(Duration::from_millis(1))
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "service manager not told");
    }
}
