//! The condition keys that are known here, and what AWS supplies them for (Service Authorization Reference). A policy that
//! asks for a key that nobody supplies refuses everything or nothing, so both sides are held to this list.

use anyhow::{bail, ensure};

/// Keys of any request, by their name or, with a `/` or `:` at the end, by its beginning.
const ANYWHERE: &[&str] = &["aws:SourceAccount", "aws:SourceArn"];

/// Keys of a service's requests, whatever they are about.
const OF_SERVICE: &[(&str, &[&str])] = &[
    ("dynamodb", &["dynamodb:LeadingKeys"]),
    ("iam", &["iam:PassedToService"]),
    ("kms", &["kms:ViaService", "kms:EncryptionContext:"]),
];

/// Keys of EC2's requests, by what a resource is.
const OF_MACHINES: &[(&str, &[&str])] = &[
    (
        "instance",
        &[
            "aws:RequestTag/",
            "aws:ResourceTag/",
            "aws:TagKeys",
            "ec2:CreateAction",
            "ec2:InstanceType",
            "ec2:LaunchTemplate",
            "ec2:MetadataHttpPutResponseHopLimit",
            "ec2:MetadataHttpTokens",
        ],
    ),
    ("image", &["aws:ResourceTag/", "ec2:LaunchTemplate"]),
    ("launch-template", &["aws:ResourceTag/", "ec2:LaunchTemplate"]),
    (
        "network-interface",
        &["aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys", "ec2:CreateAction", "ec2:LaunchTemplate", "ec2:Subnet"],
    ),
    ("security-group", &["aws:ResourceTag/", "ec2:LaunchTemplate"]),
    ("spot-instances-request", &[]),
    ("subnet", &["aws:ResourceTag/", "ec2:LaunchTemplate"]),
    (
        "volume",
        &[
            "aws:RequestTag/",
            "aws:ResourceTag/",
            "aws:TagKeys",
            "ec2:CreateAction",
            "ec2:Encrypted",
            "ec2:LaunchTemplate",
            "ec2:VolumeSize",
            "ec2:VolumeType",
        ],
    ),
];

/// Keys of which a request may have several values at once.
const SEVERAL: &[&str] = &["aws:TagKeys", "dynamodb:LeadingKeys"];

/// Whether a request may have several values of this key.
///
/// # Errors
/// If the key is not known.
pub(crate) fn has_several_values(key: &str) -> anyhow::Result<bool> {
    let mut all = OF_SERVICE.iter().chain(OF_MACHINES).flat_map(|(_, keys)| *keys).chain(ANYWHERE);
    if !all.any(|known| is(known, key)) {
        bail!("the condition key {key} is not understood");
    }
    Ok(SEVERAL.contains(&key))
}

/// Fails if AWS does not supply this key for this action on this resource.
///
/// # Errors
/// That, or a resource of EC2's that is not known.
pub(crate) fn is_supplied(key: &str, action: &str, resource: &str) -> anyhow::Result<()> {
    has_several_values(key)?;
    let service = action.split(':').next().unwrap_or_default();
    let (about, keys) = if service == "ec2" {
        let kind = resource.splitn(6, ':').nth(5).and_then(|name| name.split('/').next()).unwrap_or_default();
        (kind, OF_MACHINES.iter().find(|(known, _)| *known == kind))
    } else {
        (service, OF_SERVICE.iter().find(|(known, _)| *known == service))
    };
    let supplied = keys.is_some_and(|(_, keys)| keys.iter().any(|known| is(known, key)));
    ensure!(
        supplied || ANYWHERE.iter().any(|known| is(known, key)),
        "AWS does not say {key} when somebody asks for {action} on {about:?}"
    );
    Ok(())
}

fn is(known: &str, key: &str) -> bool {
    if known.ends_with(['/', ':']) { key.len() > known.len() && key.starts_with(known) } else { key == known }
}

#[cfg(test)]
mod tests {
    use super::{has_several_values, is_supplied};

    #[test]
    fn a_key_that_is_not_supplied_for_a_resource_is_refused() {
        let on = |kind: &str| format!("arn:aws:ec2:eu-west-3:123456789012:{kind}/x");
        assert!(is_supplied("ec2:InstanceType", "ec2:RunInstances", &on("instance")).is_ok());
        assert!(is_supplied("ec2:InstanceType", "ec2:RunInstances", &on("subnet")).is_err());
        assert!(is_supplied("ec2:InstanceType", "dynamodb:PutItem", "arn:aws:dynamodb:eu-west-3:1:table/x").is_err());
        assert!(is_supplied("aws:SourceArn", "sns:Publish", "arn:aws:sns:eu-west-3:1:x").is_ok());
        assert!(is_supplied("aws:ResourceTag/", "ec2:StopInstances", &on("instance")).is_err());
    }

    #[test]
    fn keys_with_several_values_are_told_apart() {
        assert!(has_several_values("aws:TagKeys").unwrap() && !has_several_values("aws:RequestTag/Project").unwrap());
        assert!(has_several_values("aws:PrincipalTag/Project").is_err());
    }
}
