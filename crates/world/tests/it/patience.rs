//! Waiting for outcomes: no test asserts how long something takes, only that it comes.

use std::time::Duration;

use tokio::time::Instant;

/// Nothing in these tests takes longer on the slowest machine.
pub(crate) const CAP: Duration = Duration::from_secs(20);

/// Returns when `outcome` holds.
pub(crate) async fn eventually(what: &str, mut outcome: impl FnMut() -> bool) {
    let deadline = Instant::now() + CAP;
    while !outcome() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
