//! Environments of Python, made once from pinned versions, and the discord.py bot in one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::subject::Subject;

const REQUIREMENTS: &str = include_str!("../python/requirements.txt");
const BOT: &str = include_str!("../python/bot.py");

/// Makes the environment of discord.py in `folder`, unless it is there; else why there is none.
///
/// # Errors
/// A sentence: no Python, no `venv`, no package registry.
pub fn prepare(python: &str, folder: &Path) -> Result<Subject, String> {
    let python = environment("discord.py", python, folder, REQUIREMENTS)?;
    let script = folder.join("bot.py");
    std::fs::write(&script, BOT).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Subject::DiscordPy { python, script })
}

/// The interpreter of an environment with these requirements, all of them pinned; it is made in `folder` unless it is there.
pub(crate) fn environment(name: &str, python: &str, folder: &Path, requirements: &str) -> Result<PathBuf, String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(said)?;
    let (own, mark) = (folder.join("venv/bin/python"), folder.join("installed.txt"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == requirements) {
        return Ok(own);
    }
    eprintln!("{name}: installing it");
    let file = folder.join("requirements.txt");
    std::fs::write(&file, requirements).map_err(said)?;
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    run(Command::new(&own).args(install).arg(&file))?;
    std::fs::write(&mark, requirements).map_err(said)?;
    Ok(own)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stderr, output.stdout].concat();
    let words = String::from_utf8_lossy(&words);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word about why");
    Err(format!("{}: {last}", program.display()))
}
