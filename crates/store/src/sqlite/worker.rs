//! A thread that owns a connection and does one call after the other.

use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::fault::{Fault, File};
use crate::error::StoreError;

/// Calls that wait for the thread; further callers wait to hand theirs over.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The sending end. The thread ends when it is dropped and the calls handed over are done.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    file: File,
}

impl Worker {
    /// Starts the thread; `last` is run on it when it is done, before it closes its connection.
    pub(super) fn spawn(
        name: &str,
        mut connection: Connection,
        file: &File,
        last: impl FnOnce() + Send + 'static,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut connection);
                }
                last();
            })
            .map_err(|error| file.unreachable(format_args!("no thread for it: {error}")))?;
        Ok((Self { jobs, file: file.clone() }, thread))
    }

    /// One transaction that takes the write lock before it looks, so that its condition and its effect are one step;
    /// rolled back unless `work` answers `Ok`.
    pub(super) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.call(TransactionBehavior::Immediate, work).await
    }

    /// One transaction that sees one state of the file.
    pub(super) async fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault<StoreError>> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
    {
        self.call(TransactionBehavior::Deferred, work).await
    }

    async fn call<T, E>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that went away has lost its answer; the work is done all the same.
            let _gone = answer.send(transact(connection, behavior, work));
        });
        if self.jobs.send(job).await.is_err() {
            return Err(self.file.unreachable("its thread has ended").into());
        }
        match answered.await {
            Ok(done) => done.map_err(|fault| fault.of(&self.file)),
            // The thread ended with the call in its hands: whether it was carried out is not known.
            Err(_closed) => Err(StoreError::Timeout.into()),
        }
    }
}

fn transact<T, E>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault<E>>,
) -> Result<T, Fault<E>> {
    let tx = connection.transaction_with_behavior(behavior)?;
    let done = work(&tx)?;
    tx.commit()?;
    Ok(done)
}
