//! What every loop of tries has in common. How often and for how long it is tried stays with whoever calls.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::Fault;

/// One try, which counts as unanswered after `each`.
///
/// # Errors
/// [`Fault`].
pub async fn within<T>(each: Duration, sent: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = || Err(Fault::Unanswered(format!("no answer within {} s", each.as_secs())));
    timeout(each, sent).await.unwrap_or_else(|_| late())
}

/// A pause of between half and one and a half of the mean, so that those who were refused together do not come back together.
#[must_use]
pub fn jittered(mean: Duration, random: u128) -> Duration {
    let part = u32::try_from(random % 1001).unwrap_or(500);
    mean / 2 + mean * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_around_their_mean() {
        let mean = Duration::from_millis(100);
        assert_eq!((jittered(mean, 0), jittered(mean, 1000)), (mean / 2, mean * 3 / 2));
    }
}
