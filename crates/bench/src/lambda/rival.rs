//! The handler that the watchdog is measured beside: the source design's, in Python with boto3.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rival::environment;

const REQUIREMENTS: &str = include_str!("../../python/requirements-boto3.txt");
const HANDLER: &str = include_str!("../../python/handler.py");
const BOOTSTRAP: &str = include_str!("../../python/bootstrap.py");
const PACK: &str = include_str!("../../python/pack.py");

/// An environment with boto3, and the handler.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
    bootstrap: PathBuf,
    folder: PathBuf,
}

impl Python {
    /// Makes it in `folder`, unless it is there; else why there is none.
    ///
    /// # Errors
    /// A sentence: no Python, no `venv`, no package registry.
    pub fn prepare(python: &str, folder: &Path) -> Result<Self, String> {
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(said)?;
        // The function's process starts elsewhere.
        let folder = folder.canonicalize().map_err(said)?;
        let interpreter = environment("boto3", python, &folder, REQUIREMENTS)?;
        std::fs::write(folder.join("handler.py"), HANDLER).map_err(said)?;
        let bootstrap = folder.join("bootstrap.py");
        std::fs::write(&bootstrap, BOOTSTRAP).map_err(said)?;
        Ok(Self { interpreter, bootstrap, folder })
    }

    /// The process; Lambda's managed runtime also starts from compiled modules.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg(&self.bootstrap);
        command
    }

    /// The size of a package that brings its boto3 along, bytes: what whoever pins its version uploads. Without what every
    /// environment has (pip).
    ///
    /// # Errors
    /// A sentence.
    pub fn packed(&self) -> Result<u64, String> {
        let archive = self.folder.join("package");
        let output = Command::new(&self.interpreter).args(["-c", PACK]).arg(&archive).output();
        let output = output.map_err(|error| format!("{}: {error}", self.interpreter.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let file = archive.with_extension("zip");
        let bytes = std::fs::metadata(&file).map_err(|error| format!("{}: {error}", file.display()))?.len();
        // Nobody needs it again.
        let _ = std::fs::remove_file(file);
        Ok(bytes)
    }
}
