//! How a binary ends: one line on stderr and a code that supervisors can act on.

use std::process::ExitCode;

use relais_failover::PolicyError;

use crate::{config::ConfigError, secret::SecretError};

/// Bad configuration or usage: a restart will not help.
pub const BAD_CONFIGURATION: u8 = 64;
/// Failed at run time: unreachable store, taken port, corrupt file.
pub const FAILED: u8 = 1;

/// A usage or setting refused by a crate that has no [`ConfigError`] to give: ends in [`BAD_CONFIGURATION`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadUsage(pub String);

/// Prints `error: {e:#}` (causes in one line) and gives the exit code: 0, [`BAD_CONFIGURATION`] if any cause is a refused
/// setting, else [`FAILED`].
#[must_use]
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a process goes to people, whatever the log is")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(code_of(&error))
        }
    }
}

/// The exit code that [`report`] would give.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    let refused = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<ConfigError>() || cause.is::<SecretError>() || cause.is::<PolicyError>() || cause.is::<BadUsage>()
    };
    if error.chain().any(refused) { BAD_CONFIGURATION } else { FAILED }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn refused_settings_end_in_64_however_deep() {
        let error =
            Err::<(), _>(ConfigError::refused(Path::new("a.json"), "ttl", "is zero")).context("start").unwrap_err();
        assert_eq!(code_of(&error), 64);
        assert_eq!(format!("{error:#}"), "start: accept configuration a.json: key \"ttl\": is zero");
        assert_eq!(code_of(&anyhow::Error::from(BadUsage("two scenes".into()))), 64);
    }

    #[test]
    fn other_failures_end_in_1() {
        assert_eq!(code_of(&anyhow::anyhow!("store is gone")), 1);
    }
}
