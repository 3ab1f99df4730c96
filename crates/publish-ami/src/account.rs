//! The ports on the SDK: images by `relais-ec2`, blocks by the EBS direct APIs, the parameter by SSM.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_ebs::error::SdkError;
use aws_sdk_ebs::operation::put_snapshot_block::PutSnapshotBlockError;
use aws_sdk_ebs::primitives::ByteStream;
use aws_sdk_ebs::types::{ChecksumAggregationMethod, ChecksumAlgorithm, Status, Tag, ValidationExceptionReason};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use aws_smithy_types::base64;
use bytes::Bytes;
use relais_aws::{Fault, SdkConfig, fault};
use relais_ec2::images::{Ami, Images, Machine, NewImage, Snapshot, SnapshotState, Tags};

use crate::error::Refused;
use crate::plan::{BLOCK, Sum};
use crate::ports::{Deleted, Disk, NewSnapshot, Registry, Started};
use crate::tries::{self, CALL, tries};

/// A snapshot that gets no block for so long is given up by AWS: a day to go on with an upload that was cut short.
const OPEN_FOR_MINUTES: i32 = 24 * 60;

/// One account and region.
#[derive(Debug, Clone)]
pub struct Account {
    images: Images,
    ebs: aws_sdk_ebs::Client,
    ssm: aws_sdk_ssm::Client,
}

impl Account {
    /// `account` as [`relais_aws::Place::connect`] gives it.
    #[must_use]
    pub fn new(account: &SdkConfig) -> Self {
        Self {
            images: Images::new(account),
            ebs: aws_sdk_ebs::Client::new(account),
            ssm: aws_sdk_ssm::Client::new(account),
        }
    }
}

/// Nothing, where a thing that should go is gone.
fn gone(done: Result<(), Refused>, codes: &[&str]) -> Result<(), Refused> {
    match done {
        Err(refused) if codes.contains(&refused.code()) => Ok(()),
        done => done,
    }
}

#[async_trait]
impl Registry for Account {
    async fn images(&self, tags: &Tags) -> Result<Vec<Ami>, Refused> {
        tries("ec2:DescribeImages", CALL, || self.images.tagged(tags)).await
    }

    async fn image_named(&self, name: &str) -> Result<Option<Ami>, Refused> {
        tries("ec2:DescribeImages", CALL, || self.images.named(name)).await
    }

    async fn image(&self, id: &str) -> Result<Option<Ami>, Refused> {
        tries("ec2:DescribeImages", CALL, || self.images.image(id)).await
    }

    async fn register(&self, new: &NewImage) -> Result<Option<String>, Refused> {
        match tries("ec2:RegisterImage", CALL, || self.images.register(new)).await {
            Ok(id) => Ok(Some(id)),
            Err(refused) if refused.code() == "InvalidAMIName.Duplicate" => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    async fn deregister(&self, id: &str) -> Result<(), Refused> {
        let done = tries("ec2:DeregisterImage", CALL, || self.images.deregister(id)).await;
        gone(done, &["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"])
    }

    async fn snapshots(&self, tags: &Tags) -> Result<Vec<Snapshot>, Refused> {
        tries("ec2:DescribeSnapshots", CALL, || self.images.snapshots_tagged(tags)).await
    }

    async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Refused> {
        tries("ec2:DescribeSnapshots", CALL, || self.images.snapshot(id)).await
    }

    async fn delete_snapshot(&self, id: &str) -> Result<Deleted, Refused> {
        let done = tries("ec2:DeleteSnapshot", CALL, || self.images.delete_snapshot(id)).await;
        match gone(done, &["InvalidSnapshot.NotFound"]) {
            Ok(()) => Ok(Deleted::Gone),
            Err(refused) if refused.code() == "InvalidSnapshot.InUse" => Ok(Deleted::InUse),
            Err(refused) => Err(refused),
        }
    }

    async fn machines_of(&self, images: &[String]) -> Result<Vec<Machine>, Refused> {
        tries("ec2:DescribeInstances", CALL, || self.images.machines_of(images)).await
    }

    async fn in_templates(&self) -> Result<Vec<String>, Refused> {
        tries("ec2:DescribeLaunchTemplates and ec2:DescribeLaunchTemplateVersions", CALL, || self.images.in_templates())
            .await
    }

    async fn parameter(&self, name: &str) -> Result<Option<String>, Refused> {
        let asked = || async { self.ssm.get_parameter().name(name).send().await.map_err(|error| fault(&error)) };
        match tries("ssm:GetParameter", CALL, asked).await {
            Ok(answer) => Ok(answer.parameter().and_then(|found| found.value()).map(str::to_owned)),
            Err(refused) if refused.code() == "ParameterNotFound" => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    async fn set_parameter(&self, name: &str, value: &str) -> Result<(), Refused> {
        tries("ssm:PutParameter", CALL, || async {
            let request = self.ssm.put_parameter().name(name).value(value).overwrite(true);
            let request = request.r#type(ParameterType::String).tier(ParameterTier::Standard);
            request.send().await.map(drop).map_err(|error| fault(&error))
        })
        .await
    }
}

#[async_trait]
impl Disk for Account {
    async fn start(&self, new: &NewSnapshot) -> Result<Started, Refused> {
        let tag = |(name, value): (&String, &String)| Tag::builder().key(name).value(value).build();
        let tags: Vec<Tag> = new.tags.iter().map(tag).collect();
        let answer = tries("ebs:StartSnapshot", CALL, || async {
            let request = self.ebs.start_snapshot().volume_size(i64::from(new.volume_gib)).client_token(&new.token);
            let request = request.description(&new.description).timeout(OPEN_FOR_MINUTES);
            request.set_tags(Some(tags.clone())).send().await.map_err(|error| fault(&error))
        })
        .await?;
        let state = match answer.status() {
            Some(Status::Completed) => SnapshotState::Completed,
            Some(Status::Error) => SnapshotState::Failed("error".to_owned()),
            _ => SnapshotState::Pending(String::new()),
        };
        let Some(id) = answer.snapshot_id().map(str::to_owned) else {
            let fault = Fault::Unanswered("an answer without a snapshot".to_owned());
            return Err(Refused { call: "ebs:StartSnapshot", fault });
        };
        Ok(Started { id, state, block_size: i64::from(answer.block_size().unwrap_or_default()) })
    }

    async fn put(&self, snapshot: &str, index: u32, bytes: Bytes, sum: Sum) -> Result<(), Refused> {
        let (index, sum) = (i32::try_from(index).unwrap_or(i32::MAX), base64::encode(sum));
        let length = i32::try_from(BLOCK).unwrap_or(i32::MAX);
        tries("ebs:PutSnapshotBlock", tries::BLOCK, || async {
            let request = self.ebs.put_snapshot_block().snapshot_id(snapshot).block_index(index);
            let request = request.checksum(&sum).checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256);
            let request = request.data_length(length).block_data(ByteStream::from(bytes.clone()));
            request.send().await.map(drop).map_err(|error| put_fault(&error))
        })
        .await
    }

    async fn complete(&self, snapshot: &str, blocks: u32, linear: Sum) -> Result<(), Refused> {
        let (blocks, linear) = (i32::try_from(blocks).unwrap_or(i32::MAX), base64::encode(linear));
        // An earlier try may have been carried out. It counts as one until it is known not to have been: a try that runs out
        // of time ends in the middle of this.
        let lost = AtomicBool::new(false);
        tries("ebs:CompleteSnapshot", CALL, || async {
            let request = self.ebs.complete_snapshot().snapshot_id(snapshot).changed_blocks_count(blocks);
            let request = request.checksum(&linear).checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256);
            let request = request.checksum_aggregation_method(ChecksumAggregationMethod::ChecksumAggregationLinear);
            let before = lost.swap(true, Ordering::Relaxed);
            let Err(error) = request.send().await else { return Ok(()) };
            let fault = fault(&error);
            if before && is_no_longer_open(&fault) {
                // Whoever waits for the snapshot sees how it fares.
                return Ok(());
            }
            let undone = match &fault {
                Fault::NeverSent(_) => true,
                Fault::Unanswered(_) => false,
                Fault::Said { status, .. } => *status < 500,
            };
            if undone {
                lost.store(before, Ordering::Relaxed);
            }
            Err(fault)
        })
        .await
    }

    async fn list(&self, snapshot: &str) -> Result<Vec<u32>, Refused> {
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let answer = tries("ebs:ListSnapshotBlocks", CALL, || async {
                let request = self.ebs.list_snapshot_blocks().snapshot_id(snapshot).set_next_token(page.clone());
                request.send().await.map_err(|error| fault(&error))
            })
            .await?;
            found.extend(answer.blocks().iter().filter_map(|block| u32::try_from(block.block_index()?).ok()));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What is said of a snapshot that cannot be sealed, such as one that is sealed.
fn is_no_longer_open(fault: &Fault) -> bool {
    let codes = ["ValidationException", "ConflictException", "ResourceNotFoundException"];
    matches!(fault, Fault::Said { code, .. } if codes.contains(&code.as_str()))
}

/// A block that came too slowly is called invalid, and is good when it is sent again.
fn put_fault(error: &SdkError<PutSnapshotBlockError, aws_sdk_ebs::config::http::HttpResponse>) -> Fault {
    match error.as_service_error() {
        Some(PutSnapshotBlockError::ValidationException(said))
            if said.reason() == Some(&ValidationExceptionReason::WriteRequestTimeout) =>
        {
            Fault::Unanswered("the block came too slowly".to_owned())
        }
        _ => fault(error),
    }
}
