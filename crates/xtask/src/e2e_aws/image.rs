//! A small disk image that `publish-ami` takes: a partition table, a boot sector, noise and holes.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::Context as _;

const MIB: u64 = 1 << 20;
const LENGTH: u64 = 24 * MIB;
/// Sectors of 512 bytes.
const FIRST_SECTOR: u32 = 2048;

/// Writes it. Nothing boots from it: the emulator's machines are records.
pub(super) fn write(path: &Path) -> anyhow::Result<()> {
    let fill = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.set_len(LENGTH)?;
        file.write_all(&sector())?;
        for place in [MIB, 7 * MIB, LENGTH - MIB] {
            file.seek(SeekFrom::Start(place))?;
            file.write_all(&noise(place))?;
        }
        file.sync_all()
    };
    fill().with_context(|| format!("write {}", path.display()))
}

/// A master boot record with one active Linux partition.
fn sector() -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..3].copy_from_slice(&[0xeb, 0x63, 0x90]);
    let sectors = u32::try_from(LENGTH / 512).unwrap_or(u32::MAX) - FIRST_SECTOR;
    sector[446] = 0x80;
    sector[450] = 0x83;
    sector[454..458].copy_from_slice(&FIRST_SECTOR.to_le_bytes());
    sector[458..462].copy_from_slice(&sectors.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// 100,000 bytes that are not zero (xorshift64, Marsaglia 2003).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(step).take(12_500).flatten().collect()
}
