//! One call: tries under one deadline, and what each of DynamoDB's errors means (DynamoDB documentation, "Error handling").

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use relais_aws::{Fault, fault, jittered, short};
use relais_host::clock;
use relais_store::StoreError;
use tokio::time::{sleep, timeout};

use crate::Dynamo;

/// The mean pause before the second try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(30);
/// The longest mean pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Why a call ended.
pub(crate) enum Failure<E> {
    /// The service said something that only the port can judge: a condition that failed.
    Said {
        /// What it said.
        error: E,
        /// An earlier try of this call may have been carried out.
        again: bool,
    },
    /// Anything else.
    Store(StoreError),
}

/// What one try's error means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was written, for a reason that passes: too much at once, or another transaction on the same item.
    Busy,
    /// It may have been written.
    Ambiguous,
    /// The port must judge.
    Condition,
    /// Nothing was written, and another try would not change that.
    Final(StoreError),
}

impl Dynamo {
    /// Tries `send` until it is answered, or the call's time is over. `judge` knows the errors of this one operation.
    pub(crate) async fn call<T, E, F>(
        &self,
        send: impl Fn() -> F,
        judge: impl Fn(&E) -> Option<Verdict>,
    ) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let (began, mut pause, mut ambiguous) = (clock::now(), FIRST_PAUSE, false);
        loop {
            let left = self.request_timeout.saturating_sub(clock::now().since(began));
            let Ok(answer) = timeout(left, send()).await else {
                return Err(Failure::Store(StoreError::Timeout));
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let verdict = error.as_service_error().and_then(&judge).unwrap_or_else(|| self.verdict(&error));
            match verdict {
                Verdict::Condition => {
                    return Err(match error {
                        SdkError::ServiceError(said) => Failure::Said { error: said.into_err(), again: ambiguous },
                        _ => Failure::Store(StoreError::Timeout),
                    });
                }
                Verdict::Final(_) if ambiguous => return Err(Failure::Store(StoreError::Timeout)),
                Verdict::Final(error) => return Err(Failure::Store(error)),
                Verdict::Ambiguous => ambiguous = true,
                Verdict::Busy => {}
            }
            let jittered = jittered(pause, clock::random_128());
            if clock::now().since(began) + jittered >= self.request_timeout {
                return Err(Failure::Store(if ambiguous {
                    StoreError::Timeout
                } else {
                    self.busy(self.request_timeout)
                }));
            }
            tracing::debug!(table = self.table, error = %short(&error), "store tried again");
            sleep(jittered).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The same for an operation without a condition.
    pub(crate) async fn unconditional<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        self.call(send, |_| None).await.map_err(|failure| match failure {
            Failure::Store(error) => error,
            // Nothing was left to the port to judge.
            Failure::Said { .. } => StoreError::Timeout,
        })
    }

    /// For errors of any operation.
    fn verdict<E: ProvideErrorMetadata + Error + 'static>(&self, error: &SdkError<E>) -> Verdict {
        match fault(error) {
            Fault::NeverSent(why) => Verdict::Final(self.unreachable(why)),
            Fault::Unanswered(_) => Verdict::Ambiguous,
            Fault::Said { code, status, message } => self.by_code(&code, status, &message),
        }
    }

    fn by_code(&self, code: &str, status: u16, message: &str) -> Verdict {
        let said = || if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
        match code {
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "TransactionConflictException" => Verdict::Busy,
            // An earlier try under the same token is being carried out.
            "TransactionInProgressException" => Verdict::Ambiguous,
            "ValidationException" | "ItemCollectionSizeLimitExceededException" => {
                Verdict::Final(StoreError::Invalid { reason: said() })
            }
            "ResourceNotFoundException" => Verdict::Final(
                self.unreachable(format_args!("there is no such table in this region and account ({code})")),
            ),
            _ if status >= 500 => Verdict::Ambiguous,
            _ => Verdict::Final(self.unreachable(said())),
        }
    }

    pub(crate) fn unreachable(&self, reason: impl ToString) -> StoreError {
        StoreError::Unreachable { store: format!("dynamodb:{}", self.table), reason: reason.to_string() }
    }

    /// Others were always first; nothing was written.
    pub(crate) fn busy(&self, waited: Duration) -> StoreError {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        StoreError::Busy { store: format!("dynamodb:{}", self.table), waited_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Dynamo {
        let config = aws_sdk_dynamodb::Config::builder().behavior_version_latest().build();
        Dynamo::new(aws_sdk_dynamodb::Client::from_conf(config), "relais", Duration::from_secs(3))
    }

    #[test]
    fn every_error_of_the_service_has_its_meaning() {
        let store = store();
        let kind = |code: &str, status| match store.by_code(code, status, "why") {
            Verdict::Busy => "busy",
            Verdict::Ambiguous => "ambiguous",
            Verdict::Condition => "condition",
            Verdict::Final(StoreError::Invalid { .. }) => "invalid",
            Verdict::Final(StoreError::Unreachable { .. }) => "unreachable",
            Verdict::Final(_) => "other",
        };
        for (code, status, means) in [
            ("ProvisionedThroughputExceededException", 400, "busy"),
            ("ThrottlingException", 400, "busy"),
            ("RequestLimitExceeded", 400, "busy"),
            ("TransactionConflictException", 400, "busy"),
            ("TransactionInProgressException", 400, "ambiguous"),
            ("InternalServerError", 500, "ambiguous"),
            ("ServiceUnavailable", 503, "ambiguous"),
            ("ValidationException", 400, "invalid"),
            ("ResourceNotFoundException", 400, "unreachable"),
            ("AccessDeniedException", 400, "unreachable"),
            ("UnrecognizedClientException", 400, "unreachable"),
            ("ExpiredTokenException", 400, "unreachable"),
        ] {
            assert_eq!(kind(code, status), means, "{code}");
        }
        let denied = store.by_code("AccessDeniedException", 400, "not authorized to perform: dynamodb:PutItem");
        let Verdict::Final(error) = denied else { panic!("not final") };
        assert!(error.to_string().contains("dynamodb:relais") && error.to_string().contains("PutItem"), "{error}");
    }
}
