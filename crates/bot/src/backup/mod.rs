//! Backups that the holder takes by itself: a file every so many hours into a folder that the operator chose.
//!
//! Reading order: [`plan`] (what the settings say), [`folder`] (the files, and which of them are ours), [`file`](mod@file)
//! (one file, whole or not at all), [`errand`] (when), [`mend`] (what an item becomes when it is put back).
//!
//! Deliberately absent: a restore by the bot itself. It takes a store that nobody uses, and a person who wants it:
//! `watchdog-local restore`.

pub mod errand;
pub mod file;
pub mod folder;
pub mod mend;
pub mod plan;

pub use self::{
    errand::Backups,
    file::{BackupError, write},
    folder::{Folder, Kept, part_of},
    mend::mended,
    plan::Plan,
};
