//! One call: a deadline for each try, and another try for what passes.

use std::future::Future;
use std::time::Duration;

use relais_aws::{Fault, jittered, within};
use relais_host::clock;
use relais_watchdog::StandbyError;
use tokio::time::sleep;
use tracing::debug;

use crate::meaning::{Meaning, meaning};

/// Throttled: at most this many tries (`docs/protocol.md`, stage 2, errors).
const THROTTLED_TRIES: u32 = 3;
/// Not answered, or a fault of the service: the next look comes in seconds and begins afresh.
const PASSING_TRIES: u32 = 2;
/// The mean pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(300);

/// Tries `send` until it is answered, refused for good, or has been tried often enough.
pub(crate) async fn tries<T, F>(each: Duration, send: impl Fn() -> F) -> Result<T, Meaning>
where
    F: Future<Output = Result<T, Fault>>,
{
    let (mut throttled, mut passing) = (0, 0);
    loop {
        let fault = match within(each, send()).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let means = meaning(&fault);
        let (count, most) = match &means {
            Meaning::Throttled => (&mut throttled, THROTTLED_TRIES),
            Meaning::Passing(_) => (&mut passing, PASSING_TRIES),
            Meaning::NoCapacity | Meaning::SpotRefused(_) | Meaning::Final(_) => return Err(means),
        };
        *count += 1;
        if *count >= most {
            return Err(means);
        }
        debug!(%fault, "EC2 tried again");
        pause(*count - 1).await;
    }
}

/// A jittered pause, the longer the more tries there were.
pub(crate) async fn pause(tries: u32) {
    let mean = PAUSE * 2_u32.pow(tries.min(4));
    sleep(jittered(mean, clock::random_128())).await;
}

/// The same for a call for which nothing is left to choose.
pub(crate) async fn told<T, F>(each: Duration, send: impl Fn() -> F) -> Result<T, StandbyError>
where
    F: Future<Output = Result<T, Fault>>,
{
    tries(each, send).await.map_err(Meaning::told)
}
