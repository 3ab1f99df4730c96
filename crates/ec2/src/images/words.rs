//! The plain types of images, snapshots and machines.

use std::collections::BTreeMap;

/// Names and values.
pub type Tags = BTreeMap<String, String>;

/// A registered image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ami {
    /// `ami-…`.
    pub id: String,
    /// Unique in the account and region.
    pub name: String,
    /// ISO 8601 in UTC, so that texts sort as times do.
    pub created: String,
    /// Whether a machine can be made from it.
    pub state: AmiState,
    /// EC2's word for the processor, such as `x86_64`.
    pub architecture: String,
    /// EC2's word for the firmware, such as `uefi`.
    pub boot_mode: String,
    /// The snapshots of its disks, `snap-…`.
    pub snapshots: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// When a machine was last made from it, as far as EC2 knows: it says so up to a day later (`DescribeImages`).
    pub last_launched: Option<String>,
}

/// Whether a machine can be made from an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AmiState {
    /// Not yet.
    Pending,
    /// Yes.
    Available,
    /// Never: EC2's word for its state, and its reason if it gave one.
    Unusable(String),
}

/// The content of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// How far it is.
    pub state: SnapshotState,
    /// Its tags.
    pub tags: Tags,
}

/// How far a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    /// It takes blocks, or is being sealed; EC2's word for how far it is, such as `40%`.
    Pending(String),
    /// Sealed.
    Completed,
    /// It will never be used: EC2's words.
    Failed(String),
}

/// The processor that an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

/// What the machine's firmware does with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootMode {
    /// It starts a program of the EFI system partition.
    Uefi,
    /// It runs the first sector.
    LegacyBios,
    /// UEFI where the machine's type has it, else the first sector.
    UefiPreferred,
}

/// An image to register. Every machine of it asks for a session's token at its metadata service (IMDSv2) and has ENA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    /// Unique in the account and region.
    pub name: String,
    /// For people.
    pub description: String,
    /// The processor.
    pub architecture: Architecture,
    /// The firmware.
    pub boot_mode: BootMode,
    /// `/dev/xvda`.
    pub root_device: String,
    /// The root disk's content.
    pub snapshot: String,
    /// The root disk's size, GiB.
    pub volume_gib: u32,
    /// The image's tags.
    pub tags: Tags,
}

/// A machine, as far as its image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `i-…`.
    pub id: String,
    /// What it was made from.
    pub image: String,
    /// Its tags.
    pub tags: Tags,
    /// Where in its life it is.
    pub life: Life,
}

/// Where in its life a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Being made.
    Coming,
    /// It runs, or has run and may run again.
    There,
    /// Terminated after it ran. EC2 remembers that for about an hour.
    Ran,
    /// Terminated, and EC2's reason does not say that it ever ran.
    NeverRan,
}

impl Architecture {
    /// EC2's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl BootMode {
    /// EC2's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uefi => "uefi",
            Self::LegacyBios => "legacy-bios",
            Self::UefiPreferred => "uefi-preferred",
        }
    }
}
