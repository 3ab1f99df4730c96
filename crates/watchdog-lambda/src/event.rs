//! Why the function was called.

use serde::{Deserialize, Serialize};

/// The payload: `{"reason":"schedule"}` by the schedule, `{"reason":"handover"}` by the laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Called {
    /// Left out, it is the schedule's: a scheduler that is set up by hand sends no reason.
    #[serde(default)]
    pub reason: Reason,
}

/// Why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The minute is over: look as long as the policy's `passes`.
    #[default]
    Schedule,
    /// The laptop wants to sleep and has written so into the control record: look at once, until the standby is on its way, and
    /// answer. The bot's bearer of the wish is the record; this call only saves the wait for the next look.
    Handover,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Reason, String> {
        serde_json::from_str::<Called>(text).map(|called| called.reason).map_err(|error| error.to_string())
    }

    #[test]
    fn reasons_are_read() {
        assert_eq!(read(r#"{"reason":"handover"}"#), Ok(Reason::Handover));
        assert_eq!(read(r#"{"reason":"schedule"}"#), Ok(Reason::Schedule));
        // What EventBridge sends on its own.
        assert_eq!(read(r#"{"version":"0","source":"aws.scheduler","detail":{}}"#), Ok(Reason::Schedule));
    }

    #[test]
    fn an_unknown_reason_is_named() {
        assert!(read(r#"{"reason":"sleep"}"#).unwrap_err().contains("sleep"));
    }
}
