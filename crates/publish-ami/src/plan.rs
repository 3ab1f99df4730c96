//! The image's blocks, as the EBS direct APIs take them: the empty ones are left out.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use sha2::{Digest as _, Sha256};

/// The size of a block, bytes: the only one that the service knows ("EBS direct APIs", concepts).
pub const BLOCK: u32 = 512 * 1024;

/// SHA-256.
pub type Sum = [u8; 32];

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The image's length, bytes.
    pub length: u64,
    /// The digest of the image's bytes: what `sha256sum` prints.
    pub digest: Sum,
    /// The blocks that have anything but zeros, in order.
    pub blocks: Vec<Block>,
}

/// One block that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its place, counted in blocks.
    pub index: u32,
    /// Of its bytes, zeros behind the image's end included.
    pub sum: Sum,
}

impl Plan {
    /// Reads the whole image once, never more than a block at a time. `seen` is told how many bytes were read, and may end it.
    ///
    /// # Errors
    /// The file cannot be read, or is too long for a volume (64 TiB).
    pub fn read(file: &File, length: u64, mut seen: impl FnMut(u64) -> io::Result<()>) -> io::Result<Self> {
        let (mut whole, mut blocks) = (Sha256::new(), Vec::new());
        let zeros = vec![0; BLOCK as usize];
        let count = u32::try_from(length.div_ceil(u64::from(BLOCK))).map_err(io::Error::other)?;
        for index in 0..count {
            let (bytes, used) = read_block(file, length, index)?;
            whole.update(&bytes[..used]);
            if bytes != zeros {
                blocks.push(Block { index, sum: Sha256::digest(&bytes).into() });
            }
            seen((u64::from(index) + 1) * u64::from(BLOCK))?;
        }
        Ok(Self { length, digest: whole.finalize().into(), blocks })
    }

    /// How many blocks the image has, the empty ones included.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.length.div_ceil(u64::from(BLOCK))
    }

    /// The digest in 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.digest)
    }

    /// The checksum of the whole snapshot by the linear method: over the blocks' checksums in the order of their indexes
    /// (EBS direct APIs, `CompleteSnapshot`).
    #[must_use]
    pub fn linear(&self) -> Sum {
        let mut sum = Sha256::new();
        for block in &self.blocks {
            sum.update(block.sum);
        }
        sum.finalize().into()
    }
}

/// A block's bytes, filled up with zeros behind the image's end; how many are the image's.
///
/// # Errors
/// The file cannot be read, or has become shorter.
pub fn read_block(file: &File, length: u64, index: u32) -> io::Result<(Vec<u8>, usize)> {
    let at = u64::from(index) * u64::from(BLOCK);
    let used = usize::try_from(length.saturating_sub(at).min(u64::from(BLOCK))).map_err(io::Error::other)?;
    let mut bytes = vec![0; BLOCK as usize];
    file.read_exact_at(&mut bytes[..used], at)?;
    Ok((bytes, used))
}

/// SHA-256 of some bytes.
#[must_use]
pub fn sum(bytes: &[u8]) -> Sum {
    Sha256::digest(bytes).into()
}

/// Hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    const SIZE: u64 = BLOCK as u64;

    fn file(length: u64, parts: &[(u64, &[u8])]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(length).unwrap();
        for (at, bytes) in parts {
            file.seek(SeekFrom::Start(*at)).unwrap();
            file.write_all(bytes).unwrap();
        }
        file
    }

    fn plan(length: u64, parts: &[(u64, &[u8])]) -> Plan {
        Plan::read(&file(length, parts), length, |_| Ok(())).unwrap()
    }

    fn indexes(plan: &Plan) -> Vec<u32> {
        plan.blocks.iter().map(|block| block.index).collect()
    }

    #[test]
    fn only_blocks_with_something_in_them_are_planned() {
        // The last byte of block 1, one byte in the middle of block 3, and zeros that were written in block 4.
        let found = plan(6 * SIZE, &[(2 * SIZE - 1, b"x"), (3 * SIZE + 99, b"y"), (4 * SIZE, &[0; 4096])]);
        assert_eq!((indexes(&found), found.all()), (vec![1, 3], 6));
        assert_eq!(indexes(&plan(3 * SIZE, &[])), Vec::<u32>::new());
    }

    #[test]
    fn a_last_block_that_is_not_whole_is_filled_up_with_zeros() {
        let found = plan(SIZE + 512, &[(SIZE, b"end")]);
        let mut whole = vec![0; BLOCK as usize];
        whole[..3].copy_from_slice(b"end");
        assert_eq!(found.blocks, vec![Block { index: 1, sum: sum(&whole) }]);
        assert_eq!(found.all(), 2);
    }

    #[test]
    fn the_digest_is_that_of_the_files_bytes() {
        // FIPS 180-4, the example "abc".
        let found = plan(3, &[(0, b"abc")]);
        assert_eq!(found.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn the_linear_checksum_is_over_the_sums_and_not_over_the_bytes() {
        let block = |index, byte| Block { index, sum: [byte; 32] };
        let plan = Plan { length: 3 * SIZE, digest: [0; 32], blocks: vec![block(0, 1), block(2, 2)] };
        assert_eq!(plan.linear(), sum(&[[1; 32], [2; 32]].concat()));
        let none = Plan { blocks: vec![], ..plan };
        // FIPS 180-4, the empty message.
        assert_eq!(hex(&none.linear()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        assert!(Plan::read(&file(SIZE, &[]), 2 * SIZE, |_| Ok(())).is_err());
    }
}
