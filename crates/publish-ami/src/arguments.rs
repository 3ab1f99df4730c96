//! The command line, and what is refused of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use relais_aws::{ConnectError, Place, SdkConfig};
use relais_ec2::images::{Architecture, BootMode};
use relais_host::exit::BadUsage;
use rustix::fs::{Access, access};

use crate::settings::Settings;

/// Publish a raw disk image as an AMI: upload it as a snapshot, register it, and name it in an SSM parameter.
///
/// The same command again goes on where an earlier one was cut short, and does nothing twice. AWS credentials come as its
/// SDK always finds them.
#[derive(Debug, Parser)]
#[command(name = "publish-ami")]
pub struct Arguments {
    /// The image of a whole disk.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// The value of the tag Project, and the beginning of the AMI's name.
    #[arg(long, visible_alias = "name-prefix", default_value = "relais")]
    pub project: String,
    /// The flake's version: the tag Version, and a part of the AMI's name.
    #[arg(long)]
    pub version: String,
    /// The flake's narHash, sha256-…: the tag NarHash.
    #[arg(long)]
    pub nar_hash: String,
    /// The processor that the image is for.
    #[arg(long, default_value = "x86_64")]
    pub arch: Arch,
    /// How the machine's firmware starts it [default: what the image has].
    #[arg(long)]
    pub boot_mode: Option<Boot>,
    /// The region [default: AWS_REGION or the profile's].
    #[arg(long)]
    pub region: Option<String>,
    /// Another address of AWS, for an emulator.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The SSM parameter that names the AMI to boot [default: /PROJECT/ami].
    #[arg(long, value_name = "NAME")]
    pub parameter: Option<String>,
    /// How many of the project's latest AMIs stay.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: u16,
    /// Remove older AMIs although nothing has booted from the new one yet.
    #[arg(long)]
    pub prune: bool,
    /// Check and look, tell what would be done, and write nothing anywhere.
    #[arg(long)]
    pub dry_run: bool,
    /// Where an upload that was cut short is remembered [default: IMAGE.publish.json, or here if that cannot be written].
    #[arg(long, value_name = "FILE")]
    pub resume_file: Option<PathBuf>,
    /// The size of the first disk [default: the image's, rounded up].
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub volume_gib: Option<u32>,
    /// The name of the first disk.
    #[arg(long, value_name = "DEVICE", default_value = "/dev/xvda")]
    pub root_device: String,
    /// Print the outcome as JSON.
    #[arg(long)]
    pub json: bool,
    /// Log as JSON lines.
    #[arg(long)]
    pub log_json: bool,
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86,
    /// Graviton.
    #[value(name = "arm64", alias = "aarch64")]
    Arm,
}

/// A boot mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Boot {
    /// A program of the EFI system partition.
    Uefi,
    /// The first sector.
    LegacyBios,
    /// UEFI where the machine's type has it, else the first sector.
    UefiPreferred,
}

impl Arguments {
    /// What was asked for, if it can be done.
    ///
    /// # Errors
    /// [`BadUsage`] names the argument.
    pub fn settings(&self) -> Result<Settings, BadUsage> {
        let bad = |why: String| Err(BadUsage(why));
        if !is_name(&self.project, "-_") || self.project.len() > 40 {
            return bad(format!("--project {:?}: 1 to 40 letters, digits, '-' and '_' are allowed", self.project));
        }
        if !is_name(&self.version, ".-_") || self.version.len() > 64 {
            return bad(format!("--version {:?}: 1 to 64 letters, digits, '.', '-' and '_' are allowed", self.version));
        }
        if !is_nar_hash(&self.nar_hash) {
            return bad(format!(
                "--nar-hash {:?} is none; it is sha256- and 44 characters, as `nix flake metadata --json` prints it",
                self.nar_hash
            ));
        }
        if !self.root_device.starts_with("/dev/") || !is_name(&self.root_device[5..], "") {
            return bad(format!("--root-device {:?} is none; /dev/xvda is one", self.root_device));
        }
        let parameter = self.parameter.clone().unwrap_or_else(|| format!("/{}/ami", self.project));
        if !parameter.starts_with('/') || !parameter[1..].split('/').all(|part| is_name(part, ".-_")) {
            return bad(format!("--parameter {parameter:?} is none; it is like /relais/ami"));
        }
        let writable = |folder: &Path| access(folder, Access::WRITE_OK).is_ok();
        let resume_file = self.resume_file.clone().unwrap_or_else(|| resume_file(&self.image, writable));
        if resume_file == self.image {
            return bad("--resume-file is the image itself; name another file".to_owned());
        }
        Ok(Settings {
            project: self.project.clone(),
            version: self.version.clone(),
            nar_hash: self.nar_hash.clone(),
            architecture: match self.arch {
                Arch::X86 => Architecture::X86_64,
                Arch::Arm => Architecture::Arm64,
            },
            boot_mode: self.boot_mode.map(|mode| match mode {
                Boot::Uefi => BootMode::Uefi,
                Boot::LegacyBios => BootMode::LegacyBios,
                Boot::UefiPreferred => BootMode::UefiPreferred,
            }),
            root_device: self.root_device.clone(),
            volume_gib: self.volume_gib,
            parameter,
            keep: usize::from(self.keep),
            prune: self.prune,
            resume_file,
        })
    }
}

impl Arguments {
    /// AWS, where and as whom it was asked for.
    ///
    /// # Errors
    /// [`BadUsage`] if nothing can be signed.
    pub async fn connect(&self, patience: Duration) -> Result<SdkConfig, BadUsage> {
        let place = Place { region: self.region.clone(), endpoint: self.endpoint.clone() };
        place.connect(patience).await.map_err(|error| {
            BadUsage(match error {
                ConnectError::NoRegion => "no region: name it with --region or in AWS_REGION".to_owned(),
                ConnectError::NoCredentials(_) | ConnectError::Late => error.to_string(),
            })
        })
    }
}

/// Beside the image, but for an image that lies where nothing can be written, as Nix's store: there in the current folder.
fn resume_file(image: &Path, writable: impl Fn(&Path) -> bool) -> PathBuf {
    let folder = image.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut name = match folder {
        Some(folder) if !writable(folder) => image.file_name().unwrap_or_default().to_owned(),
        Some(_) | None => image.as_os_str().to_owned(),
    };
    name.push(".publish.json");
    PathBuf::from(name)
}

/// Not empty, begins with a letter or digit, and has nothing else but `more`.
fn is_name(text: &str, more: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|each| each.is_ascii_alphanumeric() || more.contains(each))
}

/// `sha256-` and 32 bytes in base64.
fn is_nar_hash(text: &str) -> bool {
    text.strip_prefix("sha256-").is_some_and(|rest| {
        rest.len() == 44
            && rest.ends_with('=')
            && rest[..43].bytes().all(|each| each.is_ascii_alphanumeric() || matches!(each, b'+' | b'/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn given(more: &[&str]) -> Result<Settings, String> {
        let mut all = vec!["publish-ami", "--image", "relais.raw"];
        for (name, value) in [("--version", "1.2.3"), ("--nar-hash", HASH)] {
            if !more.contains(&name) {
                all.extend([name, value]);
            }
        }
        all.extend(more);
        let arguments = Arguments::try_parse_from(all).map_err(|error| error.to_string())?;
        arguments.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let settings = given(&[]).unwrap();
        assert_eq!(
            (settings.project.as_str(), settings.parameter.as_str(), settings.keep),
            ("relais", "/relais/ami", 2)
        );
        assert_eq!(settings.resume_file, PathBuf::from("relais.raw.publish.json"));
        assert_eq!((settings.architecture, settings.boot_mode), (Architecture::X86_64, None));
        assert_eq!(given(&["--name-prefix", "two"]).unwrap().parameter, "/two/ami");
        assert_eq!(given(&["--arch", "aarch64"]).unwrap().architecture, Architecture::Arm64);
    }

    #[test]
    fn an_upload_is_remembered_beside_the_image_or_here() {
        for (image, writable, expected) in [
            ("relais.raw", true, "relais.raw.publish.json"),
            ("relais.raw", false, "relais.raw.publish.json"),
            ("out/relais.raw", true, "out/relais.raw.publish.json"),
            ("/nix/store/x/relais.raw", false, "relais.raw.publish.json"),
        ] {
            assert_eq!(resume_file(Path::new(image), |_| writable), PathBuf::from(expected));
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_its_name() {
        for (arguments, named) in [
            (&["--project", "a b"][..], "--project"),
            (&["--version", "1.0+dirty"], "--version"),
            (&["--version", ""], "--version"),
            (&["--nar-hash", "sha256-abc"], "--nar-hash"),
            (&["--nar-hash", "sha256-é7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF="], "--nar-hash"),
            (&["--root-device", "xvda"], "--root-device"),
            (&["--root-device", "/dev/"], "--root-device"),
            (&["--parameter", "relais"], "--parameter"),
            (&["--parameter", "/relais//ami"], "--parameter"),
            (&["--resume-file", "relais.raw"], "--resume-file"),
            (&["--keep", "0"], "--keep"),
            (&["--volume-gib", "65537"], "--volume-gib"),
            (&["--arch", "riscv"], "--arch"),
            (&["--boot-mode", "bios"], "--boot-mode"),
        ] {
            let refused = given(arguments).unwrap_err();
            assert!(refused.contains(named), "{arguments:?}: {refused}");
        }
    }
}
