//! One answer to Discord: bounded, never sent twice unless Discord said that it did not take it.

use std::time::Duration;

use relais_failover::Fence;
use serenity::http::{HttpError, StatusCode};
use tokio::time::sleep;

use super::{Asked, Tools, form};
use crate::{commands::Reply, effect::Late};

/// Discord's code for "this interaction was answered already".
const ALREADY_ACKNOWLEDGED: isize = 40060;

/// Discord's code for a token that is unknown or over its 3 s.
const UNKNOWN_INTERACTION: isize = 10062;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Discord took it.
    Spoken,
    /// Somebody answered before: an earlier try of ours, or the predecessor. Fine.
    Already,
    /// Discord does not know the interaction any more.
    TooLate,
    /// Discord refused it.
    Refused,
    /// Discord could not be reached, or did not answer in time: perhaps taken, so never sent again.
    Unknown,
}

impl Answered {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Spoken => "answered",
            Self::Already => "already_answered",
            Self::TooLate => "too_late",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// Sends the first answer of an interaction within `effect_timeout`.
pub(super) async fn send(tools: &Tools, fence: Fence, asked: &Asked, reply: &Reply) -> Answered {
    let limit = tools.policy.effect_timeout;
    tools.permit.within(limit, persist(tools, fence, asked, reply)).await.unwrap_or_else(|Late| {
        tracing::warn!("answer not acknowledged in time");
        Answered::Unknown
    })
}

/// Tries again only after 429, which says that nothing was done, and only while the permit holds.
async fn persist(tools: &Tools, fence: Fence, asked: &Asked, reply: &Reply) -> Answered {
    let response = form::response(reply);
    let mut wait = tools.policy.effect_timeout / 20;
    loop {
        let sent = tools.http.create_interaction_response(asked.id, &asked.token, &response, form::files(reply)).await;
        match sent {
            Ok(()) => return Answered::Spoken,
            Err(error) => match judge(&error) {
                Verdict::Final(answered) => {
                    tracing::warn!(answered = answered.label(), cause = %cause(&error), "answer not taken");
                    return answered;
                }
                Verdict::Again => {
                    metrics::counter!("rest_rate_limited_total").increment(1);
                    sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(1));
                    if !tools.permit.may_finish(fence) {
                        return Answered::Refused;
                    }
                }
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Final(Answered),
    Again,
}

fn judge(error: &serenity::Error) -> Verdict {
    let serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) = error else {
        return Verdict::Final(Answered::Unknown);
    };
    if response.status_code == StatusCode::TOO_MANY_REQUESTS {
        return Verdict::Again;
    }
    Verdict::Final(match response.error.code {
        ALREADY_ACKNOWLEDGED => Answered::Already,
        UNKNOWN_INTERACTION => Answered::TooLate,
        _ if response.status_code.is_server_error() => Answered::Unknown,
        _ => Answered::Refused,
    })
}

/// The cause without the URL, which carries the interaction's token.
fn cause(error: &serenity::Error) -> String {
    match error {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            format!("{} {} {}", response.status_code, response.error.code, response.error.message)
        }
        serenity::Error::Http(HttpError::Request(_)) => "discord could not be reached".to_owned(),
        _ => "unexpected".to_owned(),
    }
}
