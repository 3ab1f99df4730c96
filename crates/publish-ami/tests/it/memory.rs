//! An AWS in memory: what it was asked is written down, and what it should do wrong can be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use relais_aws::Fault;
use relais_ec2::images::{Ami, AmiState, Machine, NewImage, Snapshot, SnapshotState, Tags};
use relais_publish_ami::Refused;
use relais_publish_ami::plan::{Sum, sum};
use relais_publish_ami::ports::{Deleted, Disk, NewSnapshot, Registry, Started};

/// What is said of a snapshot while it is sealed.
const SEALING: &str = "50%";

#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) images: Vec<(Ami, NewImage)>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) blocks: BTreeMap<String, BTreeMap<u32, Sum>>,
    pub(crate) tokens: BTreeMap<String, NewSnapshot>,
    pub(crate) ids_of_tokens: BTreeMap<String, String>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) templates: Vec<String>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Every call that changes something, in order.
    pub(crate) changes: Vec<String>,
    /// Blocks that are refused.
    pub(crate) refuses: BTreeSet<u32>,
    /// The next seal is done, and its answer lost.
    pub(crate) loses_the_seal: bool,
    /// Sealing a snapshot and making an image available take a look each.
    pub(crate) is_slow: bool,
    /// The next registration is done by somebody else, just before.
    pub(crate) is_second: bool,
    next: u32,
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Inside>);

impl Memory {
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// How often something that begins so was changed.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.inside().changes.iter().filter(|change| change.starts_with(beginning)).count()
    }
}

fn said(call: &'static str, code: &str) -> Refused {
    Refused { call, fault: Fault::Said { code: code.to_owned(), status: 400, message: String::new() } }
}

fn all(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, value)| tags.get(name) == Some(value))
}

#[async_trait]
impl Registry for Memory {
    async fn images(&self, tags: &Tags) -> Result<Vec<Ami>, Refused> {
        Ok(self.inside().images.iter().map(|(ami, _)| ami).filter(|ami| all(&ami.tags, tags)).cloned().collect())
    }

    async fn image_named(&self, name: &str) -> Result<Option<Ami>, Refused> {
        Ok(self.inside().images.iter().map(|(ami, _)| ami).find(|ami| ami.name == name).cloned())
    }

    async fn image(&self, id: &str) -> Result<Option<Ami>, Refused> {
        let mut inside = self.inside();
        let Some((ami, _)) = inside.images.iter_mut().find(|(ami, _)| ami.id == id) else { return Ok(None) };
        let seen = ami.clone();
        ami.state = AmiState::Available;
        Ok(Some(seen))
    }

    async fn register(&self, new: &NewImage) -> Result<Option<String>, Refused> {
        let mut inside = self.inside();
        if inside.images.iter().any(|(ami, _)| ami.name == new.name) {
            return Ok(None);
        }
        if inside.snapshots.get(&new.snapshot).is_none_or(|found| found.state != SnapshotState::Completed) {
            return Err(said("ec2:RegisterImage", "InvalidSnapshot.NotReady"));
        }
        inside.next += 1;
        let ami = Ami {
            id: format!("ami-{}", inside.next),
            name: new.name.clone(),
            created: format!("2026-11-01T00:00:{:02}.000Z", inside.next),
            state: if inside.is_slow { AmiState::Pending } else { AmiState::Available },
            architecture: new.architecture.as_str().to_owned(),
            boot_mode: new.boot_mode.as_str().to_owned(),
            snapshots: vec![new.snapshot.clone()],
            tags: new.tags.clone(),
            last_launched: None,
        };
        let id = ami.id.clone();
        inside.images.push((ami, new.clone()));
        inside.changes.push(format!("register {id}"));
        Ok((!std::mem::take(&mut inside.is_second)).then_some(id))
    }

    async fn deregister(&self, id: &str) -> Result<(), Refused> {
        let mut inside = self.inside();
        inside.images.retain(|(ami, _)| ami.id != id);
        inside.changes.push(format!("deregister {id}"));
        Ok(())
    }

    async fn snapshots(&self, tags: &Tags) -> Result<Vec<Snapshot>, Refused> {
        Ok(self.inside().snapshots.values().filter(|snapshot| all(&snapshot.tags, tags)).cloned().collect())
    }

    async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Refused> {
        let mut inside = self.inside();
        let Some(snapshot) = inside.snapshots.get_mut(id) else { return Ok(None) };
        let seen = snapshot.clone();
        if seen.state == SnapshotState::Pending(SEALING.to_owned()) {
            snapshot.state = SnapshotState::Completed;
        }
        Ok(Some(seen))
    }

    async fn delete_snapshot(&self, id: &str) -> Result<Deleted, Refused> {
        let mut inside = self.inside();
        if inside.images.iter().any(|(ami, _)| ami.snapshots.iter().any(|one| one == id)) {
            return Ok(Deleted::InUse);
        }
        inside.snapshots.remove(id);
        inside.changes.push(format!("delete {id}"));
        Ok(Deleted::Gone)
    }

    async fn machines_of(&self, images: &[String]) -> Result<Vec<Machine>, Refused> {
        Ok(self.inside().machines.iter().filter(|machine| images.contains(&machine.image)).cloned().collect())
    }

    async fn in_templates(&self) -> Result<Vec<String>, Refused> {
        Ok(self.inside().templates.clone())
    }

    async fn parameter(&self, name: &str) -> Result<Option<String>, Refused> {
        Ok(self.inside().parameters.get(name).cloned())
    }

    async fn set_parameter(&self, name: &str, value: &str) -> Result<(), Refused> {
        let mut inside = self.inside();
        assert!(inside.images.iter().any(|(ami, _)| ami.id == value && ami.state == AmiState::Available));
        inside.parameters.insert(name.to_owned(), value.to_owned());
        inside.changes.push(format!("set {name} {value}"));
        Ok(())
    }
}

#[async_trait]
impl Disk for Memory {
    async fn start(&self, new: &NewSnapshot) -> Result<Started, Refused> {
        let mut inside = self.inside();
        if let Some(earlier) = inside.tokens.get(&new.token) {
            if earlier != new {
                return Err(said("ebs:StartSnapshot", "ConflictException"));
            }
            let id = inside.ids_of_tokens[&new.token].clone();
            // As the first answer was, whatever has become of it.
            return Ok(Started { id, state: SnapshotState::Pending(String::new()), block_size: 524_288 });
        }
        inside.next += 1;
        let id = format!("snap-{}", inside.next);
        let state = SnapshotState::Pending(String::new());
        let snapshot = Snapshot { id: id.clone(), state: state.clone(), tags: new.tags.clone() };
        inside.snapshots.insert(id.clone(), snapshot);
        inside.tokens.insert(new.token.clone(), new.clone());
        inside.ids_of_tokens.insert(new.token.clone(), id.clone());
        inside.changes.push(format!("start {id}"));
        Ok(Started { id, state, block_size: 524_288 })
    }

    async fn put(&self, snapshot: &str, index: u32, bytes: Bytes, checksum: Sum) -> Result<(), Refused> {
        let mut inside = self.inside();
        let pending = inside.snapshots.get(snapshot).map(|found| matches!(found.state, SnapshotState::Pending(_)));
        if pending != Some(true) {
            return Err(said("ebs:PutSnapshotBlock", "ResourceNotFoundException"));
        }
        if inside.refuses.contains(&index) {
            return Err(said("ebs:PutSnapshotBlock", "ExpiredTokenException"));
        }
        assert_eq!((bytes.len(), sum(&bytes)), (524_288, checksum));
        inside.blocks.entry(snapshot.to_owned()).or_default().insert(index, checksum);
        inside.changes.push(format!("put {snapshot} {index}"));
        Ok(())
    }

    async fn complete(&self, snapshot: &str, blocks: u32, linear: Sum) -> Result<(), Refused> {
        let mut inside = self.inside();
        let there = inside.blocks.get(snapshot).cloned().unwrap_or_default();
        let all: Vec<u8> = there.values().flatten().copied().collect();
        if there.len() != blocks as usize || sum(&all) != linear {
            return Err(said("ebs:CompleteSnapshot", "ValidationException"));
        }
        let slow = inside.is_slow;
        inside.snapshots.get_mut(snapshot).unwrap().state =
            if slow { SnapshotState::Pending(SEALING.to_owned()) } else { SnapshotState::Completed };
        inside.changes.push(format!("complete {snapshot}"));
        if std::mem::take(&mut inside.loses_the_seal) {
            return Err(said("ebs:CompleteSnapshot", "ValidationException"));
        }
        Ok(())
    }

    async fn list(&self, snapshot: &str) -> Result<Vec<u32>, Refused> {
        Ok(self.inside().blocks.get(snapshot).map(|blocks| blocks.keys().copied().collect()).unwrap_or_default())
    }
}
