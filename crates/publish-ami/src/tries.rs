//! One call: a deadline for each try, and more tries for what passes.

use std::future::Future;
use std::time::Duration;

use relais_aws::{Fault, jittered, within};
use relais_host::clock;
use tokio::time::sleep;
use tracing::debug;

use crate::error::{Refused, passes};

/// The mean pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest mean pause.
const LONGEST: Duration = Duration::from_secs(10);

/// How patient a call is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For one try.
    pub(crate) each: Duration,
    /// Tries.
    pub(crate) most: u32,
}

/// A look, or a change of one thing.
pub(crate) const CALL: Patience = Patience { each: Duration::from_secs(30), most: 5 };
/// A block: sixteen share a line that may be slow.
pub(crate) const BLOCK: Patience = Patience { each: Duration::from_secs(120), most: 8 };

/// Tries `send` until it is answered, refused for good, or has been tried often enough.
pub(crate) async fn tries<T, F>(call: &'static str, patience: Patience, send: impl Fn() -> F) -> Result<T, Refused>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut tried = 0;
    loop {
        let fault = match within(patience.each, send()).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        tried += 1;
        if tried >= patience.most || !passes(&fault) {
            return Err(Refused { call, fault });
        }
        debug!(call, %fault, tried, "call tried again");
        sleep(pause(tried, clock::random_128())).await;
    }
}

/// The mean grows with the tries.
fn pause(tried: u32, random: u128) -> Duration {
    jittered((PAUSE * 2_u32.pow(tried.min(16) - 1)).min(LONGEST), random)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    async fn asked(faults: u32, fault: Fault) -> (Result<u32, Refused>, u32) {
        let count = AtomicU32::new(0);
        let patience = Patience { each: Duration::from_secs(60), most: 3 };
        let send = || async {
            let now = count.fetch_add(1, Ordering::Relaxed) + 1;
            if now > faults { Ok(now) } else { Err(fault.clone()) }
        };
        let answer = tries("ebs:StartSnapshot", patience, send).await;
        (answer, count.load(Ordering::Relaxed))
    }

    fn said(code: &str) -> Fault {
        Fault::Said { code: code.to_owned(), status: 400, message: String::new() }
    }

    #[tokio::test]
    async fn what_passes_is_tried_again_and_not_for_ever() {
        assert_eq!(asked(2, said("ThrottlingException")).await, (Ok(3), 3));
        let (answer, count) = asked(9, said("ThrottlingException")).await;
        assert_eq!((answer.unwrap_err().code(), count), ("ThrottlingException", 3));
    }

    #[tokio::test]
    async fn a_refusal_is_final_at_once() {
        let (answer, count) = asked(9, said("AccessDeniedException")).await;
        assert_eq!((answer.unwrap_err().code(), count), ("AccessDeniedException", 1));
    }

    #[test]
    fn pauses_grow_are_spread_and_end() {
        assert_eq!((pause(1, 0), pause(1, 1000)), (PAUSE / 2, PAUSE * 3 / 2));
        assert_eq!(pause(2, 500), PAUSE * 2);
        assert_eq!(pause(99, 500), LONGEST);
    }
}
