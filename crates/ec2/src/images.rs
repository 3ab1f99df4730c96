//! Images and the snapshots below them: what `publish-ami` asks of EC2, in plain types.
//!
//! One call each, tried once: the caller knows what may be sent twice. Every look is at what this account owns.

mod words;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, Image, ImageState, ImdsSupportValues, Instance, InstanceStateName,
    ResourceType, Snapshot as Ec2Snapshot, SnapshotState as Ec2State, Tag, TagSpecification, VolumeType,
};
use relais_aws::{Fault, SdkConfig, fault};

use crate::tags::{filter, tagged};

pub use words::{Ami, AmiState, Architecture, BootMode, Life, Machine, NewImage, Snapshot, SnapshotState, Tags};

/// The images of one account and region.
#[derive(Debug, Clone)]
pub struct Images {
    client: Client,
}

impl Images {
    /// `account` as [`relais_aws::Place::connect`] gives it.
    #[must_use]
    pub fn new(account: &SdkConfig) -> Self {
        Self { client: Client::new(account) }
    }

    /// Our images that have all these tags.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn tagged(&self, tags: &Tags) -> Result<Vec<Ami>, Fault> {
        self.images(by(tags)).await
    }

    /// Our image of this name.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn named(&self, name: &str) -> Result<Option<Ami>, Fault> {
        Ok(self.images(vec![filter("name", [name.to_owned()])]).await?.pop())
    }

    /// Our image with this id.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn image(&self, id: &str) -> Result<Option<Ami>, Fault> {
        Ok(self.images(vec![filter("image-id", [id.to_owned()])]).await?.pop())
    }

    async fn images(&self, filters: Vec<Filter>) -> Result<Vec<Ami>, Fault> {
        let request = self.client.describe_images().owners("self").set_filters(Some(filters));
        let answer = request.send().await.map_err(|error| fault(&error))?;
        Ok(answer.images().iter().filter_map(ami).collect())
    }

    /// Our snapshots that have all these tags.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn snapshots_tagged(&self, tags: &Tags) -> Result<Vec<Snapshot>, Fault> {
        self.snapshots(by(tags)).await
    }

    /// Our snapshot with this id.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Fault> {
        Ok(self.snapshots(vec![filter("snapshot-id", [id.to_owned()])]).await?.pop())
    }

    async fn snapshots(&self, filters: Vec<Filter>) -> Result<Vec<Snapshot>, Fault> {
        let request = self.client.describe_snapshots().owner_ids("self").set_filters(Some(filters));
        let answer = request.send().await.map_err(|error| fault(&error))?;
        Ok(answer.snapshots().iter().filter_map(snapshot).collect())
    }

    /// Registers an image; its id. `InvalidAMIName.Duplicate` if its name is taken.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn register(&self, new: &NewImage) -> Result<String, Fault> {
        let disk = EbsBlockDevice::builder()
            .snapshot_id(&new.snapshot)
            .volume_size(i32::try_from(new.volume_gib).unwrap_or(i32::MAX))
            .volume_type(VolumeType::Gp3)
            .delete_on_termination(true);
        let root = BlockDeviceMapping::builder().device_name(&new.root_device).ebs(disk.build());
        let tags = new.tags.iter().map(|(name, value)| Tag::builder().key(name).value(value).build()).collect();
        let tags = TagSpecification::builder().resource_type(ResourceType::Image).set_tags(Some(tags));
        let request = self
            .client
            .register_image()
            .name(&new.name)
            .description(&new.description)
            .architecture(new.architecture.as_str().into())
            .boot_mode(new.boot_mode.as_str().into())
            .root_device_name(&new.root_device)
            .block_device_mappings(root.build())
            .virtualization_type("hvm")
            .ena_support(true)
            .imds_support(ImdsSupportValues::V20)
            .tag_specifications(tags.build());
        let answer = request.send().await.map_err(|error| fault(&error))?;
        answer.image_id().map(str::to_owned).ok_or_else(|| Fault::Unanswered("an answer without an image".to_owned()))
    }

    /// Takes an image off the list; its snapshots stay.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn deregister(&self, id: &str) -> Result<(), Fault> {
        self.client.deregister_image().image_id(id).send().await.map(drop).map_err(|error| fault(&error))
    }

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// [`Fault`]; `InvalidSnapshot.InUse` while an image has it.
    pub async fn delete_snapshot(&self, id: &str) -> Result<(), Fault> {
        self.client.delete_snapshot().snapshot_id(id).send().await.map(drop).map_err(|error| fault(&error))
    }

    /// The machines, of whomever in this account, that were made from one of these images.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn machines_of(&self, images: &[String]) -> Result<Vec<Machine>, Fault> {
        let (mut found, mut page) = (Vec::new(), None);
        if images.is_empty() {
            return Ok(found);
        }
        loop {
            let request = self.client.describe_instances().filters(filter("image-id", images.iter().cloned()));
            let answer = request.set_next_token(page).send().await.map_err(|error| fault(&error))?;
            found.extend(answer.reservations().iter().flat_map(|each| each.instances()).filter_map(machine));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// The images that the default and the latest version of any launch template name.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn in_templates(&self) -> Result<Vec<String>, Fault> {
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let request = self.client.describe_launch_templates().set_next_token(page);
            let answer = request.send().await.map_err(|error| fault(&error))?;
            for template in answer.launch_templates() {
                let request = self.client.describe_launch_template_versions();
                let request = request.set_launch_template_id(template.launch_template_id().map(str::to_owned));
                let request = request.versions("$Default").versions("$Latest");
                let versions = request.send().await.map_err(|error| fault(&error))?;
                let data = versions.launch_template_versions().iter().filter_map(|each| each.launch_template_data());
                found.extend(data.filter_map(|data| data.image_id()).map(str::to_owned));
            }
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

fn by(tags: &Tags) -> Vec<Filter> {
    tags.iter().map(|(name, value)| tagged(name, value)).collect()
}

fn plain(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
}

fn ami(image: &Image) -> Option<Ami> {
    let state = match image.state() {
        Some(ImageState::Available) => AmiState::Available,
        Some(ImageState::Pending | ImageState::Transient) | None => AmiState::Pending,
        Some(other) => {
            let why = image.state_reason().and_then(|reason| reason.message()).unwrap_or("no reason given");
            AmiState::Unusable(format!("{}: {why}", other.as_str()))
        }
    };
    let disks = image.block_device_mappings().iter().filter_map(|disk| disk.ebs()?.snapshot_id());
    Some(Ami {
        id: image.image_id()?.to_owned(),
        name: image.name().unwrap_or_default().to_owned(),
        created: image.creation_date().unwrap_or_default().to_owned(),
        state,
        architecture: image.architecture().map_or("", |word| word.as_str()).to_owned(),
        boot_mode: image.boot_mode().map_or("", |word| word.as_str()).to_owned(),
        snapshots: disks.map(str::to_owned).collect(),
        tags: plain(image.tags()),
        last_launched: image.last_launched_time().map(str::to_owned),
    })
}

fn snapshot(snapshot: &Ec2Snapshot) -> Option<Snapshot> {
    let state = match snapshot.state() {
        Some(Ec2State::Completed) => SnapshotState::Completed,
        Some(Ec2State::Pending) | None => SnapshotState::Pending(snapshot.progress().unwrap_or_default().to_owned()),
        Some(other) => {
            SnapshotState::Failed(format!("{}: {}", other.as_str(), snapshot.state_message().unwrap_or("no reason")))
        }
    };
    Some(Snapshot { id: snapshot.snapshot_id()?.to_owned(), state, tags: plain(snapshot.tags()) })
}

fn machine(instance: &Instance) -> Option<Machine> {
    let life = match instance.state()?.name()? {
        InstanceStateName::Pending => Life::Coming,
        InstanceStateName::Terminated => {
            ended(instance.state_reason().and_then(|reason| reason.code()).unwrap_or_default())
        }
        // A state that did not exist when this was written: whatever it is, the image is in use.
        _ => Life::There,
    };
    Some(Machine {
        id: instance.instance_id()?.to_owned(),
        image: instance.image_id()?.to_owned(),
        tags: plain(instance.tags()),
        life,
    })
}

/// A machine that could not be made ends as terminated too (EC2 API, `StateReason`): only these reasons say that it ran.
fn ended(reason: &str) -> Life {
    match reason {
        "Client.UserInitiatedShutdown"
        | "Client.UserInitiatedHibernate"
        | "Client.InstanceInitiatedShutdown"
        | "Server.SpotInstanceShutdown"
        | "Server.SpotInstanceTermination" => Life::Ran,
        _ => Life::NeverRan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_that_was_ended_from_outside_has_run() {
        assert_eq!(ended("Client.UserInitiatedShutdown"), Life::Ran);
        assert_eq!(ended("Server.SpotInstanceTermination"), Life::Ran);
        assert_eq!(ended("Server.InternalError"), Life::NeverRan);
        assert_eq!(ended("Client.VolumeLimitExceeded"), Life::NeverRan);
        assert_eq!(ended(""), Life::NeverRan);
    }

    #[test]
    fn a_state_that_is_not_known_is_never_usable() {
        let image = |state: &str| ami(&Image::builder().image_id("ami-1").state(state.into()).build()).unwrap().state;
        assert_eq!(image("available"), AmiState::Available);
        assert_eq!(image("pending"), AmiState::Pending);
        assert_eq!(image("failed"), AmiState::Unusable("failed: no reason given".to_owned()));
        assert!(matches!(image("new-word"), AmiState::Unusable(_)));
        let disk = |state: &str| {
            snapshot(&Ec2Snapshot::builder().snapshot_id("snap-1").state(state.into()).build()).unwrap().state
        };
        assert_eq!(disk("completed"), SnapshotState::Completed);
        assert!(matches!(disk("pending"), SnapshotState::Pending(_)));
        assert!(matches!(disk("error"), SnapshotState::Failed(_)));
    }
}
