//! Images of disks, made for a test.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

pub(crate) const BLOCK: u64 = 512 * 1024;
pub(crate) const MIB: u64 = 1 << 20;
/// EFI system partition, as its type lies on a disk.
pub(crate) const ESP: [u8; 16] =
    [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];
/// A Linux file system.
pub(crate) const LINUX: [u8; 16] =
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];

/// An image to write.
pub(crate) struct Disk {
    pub(crate) length: u64,
    /// GPT partitions: type, first and last sector. Without any, see `mbr`.
    pub(crate) gpt: Vec<([u8; 16], u64, u64)>,
    /// MBR partitions: type, first sector, sectors.
    pub(crate) mbr: Vec<(u8, u32, u32)>,
    pub(crate) boot_code: bool,
    /// Anything else, at a place.
    pub(crate) parts: Vec<(u64, Vec<u8>)>,
}

/// A sparse image of 64 MiB that boots both ways.
pub(crate) fn good() -> Disk {
    Disk {
        length: 64 * MIB,
        gpt: vec![(ESP, 2048, 8191), (LINUX, 8192, 131_000)],
        mbr: vec![],
        boot_code: true,
        parts: vec![],
    }
}

impl Disk {
    /// With this many blocks of noise, in every third place and the last, and one that is written but zero.
    pub(crate) fn with_noise(mut self, blocks: u64, seed: u64) -> Self {
        let mut state = seed | 1;
        let mut noise = || -> Vec<u8> {
            (0..BLOCK / 8)
                .flat_map(|_| {
                    // xorshift64 (Marsaglia, 2003).
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_le_bytes()
                })
                .collect()
        };
        for index in 0..blocks.saturating_sub(1) {
            self.parts.push(((2 + index * 3) * BLOCK, noise()));
        }
        if blocks > 0 {
            let mut last = noise();
            last.truncate(4096);
            self.parts.push((self.length - 4096, last));
        }
        self.parts.push((3 * BLOCK, vec![0; 4096]));
        self
    }

    pub(crate) fn write(&self, path: &Path) {
        let mut file = File::create(path).unwrap();
        file.set_len(self.length).unwrap();
        let mut put = |at: u64, bytes: &[u8]| {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(bytes).unwrap();
        };
        let sectors = self.length / 512;
        if self.boot_code {
            put(0, &[0xeb, 0x63, 0x90]);
        }
        let mut entries = self.mbr.clone();
        if !self.gpt.is_empty() {
            entries.push((0xee, 1, u32::try_from(sectors - 1).unwrap()));
            put(512, b"EFI PART");
            put(512 + 32, &(sectors - 1).to_le_bytes());
            put(512 + 72, &2_u64.to_le_bytes());
            put(512 + 80, &128_u32.to_le_bytes());
            put(512 + 84, &128_u32.to_le_bytes());
        }
        for (index, (kind, first, last)) in self.gpt.iter().enumerate() {
            let at = 1024 + index as u64 * 128;
            put(at, kind);
            put(at + 32, &first.to_le_bytes());
            put(at + 40, &last.to_le_bytes());
        }
        for (index, (kind, first, count)) in entries.iter().enumerate() {
            let at = 446 + index as u64 * 16;
            put(at + 4, &[*kind]);
            put(at + 8, &first.to_le_bytes());
            put(at + 12, &count.to_le_bytes());
        }
        if !entries.is_empty() {
            put(510, &[0x55, 0xaa]);
        }
        for (at, bytes) in &self.parts {
            put(*at, bytes);
        }
    }
}
