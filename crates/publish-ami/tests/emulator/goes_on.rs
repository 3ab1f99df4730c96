//! An upload that was cut short goes on where it was.

use std::collections::BTreeSet;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use relais_publish_ami::upload::AT_ONCE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::between::{Between, Seen, of};
use crate::disk::good;
use crate::process::{Project, read_back, same_as_file};

const BLOCKS: usize = 41;

/// Starts an upload, lets so many blocks through, and ends it by this signal; how it ended and what it said.
async fn cut_short(way: &Between, project: &Project, blocks: usize, signal: Signal) -> (ExitStatus, String) {
    way.hold_after(Some(blocks));
    let child = project.command("1", &[]).spawn().unwrap();
    // It asks for another block only when it has written down an answer: with sixteen on their way, all the answers are in.
    until(|| way.asked("PutSnapshotBlock") >= blocks + AT_ONCE).await;
    assert_eq!((way.asked("PutSnapshotBlock"), way.taken()), (blocks + AT_ONCE, blocks));
    let id = Pid::from_child(&child);
    kill_process(id, signal).unwrap();
    let ended = tokio::task::spawn_blocking(move || ended(child)).await.unwrap();
    way.hold_after(None);
    ended
}

async fn until(holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be");
}

fn ended(child: Child) -> (ExitStatus, String) {
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

fn indexes(seen: &[&Seen]) -> BTreeSet<u32> {
    seen.iter().filter_map(|seen| seen.index).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_interrupts_it_sends_only_what_is_missing() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    let disk = good().with_noise(40, 13);
    project.build(&disk);
    let (status, said) = cut_short(&way, &project, 15, Signal::INT).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("stopped with 15 of 41 blocks sent; the same command goes on from there"), "{said}");
    let record = std::fs::read_to_string(project.resume_file()).unwrap();
    assert!(!record.contains("test") && record.contains("snap-"), "{record}");
    let first = way.take();
    let dry = project.publish("1", &["--dry-run"]).await;
    assert_eq!((&dry["sent"], &dry["earlier"]), (&json!(BLOCKS - 15), &json!("blocks")));
    assert!(of(&way.take(), "PutSnapshotBlock").is_empty());

    let outcome = project.publish("1", &[]).await;
    let second = way.take();
    let puts = of(&second, "PutSnapshotBlock");
    assert_eq!((puts.len(), indexes(&puts).len()), (BLOCKS - 15, BLOCKS - 15));
    assert_eq!((of(&first, "StartSnapshot").len(), of(&second, "StartSnapshot").len()), (1, 0));
    let snapshot = outcome["snapshot"].as_str().unwrap();
    let (whole, blocks) = read_back(snapshot, disk.length).await;
    assert_eq!(blocks, BLOCKS);
    assert!(same_as_file(&whole, &project.image()) && !project.resume_file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_upload_goes_on_in_the_same_snapshot() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    let disk = good().with_noise(40, 17);
    project.build(&disk);
    let (status, _) = cut_short(&way, &project, 15, Signal::KILL).await;
    assert_eq!(status.code(), None);
    let first = way.take();
    let outcome = project.publish("1", &[]).await;
    let second = way.take();
    assert_eq!((of(&first, "StartSnapshot").len(), of(&second, "StartSnapshot").len()), (1, 0));
    // What it had not written down in its last second is sent again.
    assert!((BLOCKS - 15..=BLOCKS).contains(&of(&second, "PutSnapshotBlock").len()));
    let (whole, blocks) = read_back(outcome["snapshot"].as_str().unwrap(), disk.length).await;
    assert_eq!(blocks, BLOCKS);
    assert!(same_as_file(&whole, &project.image()) && !project.resume_file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_interrupts_a_call_that_hangs_need_not_wait_for_it() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    project.build(&good().with_noise(4, 29));
    way.hold(Some("RegisterImage"));
    let child = project.command("1", &[]).spawn().unwrap();
    until(|| way.asked("RegisterImage") > 0).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let (status, said) = tokio::task::spawn_blocking(move || ended(child)).await.unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("error: stopped; the same command goes on from there"), "{said}");
    way.hold(None);
    way.take();
    let outcome = project.publish("1", &[]).await;
    assert_eq!((&outcome["earlier"], &outcome["sent"]), (&json!("upload"), &json!(0)));
    assert_eq!(of(&way.take(), "RegisterImage").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_was_built_anew_begins_anew_and_says_so() {
    let way = Between::new().await;
    let project = Project::new(&way.url);
    project.build(&good().with_noise(40, 19));
    cut_short(&way, &project, 15, Signal::INT).await;
    let first = way.take();
    let disk = good().with_noise(40, 23);
    project.build(&disk);
    let output = project.run("1", &[]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("the image's content has changed since"), "{said}");
    let second = way.take();
    assert_eq!(of(&second, "PutSnapshotBlock").len(), BLOCKS);
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let snapshot = outcome["snapshot"].as_str().unwrap();
    assert!(of(&first, "PutSnapshotBlock").iter().all(|put| put.snapshot != snapshot));
    assert!(same_as_file(&read_back(snapshot, disk.length).await.0, &project.image()));
}
