//! By what everything of ours is known in an account: `terraform/` has the same words.

use aws_sdk_ec2::types::Filter;

/// The tag of everything that is ours; its value is the project's name.
pub const PROJECT: &str = "Project";
/// The tag that tells a machine of ours from an image of ours.
pub const ROLE: &str = "Role";
/// Its value for machines.
pub const STANDBY: &str = "standby";
/// Its value for images and their snapshots.
pub const IMAGE: &str = "image";

/// What has one of these values.
pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

/// What has this tag.
pub(crate) fn tagged(name: &str, value: &str) -> Filter {
    filter(&format!("tag:{name}"), [value.to_owned()])
}
