//! What AWS's answers mean: a permission that is missing is named, and what is gone or taken is no failure.

use relais_ec2::images::{Architecture, BootMode, NewImage, SnapshotState, Tags};
use relais_publish_ami::account::Account;
use relais_publish_ami::plan::{BLOCK, sum};
use relais_publish_ami::ports::{Deleted, Disk as _, NewSnapshot, Registry as _};

use crate::between::{Between, of};
use crate::disk::good;
use crate::process::{Project, account};

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named() {
    for (call, code, named) in [
        ("DescribeImages", "UnauthorizedOperation", "allow ec2:DescribeImages to"),
        ("DescribeSnapshots", "UnauthorizedOperation", "allow ec2:DescribeSnapshots to"),
        ("StartSnapshot", "AccessDeniedException", "allow ebs:StartSnapshot and ec2:CreateTags to"),
        ("PutSnapshotBlock", "AccessDeniedException", "allow ebs:PutSnapshotBlock to"),
        ("CompleteSnapshot", "AccessDeniedException", "allow ebs:CompleteSnapshot to"),
        ("RegisterImage", "UnauthorizedOperation", "allow ec2:RegisterImage and ec2:CreateTags to"),
        ("GetParameter", "AccessDeniedException", "allow ssm:GetParameter to"),
        ("PutParameter", "AccessDeniedException", "allow ssm:PutParameter to"),
        ("DescribeInstances", "UnauthorizedOperation", "allow ec2:DescribeInstances to"),
        ("DescribeLaunchTemplates", "UnauthorizedOperation", "allow ec2:DescribeLaunchTemplates and"),
    ] {
        let way = Between::new().await;
        way.refuse(call, code);
        let project = Project::new(&way.url);
        project.build(&good());
        let output = project.run("1", &[]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{call}: {said}");
        assert!(said.contains(named) && said.contains("it says no"), "{call}: {said}");
        // It would be refused again.
        assert_eq!(of(&way.take(), call).len(), 1, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_whose_answer_was_lost_was_set() {
    let way = Between::new().await;
    way.lose_the_seal();
    let project = Project::new(&way.url);
    project.build(&good());
    let outcome = project.publish("1", &[]).await;
    assert!(outcome["ami"].is_string());
    assert_eq!(of(&way.take(), "CompleteSnapshot").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_taken_is_no_failure() {
    let project = Project::new("");
    let account = Account::new(&account().await);
    let tags: Tags = [("Project", project.name.as_str()), ("Role", "image")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let new = NewSnapshot {
        token: project.name.clone(),
        volume_gib: 1,
        description: "a test".to_owned(),
        tags: tags.clone(),
    };
    let started = account.start(&new).await.unwrap();
    let block = vec![7; BLOCK as usize];
    account.put(&started.id, 3, block.clone().into(), sum(&block)).await.unwrap();
    account.complete(&started.id, 1, sum(&sum(&block))).await.unwrap();
    assert_eq!(account.list(&started.id).await.unwrap(), [3]);
    assert_eq!(account.snapshot(&started.id).await.unwrap().unwrap().state, SnapshotState::Completed);
    assert_eq!(account.snapshots(&tags).await.unwrap().len(), 1);

    let new = NewImage {
        name: project.name.clone(),
        description: "a test".to_owned(),
        architecture: Architecture::Arm64,
        boot_mode: BootMode::Uefi,
        root_device: "/dev/xvda".to_owned(),
        snapshot: started.id.clone(),
        volume_gib: 1,
        tags: tags.clone(),
    };
    let id = account.register(&new).await.unwrap().unwrap();
    assert_eq!(account.register(&new).await.unwrap(), None);
    assert_eq!(account.image_named(&project.name).await.unwrap().unwrap().id, id);
    assert_eq!(account.images(&tags).await.unwrap().len(), 1);

    for _ in 0..2 {
        account.deregister(&id).await.unwrap();
        assert_eq!(account.delete_snapshot(&started.id).await.unwrap(), Deleted::Gone);
    }
    assert_eq!(account.image(&id).await.unwrap(), None);
    assert_eq!(account.snapshot(&started.id).await.unwrap(), None);
    assert_eq!(account.parameter(&project.parameter).await.unwrap(), None);
    account.set_parameter(&project.parameter, &id).await.unwrap();
    account.set_parameter(&project.parameter, "ami-2").await.unwrap();
    assert_eq!(account.parameter(&project.parameter).await.unwrap().as_deref(), Some("ami-2"));
}
