//! The one suite, run against every implementation. A new one gets a line in `implementations!`.

mod archive;
mod lease;
mod notes;
mod state;

use std::sync::Arc;
use std::time::Duration;

use relais_store::{Memory, Remote, Sqlite, Store, served};

/// A store to test, and what must live as long as it.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) async fn memory() -> Fixture {
    Fixture { store: Arc::new(Memory::new()), _folder: None }
}

pub(crate) async fn sqlite() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("state.db"), Duration::from_secs(10)).unwrap();
    Fixture { store: Arc::new(store), _folder: Some(folder) }
}

pub(crate) async fn http_over_memory() -> Fixture {
    over_http(memory().await).await
}

pub(crate) async fn http_over_sqlite() -> Fixture {
    over_http(sqlite().await).await
}

async fn over_http(inner: Fixture) -> Fixture {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, served::router(inner.store)).await });
    Fixture { store: Arc::new(Remote::new(address, Duration::from_secs(20)).unwrap()), _folder: inner._folder }
}

/// Makes a test of each named promise for each implementation.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        crate::contract::promises!(@ memory: $($promise),*);
        crate::contract::promises!(@ sqlite: $($promise),*);
        crate::contract::promises!(@ http_over_memory: $($promise),*);
        crate::contract::promises!(@ http_over_sqlite: $($promise),*);
    };
    (@ $implementation:ident: $($promise:ident),*) => {
        mod $implementation {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    let fixture = crate::contract::$implementation().await;
                    super::$promise(std::sync::Arc::clone(&fixture.store)).await;
                }
            )*
        }
    };
}

pub(crate) use promises;
