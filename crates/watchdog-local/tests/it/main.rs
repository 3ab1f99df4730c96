//! The binary as people use it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod backup_and_restore;
mod backups_on_dynamodb;
mod bad_input;
mod bot_process;
mod command;
mod ended_early;
mod every_command;
mod four_shards;
mod kept_sites;
#[cfg(feature = "mutants")]
mod known_bad_designs;
#[cfg(feature = "aws")]
mod on_dynamodb;
mod one_scene;
mod operators_move_the_bot;
mod person;
mod presence;
mod reminders_survive;
mod small_discord;
mod under_load;
#[cfg(feature = "aws")]
mod units_on_dynamodb;
mod watch;
