//! The agent without a bus: its decisions one by one, its loop against fakes, its settings.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod awake_again;
mod hand_over_is_decided;
mod loop_never_blocks_sleep;
mod operators_word_stands;
mod play;
mod settings_are_refused;
