//! An image becomes a snapshot, an AMI and a parameter, once.

use std::process::Command;

use relais_ec2::images::AmiState;
use serde_json::json;

use crate::between::{Between, of};
use crate::disk::{Disk, ESP, good};
use crate::process::{HASH, PROGRAM, Project, images, parameter, read_back, same_as_file};

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_arrives_and_empty_blocks_are_not_sent() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    let disk = good().with_noise(20, 7);
    project.build(&disk);
    let outcome = project.publish("1.2.3", &["--volume-gib", "8"]).await;
    let seen = way.take();
    // The first block has the tables, twenty have noise.
    assert_eq!(outcome["image"], json!({ "bytes": disk.length, "blocks": 21, "empty": 107 }));
    assert_eq!((of(&seen, "PutSnapshotBlock").len(), of(&seen, "StartSnapshot").len()), (21, 1));
    let started: serde_json::Value = serde_json::from_str(&of(&seen, "StartSnapshot")[0].body).unwrap();
    assert_eq!((&started["VolumeSize"], &started["Timeout"]), (&json!(8), &json!(1440)));
    let snapshot = outcome["snapshot"].as_str().unwrap();
    let (whole, blocks) = read_back(snapshot, disk.length).await;
    assert_eq!(blocks, 21);
    assert!(same_as_file(&whole, &project.image()));

    let ami = images().await.image(outcome["ami"].as_str().unwrap()).await.unwrap().unwrap();
    let digest = &ami.tags["ImageDigest"];
    assert_eq!(ami.name, format!("{}-1.2.3-{}", project.name, &digest[..12]));
    assert_eq!((ami.architecture.as_str(), ami.boot_mode.as_str()), ("x86_64", "uefi-preferred"));
    assert_eq!((&ami.state, &ami.snapshots[0]), (&AmiState::Available, &snapshot.to_owned()));
    let tag = |name: &str| ami.tags.get(name).map(String::as_str);
    assert_eq!(tag("Project"), Some(project.name.as_str()));
    assert_eq!([tag("Role"), tag("Version"), tag("NarHash")], [Some("image"), Some("1.2.3"), Some(HASH)]);
    assert_eq!(images().await.snapshot(snapshot).await.unwrap().unwrap().tags, ami.tags);
    let asked = &of(&seen, "RegisterImage")[0].body;
    for part in [
        "EnaSupport=true",
        "ImdsSupport=v2.0",
        "VirtualizationType=hvm",
        "RootDeviceName=%2Fdev%2Fxvda",
        "Ebs.VolumeType=gp3",
        "Ebs.VolumeSize=8",
        "Ebs.DeleteOnTermination=true",
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    assert_eq!(parameter(&project.parameter).await, Some(ami.id));
    assert!(!project.resume_file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_does_nothing_twice() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    project.build(&Disk { gpt: vec![(ESP, 2048, 8191)], boot_code: false, ..good() }.with_noise(4, 3));
    let first = project.publish("1", &["--arch", "arm64"]).await;
    way.take();
    let again = project.publish("1", &["--arch", "arm64"]).await;
    assert_eq!((&again["ami"], &again["earlier"], &again["sent"]), (&first["ami"], &json!("registration"), &json!(0)));
    assert_eq!(writes(&way), Vec::<String>::new());
    let ami = images().await.image(first["ami"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!((ami.architecture.as_str(), ami.boot_mode.as_str()), ("arm64", "uefi"));
    // Whoever set the parameter back gets it set again, and learns what it was.
    project.publish("2", &["--arch", "arm64"]).await;
    way.take();
    let back = project.publish("1", &["--arch", "arm64"]).await;
    assert_eq!(writes(&way), ["PutParameter"]);
    assert_eq!(parameter(&project.parameter).await.as_deref(), first["ami"].as_str());
    assert_ne!(back["parameter_before"], first["ami"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_only_looks() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    project.build(&good().with_noise(4, 5));
    let outcome = project.publish("1", &["--dry-run"]).await;
    assert_eq!((&outcome["dry_run"], &outcome["sent"], &outcome["ami"]), (&json!(true), &json!(5), &json!(null)));
    assert_eq!(writes(&way), Vec::<String>::new());
    assert_eq!(parameter(&project.parameter).await, None);
    assert_eq!(std::fs::read_dir(project.folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_told_to_come_again_come_again() {
    let way = Between::new().await;
    way.throttle();
    let project = Project::new(&way.url);
    let disk = good().with_noise(8, 11);
    project.build(&disk);
    let outcome = project.publish("1", &[]).await;
    let seen = way.take();
    assert!(of(&seen, "PutSnapshotBlock").len() > 9);
    let (whole, blocks) = read_back(outcome["snapshot"].as_str().unwrap(), disk.length).await;
    assert_eq!(blocks, 9);
    assert!(same_as_file(&whole, &project.image()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_before_anybody_is_asked() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    std::fs::write(project.image(), b"QFI\xfb and so on").unwrap();
    let output = project.run("1", &[]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(64), 1), "{said}");
    assert!(said.starts_with("error: relais.raw: is a qcow2 image, not a raw disk image; convert it"), "{said}");
    assert!(way.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_or_region_there_is_one_line_that_says_so() {
    let project = Project::new("http://127.0.0.1:9");
    project.build(&good());
    for (removed, says) in
        [("AWS_ACCESS_KEY_ID", "error: no AWS credentials"), ("--region", "error: no region: name it")]
    {
        let mut command = project.command("1", &[]);
        if removed.starts_with("--") {
            let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            let at = arguments.iter().position(|argument| argument == removed).unwrap();
            let rest = arguments.into_iter().enumerate().filter(|(index, _)| !(at..at + 2).contains(index));
            let mut without = Command::new(PROGRAM);
            without.args(rest.map(|(_, argument)| argument)).current_dir(project.folder.path());
            without.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
            command = without;
        }
        command
            .env_remove(removed)
            .env_remove("AWS_REGION")
            .env_remove("AWS_DEFAULT_REGION")
            .env_remove("AWS_PROFILE")
            .env_remove("RUST_LOG");
        // No machine's role and no file of whoever runs this.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", project.folder.path());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(64), 1), "{said}");
        assert!(said.starts_with(says), "{said}");
    }
}

/// The calls that change something.
fn writes(way: &Between) -> Vec<String> {
    let looks = |call: &str| ["Describe", "List", "Get"].iter().any(|word| call.starts_with(word));
    let seen = way.take();
    assert!(!seen.is_empty());
    seen.into_iter().map(|seen| seen.call).filter(|call| !looks(call)).collect()
}
