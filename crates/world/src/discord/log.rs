//! What the small Discord saw, in order: the evidence the drill's numbers are computed from.

use std::{fmt, sync::Arc};

/// The source of what Discord does by itself.
pub const DISCORD: &str = "discord";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds of the configured clock.
    pub at: u64,
    /// The tag of the listener it came in by, or [`DISCORD`].
    pub source: Arc<str>,
    /// What happened.
    pub kind: Kind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A socket reached the gateway and was told HELLO.
    SocketOpened,
    /// A socket now hears a session.
    SessionOpened {
        /// The session's id.
        session: String,
        /// Which shard's it is.
        shard: u32,
        /// By IDENTIFY or RESUME.
        how: Opened,
        /// Events replayed (0 after an IDENTIFY).
        replayed: usize,
    },
    /// IDENTIFY or RESUME was not granted.
    SessionRefused {
        /// What was asked.
        how: Opened,
        /// Why.
        reason: Refused,
    },
    /// A socket ended.
    SessionClosed {
        /// The session it heard, if it had one.
        session: Option<String>,
        /// The close code, if one was said.
        code: Option<u16>,
        /// Who ended it.
        by: ClosedBy,
    },
    /// A session without a socket timed out, or was invalidated; it cannot be resumed any more.
    SessionGone {
        /// The session's id.
        session: String,
    },
    /// A session shows something about the bot, since its IDENTIFY or from now on.
    Presence {
        /// The session's id.
        session: String,
        /// The presence as it was asked for, JSON text.
        shown: String,
    },
    /// A user acted and the event went to every session of its shard.
    Dispatched {
        /// The interaction's id.
        interaction: u64,
        /// How many sessions there were, connected or not.
        sessions: usize,
    },
    /// Nobody answered the interaction in time.
    Expired {
        /// The interaction's id.
        interaction: u64,
    },
    /// A request that changes what users see, or tried to.
    Effect(Effect),
    /// A script answered 429.
    RateLimited {
        /// Method and path template.
        operation: String,
    },
    /// The session start limit ran out: every session was killed, the token is void.
    TokenReset,
    /// A request broke Discord's rules; the text is also in the list of violations.
    Violation(String),
}

/// How a session was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Op 2.
    Identify,
    /// Op 6.
    Resume,
}

/// Why a session was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// IDENTIFY within the spacing: op 9.
    TooEarly,
    /// No such session, timed out, or its buffer no longer reaches back: op 9.
    UnknownSession,
    /// A script asked for op 9.
    Scripted,
    /// A script left the RESUME without an answer.
    Stuck,
    /// Closed with this code.
    Closed(u16),
}

/// Who ended a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// The client said close.
    Client,
    /// The small Discord said close.
    Discord,
    /// No close was said: the connection dropped.
    Lost,
}

/// A request that changes, or would change, what users see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Which sort.
    pub kind: EffectKind,
    /// The interaction's id (answer, edit, follow-up), the message's id (message; 0 when refused), 0 (registration).
    pub subject: u64,
    /// Method and path template, e.g. `post /channels/{channel_id}/messages`.
    pub operation: &'static str,
    /// What Discord made of it.
    pub outcome: EffectOutcome,
    /// The text users see, where there is one.
    pub content: Option<String>,
}

impl Effect {
    /// Whether users now see something they did not see before. Only accepted effects make a speaker.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        matches!(self.outcome, EffectOutcome::Accepted)
    }

    /// The error code it was refused with; 0 where Discord's body has none (429).
    #[must_use]
    pub const fn refused_code(&self) -> Option<u32> {
        match self.outcome {
            EffectOutcome::Refused { code, .. } => Some(code),
            EffectOutcome::Accepted | EffectOutcome::Deduplicated => None,
        }
    }
}

/// What Discord made of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectOutcome {
    /// Done.
    Accepted,
    /// `enforce_nonce` found the message already there; answered with the first one, nothing new was shown.
    Deduplicated,
    /// Refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's JSON error code.
        code: u32,
    },
}

/// The sorts of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EffectKind {
    /// The first answer to an interaction.
    Answer,
    /// A message in a channel, or its edit or removal.
    Message,
    /// Commands were registered, changed or removed.
    Registration,
    /// The original answer was changed or removed.
    Edit,
    /// A further message of an interaction, or its edit or removal.
    Followup,
}

/// A request that broke Discord's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Milliseconds of the configured clock.
    pub at: u64,
    /// The tag of the listener it came in by.
    pub source: Arc<str>,
    /// Method and path template (or the raw path of an unknown route).
    pub operation: String,
    /// Which rule, where in the body.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.source, self.operation, self.text)
    }
}

/// The log summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Interactions users started.
    pub dispatched: usize,
    /// Interactions with an accepted first answer.
    pub answered: usize,
    /// Interactions nobody answered in time.
    pub expired: usize,
    /// Accepted first answers beyond one per interaction, and messages beyond one per nonce.
    pub duplicates: usize,
    /// First answers refused because one was there (code 40060).
    pub refused_double: usize,
    /// First answers refused because they came too late (code 10062).
    pub refused_late: usize,
    /// IDENTIFYs granted.
    pub identifies: usize,
    /// RESUMEs granted.
    pub resumes: usize,
    /// Requests that broke a rule.
    pub violations: usize,
}

impl Tally {
    /// Sums up a log; `duplicates` needs the messages too and is left at the answers' share.
    #[must_use]
    pub fn of(log: &[Entry]) -> Self {
        let mut tally = Self::default();
        let mut answered = std::collections::HashSet::new();
        for entry in log {
            match &entry.kind {
                Kind::Dispatched { .. } => tally.dispatched += 1,
                Kind::Expired { .. } => tally.expired += 1,
                Kind::SessionOpened { how: Opened::Identify, .. } => tally.identifies += 1,
                Kind::SessionOpened { how: Opened::Resume, .. } => tally.resumes += 1,
                Kind::Violation(_) => tally.violations += 1,
                Kind::Effect(effect) if effect.kind == EffectKind::Answer => match effect.outcome {
                    EffectOutcome::Accepted if answered.insert(effect.subject) => tally.answered += 1,
                    EffectOutcome::Accepted => tally.duplicates += 1,
                    EffectOutcome::Refused { code: 40060, .. } => tally.refused_double += 1,
                    EffectOutcome::Refused { code: 10062, .. } => tally.refused_late += 1,
                    EffectOutcome::Refused { .. } | EffectOutcome::Deduplicated => {}
                },
                Kind::Effect(_)
                | Kind::SocketOpened
                | Kind::SessionRefused { .. }
                | Kind::SessionClosed { .. }
                | Kind::SessionGone { .. }
                | Kind::Presence { .. }
                | Kind::RateLimited { .. }
                | Kind::TokenReset => {}
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at: u64, source: &str, outcome: EffectOutcome) -> Entry {
        let effect = Effect {
            kind: EffectKind::Answer,
            subject: 7,
            operation: "post /interactions/{interaction_id}/{interaction_token}/callback",
            outcome,
            content: None,
        };
        Entry { at, source: source.into(), kind: Kind::Effect(effect) }
    }

    #[test]
    fn a_second_accepted_answer_is_a_duplicate() {
        let log = [answer(1, "laptop", EffectOutcome::Accepted), answer(2, "cloud", EffectOutcome::Accepted)];
        assert_eq!((Tally::of(&log).answered, Tally::of(&log).duplicates), (1, 1));
    }

    #[test]
    fn a_refused_second_answer_is_none() {
        let refused = EffectOutcome::Refused { status: 400, code: 40060 };
        let log = [answer(1, "laptop", EffectOutcome::Accepted), answer(2, "cloud", refused)];
        assert_eq!((Tally::of(&log).duplicates, Tally::of(&log).refused_double), (0, 1));
    }
}
