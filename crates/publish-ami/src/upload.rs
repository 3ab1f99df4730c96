//! The blocks, sixteen at a time, each with its checksum. In memory is what is on its way, never the image.

use std::fs::File;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use relais_host::clock;
use tokio::task::{JoinError, JoinSet};

use crate::error::PublishError;
use crate::image::Image;
use crate::plan::{BLOCK, Block, Plan, read_block, sum};
use crate::ports::Disk;
use crate::progress::{Done, Screen};
use crate::resume::Journal;

/// Blocks on their way at once: 8 MiB.
pub const AT_ONCE: usize = 16;

/// Sends every block that the journal does not have; how many that were. Told to `stop`, it leaves a good journal.
///
/// # Errors
/// [`PublishError`]; the journal has what was acknowledged until then.
pub async fn upload(
    disk: &Arc<dyn Disk>,
    image: &Image,
    plan: &Plan,
    journal: &mut Journal,
    screen: &Screen,
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<usize, PublishError> {
    let began = clock::now();
    let before = plan.blocks.iter().filter(|block| journal.has(block.index)).count();
    let (mut done, all) = (before, plan.blocks.len());
    let shown = |done: usize| Done {
        bytes: bytes(done),
        all: bytes(all),
        before: bytes(before),
        time: clock::now().since(began),
    };
    let missing: Vec<Block> = plan.blocks.iter().filter(|block| !journal.has(block.index)).copied().collect();
    let mut missing = missing.into_iter();
    let source = Source { file: Arc::new(image.file.try_clone().map_err(unreadable(&image.path))?), plan, image };
    let mut under_way = JoinSet::new();
    let outcome = loop {
        while under_way.len() < AT_ONCE {
            let Some(block) = missing.next() else { break };
            under_way.spawn(source.send(Arc::clone(disk), journal.snapshot().to_owned(), block));
        }
        let sent = tokio::select! {
            biased;
            () = stop.as_mut() => break Err(PublishError::Stopped { done, all }),
            sent = under_way.join_next() => sent,
        };
        match sent {
            None => break Ok(done - before),
            Some(Ok(Ok(index))) => {
                done += 1;
                screen.show("sent", &shown(done));
                if let Err(error) = journal.acknowledge(index, clock::now()) {
                    break Err(error);
                }
            }
            Some(Ok(Err(error))) => break Err(error),
            Some(Err(broken)) => break Err(lost(&image.path, broken)),
        }
    };
    // What is on its way beside a refused block may still arrive, and need not be sent again.
    while outcome.as_ref().is_err_and(|error| !matches!(error, PublishError::Stopped { .. })) {
        tokio::select! {
            biased;
            () = stop.as_mut() => break,
            sent = under_way.join_next() => match sent {
                None => break,
                Some(Ok(Ok(index))) => journal.acknowledge(index, clock::now())?,
                Some(Ok(Err(_)) | Err(_)) => {}
            },
        }
    }
    under_way.shutdown().await;
    journal.write(clock::now())?;
    outcome
}

fn bytes(blocks: usize) -> u64 {
    blocks as u64 * u64::from(BLOCK)
}

/// Where blocks come from.
struct Source<'a> {
    file: Arc<File>,
    plan: &'a Plan,
    image: &'a Image,
}

impl Source<'_> {
    fn send(
        &self,
        disk: Arc<dyn Disk>,
        snapshot: String,
        block: Block,
    ) -> impl Future<Output = Result<u32, PublishError>> + Send + 'static {
        let (file, length, path) = (Arc::clone(&self.file), self.plan.length, self.image.path.clone());
        async move {
            let read = tokio::task::spawn_blocking(move || {
                let (bytes, _) = read_block(&file, length, block.index)?;
                let now = sum(&bytes);
                Ok((bytes, now))
            });
            let (bytes, now) = match read.await {
                Ok(read) => read.map_err(unreadable(&path))?,
                Err(broken) => return Err(lost(&path, broken)),
            };
            if now != block.sum {
                return Err(PublishError::Changed { path, block: block.index });
            }
            disk.put(&snapshot, block.index, Bytes::from(bytes), block.sum).await?;
            Ok(block.index)
        }
    }
}

fn unreadable(path: &std::path::Path) -> impl Fn(io::Error) -> PublishError {
    let path: PathBuf = path.to_owned();
    move |why| PublishError::Unreadable { path: path.clone(), why }
}

/// A task that panicked or was thrown away.
fn lost(path: &std::path::Path, broken: JoinError) -> PublishError {
    unreadable(path)(io::Error::other(broken))
}
