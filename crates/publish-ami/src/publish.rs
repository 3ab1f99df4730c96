//! The steps in order: look for what is there, send what is missing, register, wait, name it, clear away.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use relais_ec2::images::{Ami, AmiState, BootMode, SnapshotState};
use relais_host::clock;
use tokio::time::sleep;

use crate::clear::clear;
use crate::error::PublishError;
use crate::image::Image;
use crate::outcome::{ImageSize, Outcome, Spared};
use crate::plan::Plan;
use crate::ports::{Disk, Registry};
use crate::progress::{Done, Screen};
use crate::resume::{self, Upload};
use crate::settings::{DIGEST, NAR_HASH, PROJECT, ROLE, Settings};
use crate::snapshot::{self, Earlier, Place};
use crate::upload::upload;

/// The first pause between two looks; it doubles.
const LOOK: Duration = Duration::from_millis(500);
/// The longest pause between two looks.
const LONGEST_LOOK: Duration = Duration::from_secs(15);
/// Sealing takes minutes for an image of some gigabytes; this is for an account that is very busy.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// What it is published with.
pub struct Cloud<'a> {
    /// Images and what belongs to them.
    pub registry: &'a dyn Registry,
    /// Blocks.
    pub disk: Arc<dyn Disk>,
    /// Where all of it is.
    pub region: String,
}

/// What is published.
#[derive(Debug)]
pub struct Job<'a> {
    /// As which.
    pub settings: &'a Settings,
    /// The image.
    pub image: &'a Image,
    /// Its blocks.
    pub plan: &'a Plan,
    /// Its firmware.
    pub boot_mode: BootMode,
    /// Only look and tell.
    pub dry_run: bool,
}

impl Job<'_> {
    fn wanted(&self, region: &str) -> Result<Upload, PublishError> {
        let volume_gib = snapshot::volume(self.settings, self.plan)?;
        Ok(Upload {
            snapshot: String::new(),
            region: region.to_owned(),
            identity: self.settings.token(self.plan, volume_gib, None),
            length: self.plan.length,
            digest: self.plan.hex(),
        })
    }

    fn outcome(&self) -> Result<Outcome, PublishError> {
        let blocks = self.plan.blocks.len();
        Ok(Outcome {
            dry_run: self.dry_run,
            image: ImageSize { bytes: self.plan.length, blocks, empty: self.plan.all() - blocks as u64 },
            snapshot: None,
            earlier: Spared::Nothing,
            sent: 0,
            name: self.settings.name(self.plan),
            ami: None,
            architecture: self.settings.architecture.as_str(),
            boot_mode: self.boot_mode.as_str(),
            volume_gib: snapshot::volume(self.settings, self.plan)?,
            parameter: self.settings.parameter.clone(),
            parameter_before: None,
            stays: Vec::new(),
            removed: Vec::new(),
            strays: Vec::new(),
        })
    }
}

/// Reads the image and shows how far it is. `stopped` is asked after every block.
///
/// # Errors
/// The image cannot be read, or it was stopped.
pub fn read(image: &Image, screen: &Screen, stopped: impl Fn() -> bool) -> Result<Plan, PublishError> {
    let began = clock::now();
    let plan = Plan::read(&image.file, image.length, |bytes| {
        let done =
            Done { bytes: bytes.min(image.length), all: image.length, before: 0, time: clock::now().since(began) };
        screen.show("read", &done);
        if stopped() { Err(io::Error::other("stopped before anything was sent")) } else { Ok(()) }
    });
    plan.map_err(|why| PublishError::Unreadable { path: image.path.clone(), why })
}

/// Publishes an image, or only tells what would be done. Told to `stop` while blocks are sent, it ends so that it can be gone
/// on with.
///
/// # Errors
/// [`PublishError`]; what was done until then is found by the next run.
pub async fn publish(
    cloud: &Cloud<'_>,
    job: &Job<'_>,
    screen: &Screen,
    stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<Outcome, PublishError> {
    let mut outcome = job.outcome()?;
    if let Some(there) = cloud.registry.image_named(&outcome.name).await? {
        is_the_same(&there, job)?;
        outcome.earlier = Spared::Registration;
        outcome.snapshot = there.snapshots.first().cloned();
        outcome.ami = Some(there.id);
    } else if job.dry_run {
        foresee(cloud, job, &mut outcome).await?;
    } else {
        let snapshot = send(cloud, job, screen, stop, &mut outcome).await?;
        outcome.ami = Some(register(cloud, job, &snapshot).await?);
        outcome.snapshot = Some(snapshot);
    }
    outcome.parameter_before = cloud.registry.parameter(&outcome.parameter).await?;
    if !job.dry_run
        && let Some(ami) = &outcome.ami
    {
        available(cloud, ami, screen).await?;
        if outcome.parameter_before.as_ref() != Some(ami) {
            cloud.registry.set_parameter(&outcome.parameter, ami).await?;
        }
    }
    if !job.dry_run {
        resume::remove(&job.settings.resume_file)?;
    }
    clear(cloud, job, &mut outcome).await?;
    Ok(outcome)
}

/// An image of our name that is another image is never taken for ours.
fn is_the_same(there: &Ami, job: &Job<'_>) -> Result<(), PublishError> {
    let wanted = job.settings.identity(job.plan);
    let tag = |name: &'static str| {
        let ours = wanted.get(name).map_or("", String::as_str);
        (name, there.tags.get(name).map_or("not set", String::as_str), ours)
    };
    let same = [
        tag(DIGEST),
        tag(NAR_HASH),
        tag(PROJECT),
        tag(ROLE),
        ("architecture", there.architecture.as_str(), job.settings.architecture.as_str()),
        ("boot mode", there.boot_mode.as_str(), job.boot_mode.as_str()),
    ];
    match same.into_iter().find(|(_, theirs, ours)| theirs != ours) {
        None => Ok(()),
        Some((what, theirs, ours)) => Err(PublishError::NameTaken {
            name: there.name.clone(),
            id: there.id.clone(),
            what,
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        }),
    }
}

/// What would be sent.
async fn foresee(cloud: &Cloud<'_>, job: &Job<'_>, outcome: &mut Outcome) -> Result<(), PublishError> {
    let wanted = job.wanted(&cloud.region)?;
    let all = job.plan.blocks.len();
    match snapshot::earlier(cloud.registry, &*cloud.disk, job.settings, job.plan, &wanted).await? {
        Earlier::Nothing | Earlier::GivenUp(..) => outcome.sent = all,
        Earlier::There(id) => (outcome.snapshot, outcome.earlier) = (Some(id), Spared::Upload),
        Earlier::Open(upload, have) => {
            outcome.sent = job.plan.blocks.iter().filter(|block| !have.has(block.index)).count();
            (outcome.snapshot, outcome.earlier) = (Some(upload.snapshot), Spared::Blocks);
        }
    }
    Ok(())
}

/// Sends what is missing; the sealed snapshot.
async fn send(
    cloud: &Cloud<'_>,
    job: &Job<'_>,
    screen: &Screen,
    stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    outcome: &mut Outcome,
) -> Result<String, PublishError> {
    let wanted = job.wanted(&cloud.region)?;
    let place = snapshot::place(cloud.registry, &*cloud.disk, job.settings, job.plan, wanted, screen).await?;
    let mut journal = match place {
        Place::There(id) => {
            outcome.earlier = Spared::Upload;
            return Ok(id);
        }
        Place::Open(journal) => journal,
    };
    let id = journal.snapshot().to_owned();
    outcome.sent = upload(&cloud.disk, job.image, job.plan, &mut journal, screen, stop).await?;
    let blocks = job.plan.blocks.len();
    if outcome.sent < blocks {
        outcome.earlier = Spared::Blocks;
    }
    let count = u32::try_from(blocks).unwrap_or(u32::MAX);
    if let Err(refused) = cloud.disk.complete(&id, count, job.plan.linear()).await {
        // An answer may have been lost, and the same again refused because it was done.
        let now = cloud.registry.snapshot(&id).await?.map(|found| found.state);
        if now != Some(SnapshotState::Completed) {
            return Err(refused.into());
        }
    }
    sealed(cloud, &id, screen).await?;
    Ok(id)
}

/// Waits until the snapshot can be used.
async fn sealed(cloud: &Cloud<'_>, id: &str, screen: &Screen) -> Result<(), PublishError> {
    let mut looks = Looks::new();
    let mut told = String::new();
    loop {
        match cloud.registry.snapshot(id).await?.map(|found| found.state) {
            Some(SnapshotState::Completed) => return Ok(()),
            Some(SnapshotState::Failed(why)) => return Err(PublishError::SnapshotFailed { id: id.to_owned(), why }),
            Some(SnapshotState::Pending(done)) if done != told => {
                screen.say(&format!("snapshot {id} is being sealed {done}"));
                told = done;
            }
            Some(SnapshotState::Pending(_)) | None => {}
        }
        looks.pause(|| format!("snapshot {id}")).await?;
    }
}

/// Registers the image. Whoever lost the answer, or was second, finds it by its name.
async fn register(cloud: &Cloud<'_>, job: &Job<'_>, snapshot: &str) -> Result<String, PublishError> {
    let volume_gib = snapshot::volume(job.settings, job.plan)?;
    let new = job.settings.new_image(job.plan, job.boot_mode, volume_gib, snapshot);
    if let Some(id) = cloud.registry.register(&new).await? {
        return Ok(id);
    }
    let mut looks = Looks::new();
    loop {
        if let Some(there) = cloud.registry.image_named(&new.name).await? {
            is_the_same(&there, job)?;
            return Ok(there.id);
        }
        looks.pause(|| format!("image {}", new.name)).await?;
    }
}

/// Waits until machines can be made from the image.
async fn available(cloud: &Cloud<'_>, id: &str, screen: &Screen) -> Result<(), PublishError> {
    let mut looks = Looks::new();
    loop {
        match cloud.registry.image(id).await?.map(|found| found.state) {
            Some(AmiState::Available) => return Ok(()),
            Some(AmiState::Unusable(why)) => return Err(PublishError::ImageFailed { id: id.to_owned(), why }),
            Some(AmiState::Pending) | None if looks.first => screen.say(&format!("image {id} is being made available")),
            Some(AmiState::Pending) | None => {}
        }
        looks.pause(|| format!("image {id}")).await?;
    }
}

/// The pauses between looks at something that takes its time.
struct Looks {
    began: relais_failover::Timestamp,
    next: Duration,
    first: bool,
}

impl Looks {
    fn new() -> Self {
        Self { began: clock::now(), next: LOOK, first: true }
    }

    async fn pause(&mut self, what: impl Fn() -> String) -> Result<(), PublishError> {
        if clock::now().since(self.began) >= PATIENCE {
            return Err(PublishError::Late { what: what(), minutes: PATIENCE.as_secs() / 60 });
        }
        sleep(self.next).await;
        (self.next, self.first) = ((self.next * 2).min(LONGEST_LOOK), false);
        Ok(())
    }
}
