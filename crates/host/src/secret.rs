//! A secret read from a file, which no log can show.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Why a secret cannot be used. Always exit code 64. Never shows the content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("read secret {}", file.display())]
    Read {
        /// The file asked for.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing in it but white space.
    #[error("read secret {}: the file is empty", file.display())]
    Empty {
        /// The file asked for.
        file: PathBuf,
    },
}

/// Text that must not be printed: a bot token, a signing key. `Debug` shows nothing of it, `Display` does not exist.
///
/// Deliberately absent: wiping memory (the process's memory is as safe as its file).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Reads UTF-8 text from a file; white space around it (an editor's last newline) is dropped.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| SecretError::Read { file: file.to_owned(), source })?;
        Self::new(&text).ok_or_else(|| SecretError::Empty { file: file.to_owned() })
    }

    /// A secret that is at hand already; `None` if nothing but white space.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The content. Never for a log or an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_trimmed_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "hush\n").unwrap();
        let secret = Secret::read(&file).unwrap();
        assert_eq!(secret.expose(), "hush");
        assert!(!format!("{secret:?}").contains("hush"));
    }

    #[test]
    fn empty_missing_and_binary_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, " \n").unwrap();
        assert!(matches!(Secret::read(&file), Err(SecretError::Empty { .. })));
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(matches!(Secret::read(&file), Err(SecretError::Read { .. })));
        assert!(matches!(Secret::read(&directory.path().join("none")), Err(SecretError::Read { .. })));
    }
}
