//! Each thing that is mistaken for an image is called by its name; what boots is taken.

use std::path::Path;

use relais_ec2::images::{Architecture, BootMode};
use relais_publish_ami::image::Image;

use crate::disk::{Disk, ESP, LINUX, MIB, good};

const X86: Architecture = Architecture::X86_64;
const ARM: Architecture = Architecture::Arm64;

/// What is said of it, without its name.
fn said(write: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relais.raw");
    write(&path);
    let error = Image::open(&path).map(|_| ()).unwrap_err().to_string();
    error.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
}

fn of(disk: &Disk) -> String {
    said(|path| disk.write(path))
}

fn with(at: u64, mark: &[u8]) -> String {
    of(&Disk { parts: vec![(at, mark.to_vec())], ..good() })
}

#[test]
fn another_format_is_named_with_the_way_out() {
    let convert = "qemu-img convert -O raw";
    let table: &[(u64, &[u8], &str, &str)] = &[
        (0, b"QFI\xfb\0\0\0\x03", "a qcow2 image", convert),
        (0, b"conectix", "a VHD image,", convert),
        (64 * MIB - 512, b"conectix", "a VHD image of fixed size", convert),
        (0, b"vhdxfile", "a VHDX image", convert),
        (0, b"KDMV", "a VMDK image", convert),
        (0, b"# Disk DescriptorFile\n", "the description of a VMDK", convert),
        (64, b"\x7f\x10\xda\xbe", "a VDI image", convert),
        (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "zstd --decompress"),
        (0, b"\x1f\x8b\x08", "compressed with gzip", "gunzip"),
        (0, b"\xfd7zXZ\0", "compressed with xz", "unxz"),
        (0, b"BZh9", "compressed with bzip2", "bunzip2"),
        (0, b"\x04\x22\x4d\x18", "compressed with lz4", "unlz4"),
        (0, b"PK\x03\x04", "a zip archive", "unzip"),
        (257, b"ustar", "a tar archive", "tar --extract"),
        (0x8001, b"CD001", "an ISO image", "image of a disk"),
        (0, b"hsqs", "a squashfs file system", "image of a disk"),
        (0, b"\x7fELF", "a program", "image of a disk"),
    ];
    for (at, mark, is, way) in table {
        let said = with(*at, mark);
        assert!(said.starts_with(&format!("is {is}")) && said.contains(way), "{is}: {said}");
    }
}

#[test]
fn what_is_no_whole_disk_is_refused() {
    let write = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        said(move |path| std::fs::write(path, bytes).unwrap())
    };
    assert!(write(b"").starts_with("is empty"));
    assert!(write(&[7; 1000]).starts_with("has 1000 bytes, which is no multiple of 512"));
    assert!(write(&[7; 1024]).starts_with("has no partition table"));
    assert!(said(|path| std::fs::create_dir(path).unwrap()).starts_with("is not a regular file"));
    assert!(said(|_| {}).starts_with("cannot be read: No such file"));
    // A file system's first sector has the mark of a table, and no table.
    let mut fat = vec![0; 4096];
    fat[446..510].fill(b'x');
    fat[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert!(write(&fat).starts_with("has no partition table"));
}

#[test]
fn a_table_that_leads_nowhere_is_refused() {
    let none = Disk { gpt: vec![], mbr: vec![], parts: vec![(510, vec![0x55, 0xaa])], ..good() };
    assert!(of(&none).starts_with("has a partition table without a partition"));
    let empty = Disk { gpt: vec![([0; 16], 0, 0)], ..good() };
    assert!(of(&empty).starts_with("has a partition table without a partition"));
    let cut = said(|path| {
        good().write(path);
        std::fs::File::options().write(true).open(path).unwrap().set_len(32 * MIB).unwrap();
    });
    assert!(cut.contains("(the second GPT header)") && cut.contains("cut off"), "{cut}");
    let beyond = Disk { gpt: vec![(LINUX, 2048, 131_072)], ..good() };
    assert!(of(&beyond).contains("(the end of a partition)"));
    let beyond = Disk { gpt: vec![], mbr: vec![(0x83, 2048, 131_072)], ..good() };
    assert!(of(&beyond).contains("(the end of a partition)"));
    let large = Disk { parts: vec![(512, vec![0; 8]), (4096, b"EFI PART".to_vec())], ..good() };
    assert!(of(&large).contains("sectors of 4096 bytes"));
}

fn mode(disk: &Disk, asked: Option<BootMode>, architecture: Architecture) -> Result<BootMode, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relais.raw");
    disk.write(&path);
    Image::open(&path).unwrap().boot_mode(asked, architecture).map_err(|error| error.to_string())
}

#[test]
fn the_boot_mode_is_what_the_image_has() {
    let uefi = || Disk { boot_code: false, ..good() };
    let bios = || Disk { gpt: vec![], mbr: vec![(0x83, 2048, 8192)], ..good() };
    let bios_gpt = Disk { gpt: vec![(LINUX, 2048, 8192)], ..good() };
    let uefi_mbr = Disk { gpt: vec![], mbr: vec![(0xef, 2048, 8192)], boot_code: false, ..good() };
    for (disk, architecture, expected) in [
        (good(), X86, BootMode::UefiPreferred),
        (good(), ARM, BootMode::Uefi),
        (uefi(), X86, BootMode::Uefi),
        (uefi(), ARM, BootMode::Uefi),
        (uefi_mbr, X86, BootMode::Uefi),
        (bios(), X86, BootMode::LegacyBios),
        (bios_gpt, X86, BootMode::LegacyBios),
    ] {
        assert_eq!(mode(&disk, None, architecture), Ok(expected));
    }
    for (disk, asked) in [
        (good(), BootMode::Uefi),
        (good(), BootMode::LegacyBios),
        (good(), BootMode::UefiPreferred),
        (uefi(), BootMode::Uefi),
        (bios(), BootMode::LegacyBios),
    ] {
        assert_eq!(mode(&disk, Some(asked), X86), Ok(asked));
    }
}

#[test]
fn a_boot_mode_that_the_image_lacks_is_refused() {
    let uefi = || Disk { boot_code: false, gpt: vec![(ESP, 2048, 8191)], ..good() };
    let bios = || Disk { gpt: vec![], mbr: vec![(0x83, 2048, 8192)], ..good() };
    let neither = || Disk { boot_code: false, ..bios() };
    for (disk, asked, architecture, says) in [
        (bios(), Some(BootMode::Uefi), X86, "boot mode uefi needs; use --boot-mode legacy-bios"),
        (bios(), Some(BootMode::UefiPreferred), X86, "boot mode uefi-preferred needs"),
        (uefi(), Some(BootMode::LegacyBios), X86, "use --boot-mode uefi or"),
        (uefi(), Some(BootMode::UefiPreferred), X86, "use --boot-mode uefi or"),
        (neither(), None, X86, "neither an EFI system partition nor"),
        (neither(), Some(BootMode::Uefi), X86, "neither an EFI system partition nor"),
        (bios(), None, ARM, "without which nothing boots on arm64"),
        (good(), Some(BootMode::LegacyBios), ARM, "is for arm64, which boots by UEFI only"),
        (good(), Some(BootMode::UefiPreferred), ARM, "is for arm64, which boots by UEFI only"),
    ] {
        let refused = mode(&disk, asked, architecture).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
}
