//! What is asked of AWS, in the words of this program. [`account`](crate::account) asks AWS, tests ask a map in memory.

use async_trait::async_trait;
use bytes::Bytes;
use relais_ec2::images::{Ami, Machine, NewImage, Snapshot, SnapshotState, Tags};

use crate::error::Refused;
use crate::plan::Sum;

/// Images, snapshots, machines, and the parameter that names the image to boot.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Our images with these tags.
    async fn images(&self, tags: &Tags) -> Result<Vec<Ami>, Refused>;
    /// Our image of this name.
    async fn image_named(&self, name: &str) -> Result<Option<Ami>, Refused>;
    /// Our image with this id.
    async fn image(&self, id: &str) -> Result<Option<Ami>, Refused>;
    /// Registers an image; its id, or nothing if the name is taken.
    async fn register(&self, new: &NewImage) -> Result<Option<String>, Refused>;
    /// Takes an image off the list; one that is not there is no error.
    async fn deregister(&self, id: &str) -> Result<(), Refused>;
    /// Our snapshots with these tags.
    async fn snapshots(&self, tags: &Tags) -> Result<Vec<Snapshot>, Refused>;
    /// Our snapshot with this id.
    async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Refused>;
    /// Deletes a snapshot, or says that an image still has it. One that is not there is no error.
    async fn delete_snapshot(&self, id: &str) -> Result<Deleted, Refused>;
    /// Machines, of whomever in this account, that were made from these images.
    async fn machines_of(&self, images: &[String]) -> Result<Vec<Machine>, Refused>;
    /// Images that a launch template names.
    async fn in_templates(&self) -> Result<Vec<String>, Refused>;
    /// The parameter's value, if there is one.
    async fn parameter(&self, name: &str) -> Result<Option<String>, Refused>;
    /// Sets the parameter.
    async fn set_parameter(&self, name: &str, value: &str) -> Result<(), Refused>;
}

/// What became of a snapshot that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// Another image has it.
    InUse,
}

/// A snapshot to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The same token and the same rest give the same snapshot.
    pub token: String,
    /// The volume's size, GiB.
    pub volume_gib: u32,
    /// For people.
    pub description: String,
    /// The snapshot's tags.
    pub tags: Tags,
}

/// A snapshot that was begun, now or by an earlier call with the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// `snap-…`.
    pub id: String,
    /// As it was when it was begun.
    pub state: SnapshotState,
    /// The size of a block, bytes.
    pub block_size: i64,
}

/// The EBS direct APIs.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Begins a snapshot. `ConflictException` if the token was used with another rest.
    async fn start(&self, new: &NewSnapshot) -> Result<Started, Refused>;
    /// Writes a block; the same block may be written again.
    async fn put(&self, snapshot: &str, index: u32, bytes: Bytes, sum: Sum) -> Result<(), Refused>;
    /// Seals a snapshot of so many blocks with this [linear](crate::plan::Plan::linear) checksum.
    async fn complete(&self, snapshot: &str, blocks: u32, linear: Sum) -> Result<(), Refused>;
    /// The indexes of the blocks of a sealed snapshot.
    async fn list(&self, snapshot: &str) -> Result<Vec<u32>, Refused>;
}
