//! Old images go by the rules: after the new one has booted or on request, and never one that is in use.

use serde_json::Value;

use crate::between::endpoint;
use crate::disk::good;
use crate::process::{Project, ec2, images, run_machine};

async fn publish(project: &Project, number: u64, more: &[&str]) -> Value {
    project.build(&good().with_noise(2, number));
    project.publish(&number.to_string(), more).await
}

fn ami(outcome: &Value) -> String {
    outcome["ami"].as_str().unwrap().to_owned()
}

fn list(outcome: &Value, what: &str) -> Vec<String> {
    outcome[what].as_array().unwrap().iter().map(|each| each["ami"].as_str().unwrap().to_owned()).collect()
}

fn why(outcome: &Value, ami: &str) -> String {
    let stays = outcome["stays"].as_array().unwrap();
    stays.iter().find(|each| each["ami"] == ami).unwrap()["why"].as_str().unwrap().to_owned()
}

async fn is_there(outcome: &Value) -> (bool, bool) {
    let images = images().await;
    let snapshot = images.snapshot(outcome["snapshot"].as_str().unwrap()).await.unwrap();
    (images.image(&ami(outcome)).await.unwrap().is_some(), snapshot.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_stays_beside_the_first_until_it_has_booted() {
    let project = Project::new(&endpoint());
    let first = publish(&project, 1, &[]).await;
    let second = publish(&project, 2, &[]).await;
    let third = publish(&project, 3, &[]).await;
    assert_eq!(list(&third, "removed"), Vec::<String>::new());
    assert!(why(&third, &ami(&first)).contains("nothing has booted from the new one yet"));
    assert!(why(&third, &ami(&second)).contains("one of the last 2"));
    // A machine of somebody else says nothing about the standby.
    run_machine(&project, &ami(&third), "other").await;
    assert_eq!(list(&publish(&project, 3, &[]).await, "removed"), Vec::<String>::new());
    run_machine(&project, &ami(&third), "standby").await;
    let dry = publish(&project, 3, &["--dry-run"]).await;
    assert_eq!((list(&dry, "removed"), is_there(&first).await), (vec![ami(&first)], (true, true)));
    let again = publish(&project, 3, &[]).await;
    assert_eq!(list(&again, "removed"), [ami(&first)]);
    assert_eq!(is_there(&first).await, (false, false));
    assert_eq!((is_there(&second).await, is_there(&third).await), ((true, true), (true, true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_request_old_ones_go_except_what_is_in_use() {
    let project = Project::new(&endpoint());
    let first = publish(&project, 1, &[]).await;
    let second = publish(&project, 2, &[]).await;
    let third = publish(&project, 3, &[]).await;
    let machine = run_machine(&project, &ami(&first), "standby").await;
    let template = ec2(
        "CreateLaunchTemplate",
        &[("LaunchTemplateName", &project.name), ("LaunchTemplateData.ImageId", &ami(&second))],
    )
    .await;
    assert!(template.contains("<launchTemplateId>"));
    let fourth = publish(&project, 4, &["--prune"]).await;
    assert_eq!(list(&fourth, "removed"), Vec::<String>::new());
    assert_eq!(why(&fourth, &ami(&first)), format!("{machine} uses it"));
    assert_eq!(why(&fourth, &ami(&second)), "a launch template names it");
    assert!(why(&fourth, &ami(&third)).contains("one of the last 2"));
    assert_eq!(why(&fourth, &ami(&fourth)), "it was just published");

    ec2("DeleteLaunchTemplate", &[("LaunchTemplateName", &project.name)]).await;
    ec2("TerminateInstances", &[("InstanceId.1", &machine)]).await;
    for _ in 0..600 {
        if ec2("DescribeInstances", &[("InstanceId.1", &machine)]).await.contains("<name>terminated</name>") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let again = publish(&project, 4, &["--prune"]).await;
    assert_eq!(list(&again, "removed"), [ami(&second), ami(&first)]);
    assert_eq!((is_there(&first).await, is_there(&second).await), ((false, false), (false, false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_another_project_is_not_even_seen() {
    let (project, other) = (Project::new(&endpoint()), Project::new(&endpoint()));
    let foreign = publish(&other, 1, &[]).await;
    publish(&project, 1, &[]).await;
    publish(&project, 2, &["--prune", "--keep", "1"]).await;
    let outcome = publish(&project, 2, &["--prune", "--keep", "1"]).await;
    assert_eq!(list(&outcome, "removed").len(), 1);
    assert_eq!(is_there(&foreign).await, (true, true));
}
