//! The snapshot to publish: one that is there already, one that an earlier run began, or a new one.

use std::fmt::Write as _;

use relais_ec2::images::SnapshotState;
use relais_host::clock;

use crate::error::PublishError;
use crate::plan::{BLOCK, Plan};
use crate::ports::{Disk, NewSnapshot, Registry, Started};
use crate::progress::Screen;
use crate::resume::{self, Journal, Ranges, Upload};
use crate::settings::Settings;

/// Snapshots of this image that were given up, until nobody believes in the next one.
const MOST: usize = 5;

/// Where the blocks come to lie.
pub(crate) enum Place {
    /// Sealed, with every block of the image.
    There(String),
    /// It takes blocks.
    Open(Journal),
}

/// What an earlier run left, seen against what AWS says now.
#[derive(Debug)]
pub(crate) enum Earlier {
    /// Nothing.
    Nothing,
    /// A sealed snapshot.
    There(String),
    /// A snapshot that takes blocks, and those it has.
    Open(Upload, Ranges),
    /// One that was given up, and why.
    GivenUp(Option<String>, String),
}

/// What there is to go on with. Only looks.
pub(crate) async fn earlier(
    registry: &dyn Registry,
    disk: &dyn Disk,
    settings: &Settings,
    plan: &Plan,
    wanted: &Upload,
) -> Result<Earlier, PublishError> {
    let record = resume::load(&settings.resume_file)?;
    let mut left = Earlier::Nothing;
    if let Some(record) = record {
        left = match wanted.differs_from(&record.upload) {
            Some(why) => Earlier::GivenUp(None, why),
            None => {
                let id = record.upload.snapshot.clone();
                match registry.snapshot(&id).await?.map(|found| found.state) {
                    Some(SnapshotState::Pending(_)) => return Ok(Earlier::Open(record.upload, record.acknowledged)),
                    Some(SnapshotState::Completed) if is_whole(disk, plan, &id).await? => {
                        return Ok(Earlier::There(id));
                    }
                    Some(SnapshotState::Completed) => {
                        Earlier::GivenUp(Some(id.clone()), format!("snapshot {id} is not pending any more"))
                    }
                    Some(SnapshotState::Failed(why)) => {
                        Earlier::GivenUp(Some(id.clone()), format!("snapshot {id} was given up ({why})"))
                    }
                    None => Earlier::GivenUp(Some(id.clone()), format!("snapshot {id} is gone")),
                }
            }
        };
    }
    for found in registry.snapshots(&settings.identity(plan)).await? {
        if found.state == SnapshotState::Completed && is_whole(disk, plan, &found.id).await? {
            return Ok(Earlier::There(found.id));
        }
    }
    Ok(left)
}

/// A sealed snapshot is believed only if it has exactly the image's blocks.
async fn is_whole(disk: &dyn Disk, plan: &Plan, id: &str) -> Result<bool, PublishError> {
    let mut there = disk.list(id).await?;
    there.sort_unstable();
    Ok(there.iter().eq(plan.blocks.iter().map(|block| &block.index)))
}

/// Goes on with what there is, or begins anew, and says which.
pub(crate) async fn place(
    registry: &dyn Registry,
    disk: &dyn Disk,
    settings: &Settings,
    plan: &Plan,
    wanted: Upload,
    screen: &Screen,
) -> Result<Place, PublishError> {
    let path = &settings.resume_file;
    let mut given_up = None;
    match earlier(registry, disk, settings, plan, &wanted).await? {
        Earlier::Nothing => {}
        Earlier::There(id) => {
            screen.say(&format!("snapshot {id} has this image already"));
            return Ok(Place::There(id));
        }
        Earlier::Open(upload, acknowledged) => {
            let have = plan.blocks.iter().filter(|block| acknowledged.has(block.index)).count();
            screen.say(&format!(
                "going on with snapshot {}: {have} of {} blocks are there",
                upload.snapshot,
                plan.blocks.len()
            ));
            return Ok(Place::Open(Journal::begin(path, upload, acknowledged, clock::now())?));
        }
        Earlier::GivenUp(snapshot, why) => {
            screen.say(&format!("what an earlier run left is of no use: {why}; beginning anew"));
            given_up = snapshot;
        }
    }
    let volume_gib = volume(settings, plan)?;
    let mut last = String::new();
    for _ in 0..MOST {
        let new = new_snapshot(settings, plan, volume_gib, given_up.as_deref());
        let started = match disk.start(&new).await {
            Ok(started) => started,
            Err(refused) if refused.code() == "ConflictException" => {
                // The token was used with other words for the same image, by another version of this program.
                given_up = Some(format!("{}/", given_up.unwrap_or_default()));
                last = refused.to_string();
                continue;
            }
            Err(refused) => return Err(refused.into()),
        };
        if started.block_size != i64::from(BLOCK) {
            return Err(PublishError::BlockSize(started.block_size));
        }
        match now(registry, disk, plan, &started).await? {
            SnapshotState::Completed => return Ok(Place::There(started.id)),
            SnapshotState::Pending(_) => {
                screen.say(&format!("snapshot {} was begun, {volume_gib} GiB", started.id));
                let upload = Upload { snapshot: started.id, ..wanted };
                return Ok(Place::Open(Journal::begin(path, upload, Ranges::default(), clock::now())?));
            }
            SnapshotState::Failed(why) => {
                last.clear();
                let _ = write!(last, "{}: {why}", started.id);
                given_up = Some(started.id);
            }
        }
    }
    Err(PublishError::SnapshotFailed { id: given_up.unwrap_or_default(), why: last })
}

/// What a snapshot is now: the answer to a token that was used before tells what it was then.
async fn now(
    registry: &dyn Registry,
    disk: &dyn Disk,
    plan: &Plan,
    started: &Started,
) -> Result<SnapshotState, PublishError> {
    let state = registry.snapshot(&started.id).await?.map_or_else(|| started.state.clone(), |found| found.state);
    Ok(match state {
        SnapshotState::Completed if !is_whole(disk, plan, &started.id).await? => SnapshotState::Pending(String::new()),
        state => state,
    })
}

/// The root volume's size.
pub(crate) fn volume(settings: &Settings, plan: &Plan) -> Result<u32, PublishError> {
    settings
        .volume(plan)
        .map_err(|least| PublishError::TooSmall { asked: settings.volume_gib.unwrap_or_default(), least })
}

fn new_snapshot(settings: &Settings, plan: &Plan, volume_gib: u32, given_up: Option<&str>) -> NewSnapshot {
    NewSnapshot {
        token: settings.token(plan, volume_gib, given_up),
        volume_gib,
        description: settings.name(plan),
        tags: settings.identity(plan),
    }
}
