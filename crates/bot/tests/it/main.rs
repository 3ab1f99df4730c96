//! What the bot promises, one module a promise.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod backups_are_taken;
mod commands_answer;
mod gateway_obeys_the_lease;
mod interactions_are_fenced;
mod leadership_obeys;
mod little_discord;
mod operators_command;
mod reminders_answer;
mod settings_are_refused;
mod support;
mod table_is_registered_once;
mod talk;
