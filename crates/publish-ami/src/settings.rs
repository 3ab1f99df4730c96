//! What is published under which name and tags.

use std::path::PathBuf;

use relais_ec2::images::{Architecture, BootMode, NewImage, Tags};
pub use relais_ec2::tags::{IMAGE, PROJECT, ROLE, STANDBY};
use sha2::{Digest as _, Sha256};

use crate::plan::{Plan, hex};

/// The tag with the flake's version.
pub const VERSION: &str = "Version";
/// The tag with the flake's narHash.
pub const NAR_HASH: &str = "NarHash";
/// The tag with the SHA-256 of the image's bytes.
pub const DIGEST: &str = "ImageDigest";

/// What was asked for, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The value of the tag `Project`, and the beginning of the image's name.
    pub project: String,
    /// The flake's version.
    pub version: String,
    /// The flake's narHash.
    pub nar_hash: String,
    /// The processor.
    pub architecture: Architecture,
    /// The firmware, if it should not follow from the image.
    pub boot_mode: Option<BootMode>,
    /// Where the image's first disk is.
    pub root_device: String,
    /// The first disk's size; the image's, rounded up, if left out.
    pub volume_gib: Option<u32>,
    /// The SSM parameter that names the image to boot.
    pub parameter: String,
    /// How many images stay.
    pub keep: usize,
    /// Old images go although the new one has not booted.
    pub prune: bool,
    /// Where a run that was cut short is remembered.
    pub resume_file: PathBuf,
}

impl Settings {
    /// The tags that are the same on all images of the project.
    #[must_use]
    pub fn ours(&self) -> Tags {
        [(PROJECT, self.project.as_str()), (ROLE, IMAGE)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// The tags by which this very image and its snapshot are found.
    #[must_use]
    pub fn identity(&self, plan: &Plan) -> Tags {
        let mut tags = self.ours();
        tags.insert(VERSION.to_owned(), self.version.clone());
        tags.insert(NAR_HASH.to_owned(), self.nar_hash.clone());
        tags.insert(DIGEST.to_owned(), plan.hex());
        tags
    }

    /// Unique in the account and region: the same bytes of the same version have the same name.
    #[must_use]
    pub fn name(&self, plan: &Plan) -> String {
        format!("{}-{}-{}", self.project, self.version, &plan.hex()[..12])
    }

    /// The first disk's size in GiB.
    ///
    /// # Errors
    /// The image needs more than was asked for: the least that it needs.
    pub fn volume(&self, plan: &Plan) -> Result<u32, u32> {
        let least = u32::try_from(plan.length.div_ceil(1 << 30)).unwrap_or(u32::MAX);
        match self.volume_gib {
            Some(asked) if asked < least => Err(least),
            Some(asked) => Ok(asked),
            None => Ok(least),
        }
    }

    /// The client token of the snapshot: the same for the same image, other than before once a snapshot of it was given up.
    #[must_use]
    pub fn token(&self, plan: &Plan, volume_gib: u32, given_up: Option<&str>) -> String {
        let mut sum = Sha256::new();
        for (name, value) in self.identity(plan) {
            sum.update(format!("{name}={value}\n"));
        }
        sum.update(format!("{volume_gib}\n{}", given_up.unwrap_or_default()));
        // 64 characters, which is the most ("Ensure idempotency in StartSnapshot API requests").
        hex(&sum.finalize())
    }

    /// The image to register.
    #[must_use]
    pub fn new_image(&self, plan: &Plan, boot_mode: BootMode, volume_gib: u32, snapshot: &str) -> NewImage {
        NewImage {
            name: self.name(plan),
            description: format!("{} {} ({})", self.project, self.version, self.nar_hash),
            architecture: self.architecture,
            boot_mode,
            root_device: self.root_device.clone(),
            snapshot: snapshot.to_owned(),
            volume_gib,
            tags: self.identity(plan),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings() -> Settings {
        Settings {
            project: "relais".to_owned(),
            version: "1.2.3".to_owned(),
            nar_hash: "sha256-aaaa".to_owned(),
            architecture: Architecture::X86_64,
            boot_mode: None,
            root_device: "/dev/xvda".to_owned(),
            volume_gib: None,
            parameter: "/relais/ami".to_owned(),
            keep: 2,
            prune: false,
            resume_file: PathBuf::from("relais.raw.publish.json"),
        }
    }

    fn plan(length: u64) -> Plan {
        Plan { length, digest: [0xab; 32], blocks: vec![] }
    }

    #[test]
    fn the_name_has_project_version_and_digest() {
        assert_eq!(settings().name(&plan(1)), "relais-1.2.3-abababababab");
    }

    #[test]
    fn the_volume_is_the_image_rounded_up_or_what_was_asked_for() {
        let gib = 1 << 30;
        assert_eq!(settings().volume(&plan(gib)), Ok(1));
        assert_eq!(settings().volume(&plan(gib + 512)), Ok(2));
        let asked = |volume| Settings { volume_gib: Some(volume), ..settings() }.volume(&plan(gib + 512));
        assert_eq!((asked(8), asked(1)), (Ok(8), Err(2)));
    }

    #[test]
    fn the_token_is_the_images_own_and_moves_on_from_a_snapshot_that_was_given_up() {
        let first = settings().token(&plan(1), 1, None);
        assert_eq!((first.len(), &first), (64, &settings().token(&plan(1), 1, None)));
        let others = [
            settings().token(&plan(1), 2, None),
            settings().token(&plan(1), 1, Some("snap-1")),
            settings().token(&Plan { digest: [1; 32], ..plan(1) }, 1, None),
            Settings { version: "1.2.4".to_owned(), ..settings() }.token(&plan(1), 1, None),
        ];
        for other in others {
            assert_ne!(first, other);
        }
    }
}
