//! The steps of a publication against an AWS in memory.

use std::future::pending;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use relais_ec2::images::{Architecture, Life, Machine, SnapshotState, Tags};
use relais_publish_ami::PublishError;
use relais_publish_ami::image::Image;
use relais_publish_ami::outcome::{Outcome, Spared};
use relais_publish_ami::progress::Screen;
use relais_publish_ami::publish::{Cloud, Job, publish, read};
use relais_publish_ami::settings::Settings;
use tempfile::TempDir;

use crate::disk::{BLOCK, Disk, MIB, good};
use crate::memory::Memory;

/// A small image, an AWS, and what is asked for.
struct World {
    folder: TempDir,
    aws: Arc<Memory>,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            project: "relais".to_owned(),
            version: "1".to_owned(),
            nar_hash: "sha256-a".to_owned(),
            architecture: Architecture::X86_64,
            boot_mode: None,
            root_device: "/dev/xvda".to_owned(),
            volume_gib: None,
            parameter: "/relais/ami".to_owned(),
            keep: 2,
            prune: false,
            resume_file: folder.path().join("resume.json"),
        };
        let world = Self { folder, aws: Arc::default(), settings };
        world.build(1);
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("relais.raw")
    }

    /// Four blocks of something in eight MiB.
    fn build(&self, seed: u64) {
        let small = Disk { length: 8 * MIB, gpt: vec![(crate::disk::ESP, 34, 2047)], ..good() };
        small.with_noise(3, seed).write(&self.path());
    }

    async fn run(&self, dry_run: bool) -> Result<Outcome, PublishError> {
        let image = Image::open(&self.path()).unwrap();
        let screen = Screen::on(Box::new(std::io::sink()), false);
        let plan = read(&image, &screen, || false).unwrap();
        let boot_mode = image.boot_mode(None, self.settings.architecture).unwrap();
        let disk = Arc::clone(&self.aws) as _;
        let cloud = Cloud { registry: &*self.aws, disk, region: "eu-west-3".to_owned() };
        let job = Job { settings: &self.settings, image: &image, plan: &plan, boot_mode, dry_run };
        publish(&cloud, &job, &screen, pin!(pending())).await
    }

    async fn publish(&self) -> Outcome {
        self.run(false).await.unwrap()
    }

    /// Another version of another content.
    async fn publish_next(&mut self, number: u64) -> String {
        self.build(number);
        self.settings.version = number.to_string();
        self.publish().await.ami.unwrap()
    }

    fn standby_of(&self, ami: &str, life: Life) {
        let tags = [("Project", "relais"), ("Role", "standby")].map(|(name, value)| (name.into(), value.into()));
        let machine = Machine { id: format!("i-{ami}"), image: ami.to_owned(), tags: tags.into(), life };
        self.aws.inside().machines.push(machine);
    }
}

#[tokio::test]
async fn an_image_is_sent_registered_and_named_once() {
    let world = World::new();
    let outcome = world.publish().await;
    assert_eq!((outcome.sent, outcome.image.blocks, outcome.image.empty), (4, 4, 12));
    let before = world.aws.inside().changes.clone();
    assert_eq!(
        before.iter().map(|change| change.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["start", "put", "put", "put", "put", "complete", "register", "set"]
    );
    let again = world.publish().await;
    assert_eq!((again.sent, again.earlier, again.ami), (0, Spared::Registration, outcome.ami));
    assert_eq!(world.aws.inside().changes, before);
    assert!(!world.settings.resume_file.exists());
}

#[tokio::test]
async fn nothing_is_registered_or_named_before_it_is_ready() {
    let world = World::new();
    world.aws.inside().is_slow = true;
    let outcome = world.publish().await;
    assert_eq!(world.aws.inside().parameters["/relais/ami"], outcome.ami.unwrap());
}

#[tokio::test]
async fn an_upload_that_was_refused_half_way_goes_on_where_it_was() {
    let world = World::new();
    world.aws.inside().refuses = [5].into();
    let error = world.run(false).await.unwrap_err().to_string();
    assert!(error.contains("renew the credentials") && error.contains("goes on"), "{error}");
    // What was on its way with it has arrived.
    let sent = world.aws.count("put");
    assert!(sent == 3 && world.settings.resume_file.exists());
    world.aws.inside().refuses.clear();
    let dry = world.run(true).await.unwrap();
    assert_eq!(dry.earlier, Spared::Blocks);
    let outcome = world.publish().await;
    assert_eq!((outcome.earlier, world.aws.count("start")), (Spared::Blocks, 1));
    assert_eq!((outcome.sent, dry.sent), (4 - sent, 4 - sent));
    assert!(!world.settings.resume_file.exists());
}

#[tokio::test]
async fn a_snapshot_that_was_given_up_is_not_gone_on_with() {
    let lost: [fn(&Memory, &str); 3] = [
        |aws, id| aws.inside().snapshots.get_mut(id).unwrap().state = SnapshotState::Failed("timeout".to_owned()),
        |aws, id| drop(aws.inside().snapshots.remove(id)),
        // Somebody else sealed it as it was.
        |aws, id| aws.inside().snapshots.get_mut(id).unwrap().state = SnapshotState::Completed,
    ];
    for lost in lost {
        let world = World::new();
        world.aws.inside().refuses = [5].into();
        world.run(false).await.unwrap_err();
        let first = world.aws.inside().ids_of_tokens.values().next().unwrap().clone();
        lost(&world.aws, &first);
        world.aws.inside().refuses.clear();
        let outcome = world.publish().await;
        assert_eq!((outcome.sent, world.aws.count("start")), (4, 2));
        assert_ne!(outcome.snapshot, Some(first));
    }
}

#[tokio::test]
async fn a_changed_image_begins_a_snapshot_of_its_own() {
    let world = World::new();
    world.aws.inside().refuses = [5].into();
    world.run(false).await.unwrap_err();
    world.aws.inside().refuses.clear();
    world.build(2);
    let outcome = world.publish().await;
    assert_eq!((outcome.sent, outcome.earlier, world.aws.count("start")), (4, Spared::Nothing, 2));
}

#[tokio::test]
async fn without_the_resume_file_the_same_snapshot_is_written_again() {
    let world = World::new();
    world.aws.inside().refuses = [5].into();
    world.run(false).await.unwrap_err();
    std::fs::remove_file(&world.settings.resume_file).unwrap();
    world.aws.inside().refuses.clear();
    let outcome = world.publish().await;
    assert_eq!((outcome.sent, world.aws.count("start")), (4, 1));
}

#[tokio::test]
async fn a_token_that_was_used_otherwise_does_not_stand_in_the_way() {
    let world = World::new();
    world.publish().await;
    {
        // An older program described the same image otherwise, and nothing else is left of it.
        let mut inside = world.aws.inside();
        inside.tokens.values_mut().for_each(|new| new.description = "another".to_owned());
        inside.images.clear();
        inside.snapshots.clear();
    }
    assert_eq!(world.publish().await.sent, 4);
    assert_eq!(world.aws.count("start"), 2);
}

#[tokio::test]
async fn a_sealed_snapshot_is_used_if_it_is_whole_and_only_then() {
    let world = World::new();
    world.publish().await;
    world.aws.inside().images.clear();
    let outcome = world.publish().await;
    assert_eq!((outcome.sent, outcome.earlier, world.aws.count("start")), (0, Spared::Upload, 1));
    let id = outcome.snapshot.unwrap();
    {
        let mut inside = world.aws.inside();
        inside.images.clear();
        inside.blocks.get_mut(&id).unwrap().pop_last();
        inside.tokens.clear();
    }
    let outcome = world.publish().await;
    assert_eq!((outcome.sent, outcome.earlier, world.aws.count("start")), (4, Spared::Nothing, 2));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_up() {
    let world = World::new();
    world.aws.inside().loses_the_seal = true;
    world.aws.inside().is_second = true;
    let outcome = world.publish().await;
    assert_eq!(world.aws.inside().parameters["/relais/ami"], outcome.ami.unwrap());
    assert_eq!((world.aws.count("complete"), world.aws.count("register")), (1, 1));
}

#[tokio::test]
async fn a_name_that_belongs_to_another_image_is_refused() {
    let mut world = World::new();
    world.publish().await;
    world.settings.nar_hash = "sha256-b".to_owned();
    let error = world.run(false).await.unwrap_err().to_string();
    assert!(error.contains("whose NarHash is sha256-a, not sha256-b") && error.contains("--version"), "{error}");
    world.settings.nar_hash = "sha256-a".to_owned();
    world.settings.architecture = Architecture::Arm64;
    let error = world.run(false).await.unwrap_err().to_string();
    assert!(error.contains("architecture is x86_64, not arm64"), "{error}");
    world.aws.inside().images[0].0.tags = Tags::new();
    let error = world.run(false).await.unwrap_err().to_string();
    assert!(error.contains("whose ImageDigest is not set"), "{error}");
}

#[tokio::test]
async fn a_block_that_changes_after_it_was_planned_is_never_sent() {
    let world = World::new();
    let image = Image::open(&world.path()).unwrap();
    let screen = Screen::on(Box::new(std::io::sink()), false);
    let plan = read(&image, &screen, || false).unwrap();
    let written = std::fs::File::options().write(true).open(world.path()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&written, b"changed", 5 * BLOCK).unwrap();
    let cloud = Cloud { registry: &*world.aws, disk: Arc::clone(&world.aws) as _, region: String::new() };
    let boot_mode = image.boot_mode(None, world.settings.architecture).unwrap();
    let job = Job { settings: &world.settings, image: &image, plan: &plan, boot_mode, dry_run: false };
    let error = publish(&cloud, &job, &screen, pin!(pending())).await.unwrap_err();
    assert!(matches!(error, PublishError::Changed { block: 5, .. }), "{error}");
    assert_eq!((world.aws.count("complete"), world.aws.count("register")), (0, 0));
}

#[tokio::test]
async fn whoever_stops_it_can_go_on() {
    let world = World::new();
    let image = Image::open(&world.path()).unwrap();
    let screen = Screen::on(Box::new(std::io::sink()), false);
    let plan = read(&image, &screen, || false).unwrap();
    let cloud = Cloud { registry: &*world.aws, disk: Arc::clone(&world.aws) as _, region: "eu-west-3".to_owned() };
    let boot_mode = image.boot_mode(None, world.settings.architecture).unwrap();
    let job = Job { settings: &world.settings, image: &image, plan: &plan, boot_mode, dry_run: false };
    let error = publish(&cloud, &job, &screen, pin!(std::future::ready(()))).await.unwrap_err();
    assert_eq!(error.to_string(), "stopped with 0 of 4 blocks sent; the same command goes on from there");
    assert_eq!(world.publish().await.sent, 4);
    assert_eq!(world.aws.count("start"), 1);
}

#[tokio::test]
async fn old_images_go_with_their_snapshots_once_the_new_one_has_booted() {
    let mut world = World::new();
    let first = world.publish_next(1).await;
    let second = world.publish_next(2).await;
    let third = world.publish_next(3).await;
    assert_eq!(world.aws.count("deregister"), 0);
    world.standby_of(&third, Life::Coming);
    assert_eq!(world.publish().await.removed, []);
    world.standby_of(&third, Life::Ran);
    let dry = world.run(true).await.unwrap();
    let outcome = world.publish().await;
    assert_eq!((dry.removed.len(), outcome.removed.len()), (1, 1));
    assert_eq!(outcome.removed[0], dry.removed[0]);
    assert_eq!((&outcome.removed[0].ami, outcome.removed[0].snapshots.len()), (&first, 1));
    assert_eq!((world.aws.count(&format!("deregister {first}")), world.aws.count("delete")), (1, 1));
    let left: Vec<String> = world.aws.inside().images.iter().map(|(ami, _)| ami.id.clone()).collect();
    assert_eq!(left, [second, third]);
}

#[tokio::test]
async fn a_snapshot_that_is_foreign_or_shared_is_left_where_it_is() {
    let mut world = World::new();
    world.settings.prune = true;
    world.settings.keep = 1;
    world.publish_next(1).await;
    world.aws.inside().snapshots.values_mut().for_each(|snapshot| drop(snapshot.tags.remove("Role")));
    // What the parameter named a moment ago stays until the next time.
    world.publish_next(2).await;
    assert_eq!((world.aws.count("deregister"), world.aws.count("delete")), (0, 0));
    world.publish().await;
    assert_eq!((world.aws.count("deregister"), world.aws.count("delete")), (1, 0));
    // Somebody made a second image on the second snapshot.
    let mut foreign = world.aws.inside().images[0].clone();
    (foreign.0.id, foreign.0.name, foreign.0.tags) = ("ami-x".to_owned(), "x".to_owned(), Tags::new());
    world.aws.inside().images.push(foreign);
    world.build(3);
    world.settings.version = "3".to_owned();
    world.publish().await;
    let outcome = world.publish().await;
    assert!(outcome.removed[0].left[0].ends_with("which another image uses"), "{outcome}");
    assert_eq!((world.aws.count("deregister"), world.aws.count("delete")), (2, 0));
}

#[tokio::test]
async fn a_snapshot_without_an_image_is_shown_and_goes_on_request() {
    let mut world = World::new();
    world.publish().await;
    // The image went, and the run ended there.
    world.aws.inside().images.clear();
    world.settings.version = "2".to_owned();
    let outcome = world.publish().await;
    assert!(!outcome.strays[0].removed && outcome.to_string().contains("--prune removes it"), "{outcome}");
    world.settings.prune = true;
    assert!(world.run(true).await.unwrap().strays[0].removed);
    assert_eq!(world.aws.count("delete"), 0);
    let outcome = world.publish().await;
    assert_eq!((outcome.strays.len(), world.aws.count("delete")), (1, 1));
    assert_eq!(world.aws.inside().snapshots.keys().collect::<Vec<_>>(), [&outcome.snapshot.unwrap()]);
    // One that is still written may be another run's.
    world.aws.inside().refuses = [5].into();
    world.settings.version = "3".to_owned();
    world.run(false).await.unwrap_err();
    world.settings.version = "2".to_owned();
    std::fs::remove_file(&world.settings.resume_file).unwrap();
    assert_eq!(world.publish().await.strays, []);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new();
    let outcome = world.run(true).await.unwrap();
    assert_eq!((outcome.sent, &outcome.ami, &outcome.snapshot), (4, &None, &None));
    assert!(world.aws.inside().changes.is_empty() && !world.settings.resume_file.exists());
    assert!(outcome.to_string().contains("Nothing was written"), "{outcome}");
}

#[tokio::test]
async fn a_volume_that_is_too_small_is_refused_before_anything_is_sent() {
    let mut world = World::new();
    world.settings.volume_gib = Some(0);
    let error = world.run(false).await.unwrap_err().to_string();
    assert!(error.contains("--volume-gib 0 is less than the image needs: 1"), "{error}");
    assert!(world.aws.inside().changes.is_empty());
}
