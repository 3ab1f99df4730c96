//! The end of a publication: what is not needed any more goes, by the rules of [`retention`].

use relais_ec2::images::{Ami, SnapshotState};

use crate::error::PublishError;
use crate::outcome::{Outcome, Removed, Stays, Stray};
use crate::ports::Deleted;
use crate::publish::{Cloud, Job};
use crate::retention::{self, Fate, Known};

/// Removes old images by the rules, or tells which would go.
pub(crate) async fn clear(cloud: &Cloud<'_>, job: &Job<'_>, outcome: &mut Outcome) -> Result<(), PublishError> {
    let (registry, settings) = (cloud.registry, job.settings);
    let images = registry.images(&settings.ours()).await?;
    let ids: Vec<String> = images.iter().map(|image| image.id.clone()).collect();
    let machines = registry.machines_of(&ids).await?;
    let new = outcome.ami.clone().unwrap_or_default();
    let booted = images.iter().any(|image| image.id == new && retention::booted(image, &machines, &settings.project));
    let known = Known {
        new,
        ours: settings.ours(),
        keep: settings.keep,
        booted,
        asked: settings.prune,
        used: retention::used(&machines),
        named: outcome.parameter_before.clone().into_iter().collect(),
        templates: registry.in_templates().await?.into_iter().collect(),
    };
    strays(cloud, job, &images, outcome).await?;
    for (image, fate) in retention::decide(images, &known) {
        match fate {
            Fate::Stays(why) => {
                outcome.stays.push(Stays { ami: image.id, name: image.name, why: why.to_string() });
            }
            Fate::Goes => outcome.removed.push(remove(cloud, job, image).await?),
        }
    }
    Ok(())
}

/// Takes the image off the list, then deletes those of its snapshots that are ours.
async fn remove(cloud: &Cloud<'_>, job: &Job<'_>, image: Ami) -> Result<Removed, PublishError> {
    let mut removed = Removed { ami: image.id, name: image.name, snapshots: Vec::new(), left: Vec::new() };
    if !job.dry_run {
        cloud.registry.deregister(&removed.ami).await?;
    }
    for id in image.snapshots {
        let tags = cloud.registry.snapshot(&id).await?.map(|found| found.tags);
        match tags {
            None => {}
            Some(tags) if !retention::has(&tags, &job.settings.ours()) => {
                removed.left.push(format!("{id}, which lacks our tags"));
            }
            Some(_) if job.dry_run => removed.snapshots.push(id),
            Some(_) => match cloud.registry.delete_snapshot(&id).await? {
                Deleted::Gone => removed.snapshots.push(id),
                Deleted::InUse => removed.left.push(format!("{id}, which another image uses")),
            },
        }
    }
    Ok(removed)
}

/// Our snapshots that no image has: of a run that ended between two steps. One that is pending may be another run's.
async fn strays(cloud: &Cloud<'_>, job: &Job<'_>, images: &[Ami], outcome: &mut Outcome) -> Result<(), PublishError> {
    for snapshot in cloud.registry.snapshots(&job.settings.ours()).await? {
        let needed =
            images.iter().flat_map(|image| &image.snapshots).chain(&outcome.snapshot).any(|id| *id == snapshot.id);
        if needed || matches!(snapshot.state, SnapshotState::Pending(_)) {
            continue;
        }
        let goes =
            job.settings.prune && (job.dry_run || cloud.registry.delete_snapshot(&snapshot.id).await? == Deleted::Gone);
        outcome.strays.push(Stray { snapshot: snapshot.id, removed: goes });
    }
    Ok(())
}
