//! What is said at the end: sentences for people, or the same as JSON.

use core::fmt::{self, Display};

use serde::Serialize;

use crate::progress::tenths;

/// What was done, or with `--dry-run` what would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Nothing was written anywhere.
    pub dry_run: bool,
    /// What of the image is sent.
    pub image: ImageSize,
    /// Where its blocks are; nothing yet in a dry run.
    pub snapshot: Option<String>,
    /// What earlier runs spare this one.
    pub earlier: Spared,
    /// Blocks that this run sent, or would send.
    pub sent: usize,
    /// The image's name.
    pub name: String,
    /// The image; nothing yet in a dry run.
    pub ami: Option<String>,
    /// The processor.
    pub architecture: &'static str,
    /// The firmware.
    pub boot_mode: &'static str,
    /// The first disk's size.
    pub volume_gib: u32,
    /// The parameter that names the image to boot.
    pub parameter: String,
    /// What the parameter named before.
    pub parameter_before: Option<String>,
    /// The project's images that stay, and why.
    pub stays: Vec<Stays>,
    /// The project's images that went, or would go.
    pub removed: Vec<Removed>,
    /// The project's snapshots that no image has.
    pub strays: Vec<Stray>,
}

/// How much of the image there is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Its length.
    pub bytes: u64,
    /// Blocks with anything but zeros.
    pub blocks: usize,
    /// Blocks of zeros, which are not sent.
    pub empty: u64,
}

/// What earlier runs spare this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spared {
    /// Nothing.
    Nothing,
    /// Some blocks.
    Blocks,
    /// All blocks: there is a whole snapshot.
    Upload,
    /// The image is registered.
    Registration,
}

/// An image that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// `ami-…`.
    pub ami: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// An image that went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// `ami-…`.
    pub ami: String,
    /// Its name.
    pub name: String,
    /// Its snapshots that went with it.
    pub snapshots: Vec<String>,
    /// Its snapshots that stay, and why.
    pub left: Vec<String>,
}

/// A snapshot of the project that no image has: some run ended between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// `snap-…`.
    pub snapshot: String,
    /// It went, or would go.
    pub removed: bool,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would be " } else { "" };
        let size = self.image;
        let data = size.blocks as u64 * u64::from(crate::plan::BLOCK);
        writeln!(
            f,
            "image      {} MiB, {} blocks of 512 KiB ({} MiB) and {} empty ones",
            tenths(size.bytes, 1 << 20),
            size.blocks,
            tenths(data, 1 << 20),
            size.empty
        )?;
        let spared = match self.earlier {
            Spared::Nothing => "all of them",
            Spared::Blocks => "the rest was there",
            Spared::Upload => "the snapshot was there",
            Spared::Registration => "the image was registered already",
        };
        let snapshot = self.snapshot.as_deref().unwrap_or("a new one");
        writeln!(f, "snapshot   {snapshot}, {} blocks {would}sent ({spared})", self.sent)?;
        let ami = self.ami.as_deref().unwrap_or("a new one");
        writeln!(
            f,
            "ami        {ami}, {} ({}, {}, {} GiB)",
            self.name, self.architecture, self.boot_mode, self.volume_gib
        )?;
        let before = self.parameter_before.as_deref().unwrap_or("nothing");
        writeln!(f, "parameter  {}: {before} -> {ami}", self.parameter)?;
        for each in &self.stays {
            writeln!(f, "stays      {}, {}: {}", each.ami, each.name, each.why)?;
        }
        for each in &self.removed {
            writeln!(f, "removed    {}, {}{}", each.ami, each.name, if self.dry_run { " (would be)" } else { "" })?;
            for snapshot in &each.snapshots {
                writeln!(f, "           with {snapshot}")?;
            }
            for left in &each.left {
                writeln!(f, "           without {left}")?;
            }
        }
        for each in &self.strays {
            let id = &each.snapshot;
            if each.removed {
                writeln!(f, "removed    {id}, which no image has{}", if self.dry_run { " (would be)" } else { "" })?;
            } else {
                writeln!(f, "stays      {id}, which no image of the project has; --prune removes it if no other has")?;
            }
        }
        if self.dry_run {
            writeln!(f, "Nothing was written: this was --dry-run.")?;
        }
        Ok(())
    }
}
