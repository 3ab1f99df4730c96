//! A thread that owns a connection and does one call after the other; calls that wait meanwhile share a transaction.

use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::fault::{Fault, File};
use super::group::{self, Call};
use crate::error::StoreError;

/// Calls that wait for the thread; further callers wait to hand theirs over.
const QUEUE: usize = 256;

type Handed = Box<dyn Call>;

/// How a thread's transactions are.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Of the thread and of its name.
    pub(super) name: &'static str,
    /// When they lock.
    pub(super) behavior: TransactionBehavior,
    /// The most calls that share one.
    pub(super) most: usize,
}

/// The sending end. The thread ends when it is dropped and the calls handed over are done.
#[derive(Debug)]
pub(super) struct Worker {
    calls: mpsc::Sender<Handed>,
    file: File,
}

impl Worker {
    /// Starts the thread; `last` is run on it when it is done, before it closes its connection.
    pub(super) fn spawn(
        manner: Manner,
        mut connection: Connection,
        file: &File,
        last: impl FnOnce() + Send + 'static,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (calls, mut waiting) = mpsc::channel::<Handed>(QUEUE);
        let thread = std::thread::Builder::new()
            .name(manner.name.to_owned())
            .spawn(move || {
                while let Some(first) = waiting.blocking_recv() {
                    let mut calls = vec![first];
                    while calls.len() < manner.most
                        && let Ok(next) = waiting.try_recv()
                    {
                        calls.push(next);
                    }
                    group::carry_out(&mut connection, manner.behavior, &mut calls);
                    for call in calls {
                        call.answer();
                    }
                }
                last();
            })
            .map_err(|error| file.unreachable(format_args!("no thread for it: {error}")))?;
        Ok((Self { calls, file: file.clone() }, thread))
    }

    /// Hands `work` over and waits for what it comes to. All of it happens, or, unless it answers `Ok`, nothing. It may be
    /// called more than once; what was done before then came to nothing.
    pub(super) async fn call<T, E>(
        &self,
        work: impl Fn(&Transaction<'_>) -> Result<T, Fault<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        if self.calls.send(group::call(work, answer)).await.is_err() {
            return Err(self.file.unreachable("its thread has ended").into());
        }
        match answered.await {
            Ok(done) => done.map_err(|fault| fault.of(&self.file)),
            // The thread ended with the call in its hands: whether it was carried out is not known.
            Err(_closed) => Err(StoreError::Timeout.into()),
        }
    }
}
