//! What is a disk image that EC2 can boot. Everything else is refused before anything is sent, by what it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use relais_ec2::images::{Architecture, BootMode};

/// The only sector that EC2's disks have.
const SECTOR: u64 = 512;
/// EFI system partition (UEFI specification, "Defined GPT Partition Entry - Partition Type GUIDs"), as it lies on the disk.
const ESP: [u8; 16] = guid(0xC12A_7328, 0xF81F, 0x11D2, [0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B]);
/// The same in the older table.
const ESP_MBR: u8 = 0xEF;
/// The one entry of a protective table, which says that the real one is GPT.
const PROTECTIVE: u8 = 0xEE;

const fn guid(a: u32, b: u16, c: u16, rest: [u8; 8]) -> [u8; 16] {
    let ([a0, a1, a2, a3], [b0, b1], [c0, c1]) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    let [d0, d1, d2, d3, d4, d5, d6, d7] = rest;
    [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7]
}

/// A file that is no image for EC2, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct NotAnImage {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why a file is no image for EC2.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// A folder, a device, a pipe.
    #[error("is not a regular file; name the image itself, such as the .raw or .img file inside a build's result")]
    NotAFile,
    /// Nothing is in it.
    #[error("is empty; did the build of the image end well?")]
    Empty,
    /// Not whole sectors.
    #[error("has {0} bytes, which is no multiple of 512: a copy that was cut off, or no disk image at all")]
    Unaligned(u64),
    /// Of another format.
    #[error("is {is}, not a raw disk image; {way}")]
    Other {
        /// What it is.
        is: &'static str,
        /// The way out.
        way: &'static str,
    },
    /// No table of any kind.
    #[error("has no partition table (neither MBR nor GPT); give the image of a whole disk, not of one file system")]
    NoTable,
    /// A table without an entry.
    #[error("has a partition table without a partition; nothing could boot from it")]
    NoPartition,
    /// A table for other disks.
    #[error("has a partition table for sectors of 4096 bytes; EC2's have 512: build the image with 512")]
    LargeSectors,
    /// A table that leads out of the file.
    #[error("ends before what its partition table names ({0}): it was cut off; build or copy it again")]
    CutOff(&'static str),
    /// UEFI without what UEFI starts.
    #[error("has no EFI system partition, which boot mode {0} needs; use --boot-mode legacy-bios or build it with one")]
    NoEsp(&'static str),
    /// BIOS without what BIOS starts.
    #[error(
        "has nothing in its first sector that a BIOS could run; use --boot-mode uefi or install a boot loader in it"
    )]
    NoBootCode,
    /// Neither way to boot.
    #[error(
        "has neither an EFI system partition nor anything in its first sector that a BIOS could run; nothing boots it"
    )]
    NoBoot,
    /// UEFI is the only way there.
    #[error("has no EFI system partition, without which nothing boots on arm64; build it with one")]
    NoEspForArm,
    /// No BIOS there.
    #[error("is for arm64, which boots by UEFI only; leave --boot-mode out or use --boot-mode uefi")]
    ArmIsUefi,
}

/// An image that was checked.
#[derive(Debug)]
pub struct Image {
    /// Where it is.
    pub path: PathBuf,
    /// Open for reading.
    pub file: File,
    /// Bytes.
    pub length: u64,
    /// Has an EFI system partition.
    pub esp: bool,
    /// Has something in its first sector that a BIOS could run.
    pub boot_code: bool,
}

impl Image {
    /// Opens and checks it.
    ///
    /// # Errors
    /// [`NotAnImage`] says what it is instead and what to do.
    pub fn open(path: &Path) -> Result<Self, NotAnImage> {
        Self::examine(path).map_err(|why| NotAnImage { path: path.to_owned(), why })
    }

    fn examine(path: &Path) -> Result<Self, Why> {
        // Asked before it is opened: opening a pipe would wait for somebody to write.
        let met = std::fs::metadata(path).map_err(Why::Unreadable)?;
        if !met.is_file() {
            return Err(Why::NotAFile);
        }
        let (file, length) = (File::open(path).map_err(Why::Unreadable)?, met.len());
        if length == 0 {
            return Err(Why::Empty);
        }
        refuse_other_formats(&file, length)?;
        if !length.is_multiple_of(SECTOR) {
            return Err(Why::Unaligned(length));
        }
        let first: [u8; 512] = read(&file, length, 0)?.ok_or(Why::NoTable)?;
        if first[510..] != [0x55, 0xAA] {
            return Err(Why::NoTable);
        }
        let entries = [446, 462, 478, 494].map(|at| &first[at..at + 16]);
        let esp = if entries.iter().any(|entry| entry[4] == PROTECTIVE) {
            gpt(&file, length)?
        } else {
            mbr(&entries, length)?
        };
        let boot_code = first[..440].iter().any(|byte| *byte != 0);
        Ok(Self { path: path.to_owned(), file, length, esp, boot_code })
    }

    /// The boot mode to register: the one that was asked for if the image has what it needs, else what the image has.
    ///
    /// # Errors
    /// [`NotAnImage`] if the image lacks what the mode needs.
    pub fn boot_mode(&self, asked: Option<BootMode>, architecture: Architecture) -> Result<BootMode, NotAnImage> {
        let arm = architecture == Architecture::Arm64;
        let mode = asked.unwrap_or(match (self.esp, self.boot_code && !arm) {
            (true, true) => BootMode::UefiPreferred,
            (true, false) => BootMode::Uefi,
            (false, _) if arm => BootMode::Uefi,
            (false, _) => BootMode::LegacyBios,
        });
        let lacks = match mode {
            _ if !self.esp && !self.boot_code => Some(Why::NoBoot),
            BootMode::LegacyBios | BootMode::UefiPreferred if arm => Some(Why::ArmIsUefi),
            BootMode::Uefi if !self.esp && arm => Some(Why::NoEspForArm),
            BootMode::Uefi if !self.esp => Some(Why::NoEsp("uefi")),
            BootMode::UefiPreferred if !self.esp => Some(Why::NoEsp("uefi-preferred")),
            BootMode::LegacyBios | BootMode::UefiPreferred if !self.boot_code => Some(Why::NoBootCode),
            BootMode::Uefi | BootMode::LegacyBios | BootMode::UefiPreferred => None,
        };
        match lacks {
            Some(why) => Err(NotAnImage { path: self.path.clone(), why }),
            None => Ok(mode),
        }
    }
}

/// What an image may be mistaken for: where a mark lies, the mark, what it is, what to do.
const OTHERS: &[(u64, &[u8], &str, &str)] = &[
    (0, b"QFI\xfb", "a qcow2 image", CONVERT),
    (0, b"conectix", "a VHD image", CONVERT),
    (0, b"vhdxfile", "a VHDX image", CONVERT),
    (0, b"KDMV", "a VMDK image", CONVERT),
    (0, b"# Disk DescriptorFile", "the description of a VMDK image", CONVERT),
    (64, b"\x7f\x10\xda\xbe", "a VDI image", CONVERT),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it: zstd --decompress"),
    (0, b"\x1f\x8b", "compressed with gzip", "unpack it: gunzip"),
    (0, b"\xfd7zXZ\0", "compressed with xz", "unpack it: unxz"),
    (0, b"BZh", "compressed with bzip2", "unpack it: bunzip2"),
    (0, b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it: unlz4"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it: unzip"),
    (257, b"ustar", "a tar archive", "unpack it: tar --extract"),
    (0x8001, b"CD001", "an ISO image of a CD", "build the image of a disk: a machine of EC2 has no CD drive"),
    (0, b"hsqs", "a squashfs file system", "build the image of a disk"),
    (0, b"\x7fELF", "a program", "build the image of a disk"),
];
const CONVERT: &str = "convert it: qemu-img convert -O raw IMAGE IMAGE.raw";

fn refuse_other_formats(file: &File, length: u64) -> Result<(), Why> {
    for (at, mark, is, way) in OTHERS {
        let mut found = vec![0; mark.len()];
        if length >= at + mark.len() as u64 {
            file.read_exact_at(&mut found, *at).map_err(Why::Unreadable)?;
            if found == **mark {
                return Err(Why::Other { is, way });
            }
        }
    }
    // A VHD of fixed size is a raw image with its mark at the end.
    match length.checked_sub(SECTOR).map(|last| read::<8>(file, length, last)).transpose()?.flatten() {
        Some(mark) if mark == *b"conectix" => Err(Why::Other { is: "a VHD image of fixed size", way: CONVERT }),
        Some(_) | None => Ok(()),
    }
}

/// These bytes, if the file is long enough.
fn read<const N: usize>(file: &File, length: u64, at: u64) -> Result<Option<[u8; N]>, Why> {
    if at.checked_add(N as u64).is_none_or(|end| end > length) {
        return Ok(None);
    }
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at).map_err(Why::Unreadable)?;
    Ok(Some(bytes))
}

/// Whether there is an EFI system partition, in a table that leads nowhere else than into the file.
fn gpt(file: &File, length: u64) -> Result<bool, Why> {
    let header: [u8; 92] = read(file, length, SECTOR)?.ok_or(Why::CutOff("the GPT header"))?;
    if header[..8] != *b"EFI PART" {
        let elsewhere: Option<[u8; 8]> = read(file, length, 4096)?;
        return Err(if elsewhere == Some(*b"EFI PART") { Why::LargeSectors } else { Why::NoTable });
    }
    let sectors = length / SECTOR;
    if number(&header[32..40]) >= sectors {
        return Err(Why::CutOff("the second GPT header"));
    }
    let (first, count, size) = (number(&header[72..80]), number(&header[80..84]), number(&header[84..88]));
    // UEFI: entries of 128 bytes or a multiple; 128 entries as a rule. More than this is no table but noise.
    if !(128..=4096).contains(&size) || count > 4096 {
        return Err(Why::NoTable);
    }
    let (mut esp, mut any) = (false, false);
    for index in 0..count {
        let at = first.checked_mul(SECTOR).and_then(|at| at.checked_add(index * size));
        let entry: [u8; 48] = read(file, length, at.unwrap_or(u64::MAX))?.ok_or(Why::CutOff("the GPT entries"))?;
        if entry[..16] == [0; 16] {
            continue;
        }
        if number(&entry[40..48]) >= sectors {
            return Err(Why::CutOff("the end of a partition"));
        }
        any = true;
        esp |= entry[..16] == ESP;
    }
    if any { Ok(esp) } else { Err(Why::NoPartition) }
}

/// The same for the older table.
fn mbr(entries: &[&[u8]], length: u64) -> Result<bool, Why> {
    let (mut esp, mut any) = (false, false);
    for entry in entries.iter().filter(|entry| entry[4] != 0) {
        let end = number(&entry[8..12]) + number(&entry[12..16]);
        // A file system's own first sector ends with the same mark; what stands there is not a table.
        if !matches!(entry[0], 0 | 0x80) || number(&entry[12..16]) == 0 {
            return Err(Why::NoTable);
        }
        if end > length / SECTOR {
            return Err(Why::CutOff("the end of a partition"));
        }
        any = true;
        esp |= entry[4] == ESP_MBR;
    }
    if any { Ok(esp) } else { Err(Why::NoPartition) }
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
