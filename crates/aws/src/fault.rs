//! What an SDK's error says, without its service's types.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A call that failed, reduced to what a decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was sent, so nothing was done.
    NeverSent(String),
    /// Sent, and no answer that could be read: it may have been done.
    Unanswered(String),
    /// The service said no.
    Said {
        /// Its code, such as `InsufficientInstanceCapacity`; empty if it gave none.
        code: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NeverSent(why) | Self::Unanswered(why) => f.write_str(why),
            Self::Said { code, message, status } => match (code.is_empty(), message.is_empty()) {
                (true, true) => write!(f, "status {status}"),
                (true, false) => f.write_str(message),
                (false, true) => f.write_str(code),
                (false, false) => write!(f, "{code}: {message}"),
            },
        }
    }
}

/// Reduces the error of any operation.
#[must_use]
pub fn fault<E>(error: &SdkError<E, Response>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Fault::NeverSent(short(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || never_left(error) => Fault::NeverSent(short(error)),
        // A success that cannot be read: it was done, or something between here and there answered.
        SdkError::ServiceError(said) if said.raw().status().is_success() => Fault::Unanswered(short(error)),
        SdkError::ServiceError(said) => Fault::Said {
            code: said.err().code().unwrap_or_default().to_owned(),
            status: said.raw().status().as_u16(),
            message: said.err().message().unwrap_or_default().to_owned(),
        },
        _ => Fault::Unanswered(short(error)),
    }
}

/// Whether no connection came to be, so that nothing was sent.
fn never_left(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The error with its causes, in one line.
#[must_use]
pub fn short(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
