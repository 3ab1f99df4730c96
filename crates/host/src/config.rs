//! Settings from JSON files: every refusal names the file, the line and the key.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

use relais_failover::{Policy, PolicyError};
use serde::de::DeserializeOwned;

use crate::secret::SecretError;

/// Why the settings are no good. Always exit code 64.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read configuration {}", file.display())]
    Read {
        /// The file asked for.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not JSON, or not of the right shape: an unknown key, a wrong type, a missing key.
    #[error("read configuration {}: line {line}{}: {reason}", file.display(), named(key.as_deref()))]
    Shape {
        /// The file asked for.
        file: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// The key the reader was at, if it had met one.
        key: Option<String>,
        /// What the reader said.
        reason: String,
    },
    /// A value of the right type that no run can use (built by [`ConfigError::refused`]).
    #[error("accept configuration {}: key \"{key}\": {reason}", file.display())]
    Refused {
        /// The file asked for.
        file: PathBuf,
        /// The key whose value is refused.
        key: String,
        /// Why.
        reason: String,
    },
    /// The policy's numbers contradict each other, or its file has the wrong shape.
    #[error("accept policy {}", file.display())]
    Policy {
        /// The policy file.
        file: PathBuf,
        /// The contradiction.
        source: PolicyError,
    },
    /// A secret that the settings name cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl ConfigError {
    /// A refusal of one key's value by the code that knows what the value is for.
    pub fn refused(file: &Path, key: &str, reason: impl Display) -> Self {
        Self::Refused { file: file.to_owned(), key: key.to_owned(), reason: reason.to_string() }
    }
}

/// Reads one JSON settings file. `T` must carry `#[serde(deny_unknown_fields)]`.
///
/// # Errors
/// [`ConfigError::Read`] or [`ConfigError::Shape`].
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { file: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|error| {
        let position = format!(" at line {} column {}", error.line(), error.column());
        ConfigError::Shape {
            file: path.to_owned(),
            line: error.line(),
            key: key_before(&text, error.line(), error.column()),
            reason: error.to_string().trim_end_matches(&position).to_owned(),
        }
    })
}

/// The protocol's numbers: from that file, or the ones built in.
///
/// # Errors
/// [`ConfigError::Read`] or [`ConfigError::Policy`].
pub fn policy(path: Option<&Path>) -> Result<Policy, ConfigError> {
    let Some(path) = path else { return Ok(Policy::embedded()) };
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { file: path.to_owned(), source })?;
    Policy::from_json(&text).map_err(|source| ConfigError::Policy { file: path.to_owned(), source })
}

fn named(key: Option<&str>) -> String {
    key.map(|key| format!(", key \"{key}\"")).unwrap_or_default()
}

/// serde_json tells where it stopped but not under which key: the last `"key":` up to that point.
fn key_before(text: &str, line: usize, column: usize) -> Option<String> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = (start + column).min(text.len());
    let mut last = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if at >= end {
            break;
        }
        if character != '"' {
            continue;
        }
        let mut word = String::new();
        while let Some((_, character)) = characters.next() {
            match character {
                '"' => break,
                '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
                other => word.push(other),
            }
        }
        while characters.next_if(|(_, space)| space.is_whitespace()).is_some() {}
        if characters.peek().is_some_and(|(_, next)| *next == ':') {
            last = Some(word);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        listen: SocketAddr,
        #[expect(dead_code, reason = "read by serde only")]
        name: Option<String>,
    }

    fn refusal(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bot.json");
        std::fs::write(&file, text).unwrap();
        let error = load::<Sample>(&file).unwrap_err();
        format!("{:#}", anyhow::Error::from(error)).replace(&*directory.path().to_string_lossy(), "DIR")
    }

    #[test]
    fn good_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bot.json");
        std::fs::write(&file, r#"{"listen": "127.0.0.1:80"}"#).unwrap();
        assert_eq!(load::<Sample>(&file).unwrap().listen.port(), 80);
    }

    #[test]
    fn unknown_key_is_named_with_its_line() {
        let text = refusal("{\n \"listen\": \"127.0.0.1:80\",\n \"lisssten\": 1\n}");
        assert!(text.starts_with("read configuration DIR/bot.json: line 3, key \"lisssten\": unknown field"), "{text}");
    }

    #[test]
    fn wrong_value_names_its_key() {
        let text = refusal("{\n \"name\": null,\n \"listen\": \"nowhere\"\n}");
        assert!(text.contains("line 3, key \"listen\": invalid socket address"), "{text}");
    }

    #[test]
    fn broken_json_and_a_missing_key_and_a_missing_file_are_refused_in_one_line() {
        for text in ["", "{", "[1]", "{\"name\": \"a\\\"b\"}"] {
            let answer = refusal(text);
            assert!(answer.contains("line 1") || answer.contains("line 0"), "{answer}");
            assert_eq!(answer.lines().count(), 1);
        }
        let missing = load::<Sample>(Path::new("/nonexistent/bot.json")).unwrap_err();
        assert!(matches!(missing, ConfigError::Read { .. }));
    }

    #[test]
    fn policy_is_embedded_unless_a_file_is_named() {
        assert!(policy(None).is_ok());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy.json");
        std::fs::write(&file, policy(None).unwrap().to_json()).unwrap();
        assert!(policy(Some(&file)).is_ok());
        std::fs::write(&file, "{}").unwrap();
        assert!(matches!(policy(Some(&file)), Err(ConfigError::Policy { .. })));
        assert!(matches!(policy(Some(Path::new("/nonexistent"))), Err(ConfigError::Read { .. })));
    }
}
