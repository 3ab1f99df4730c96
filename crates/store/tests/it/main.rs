//! What every store promises, and what each promises beyond that.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod address;
mod backup_file;
mod builders;
mod contract;
mod durability;
mod file_refusals;
mod grouped;
mod lost_answers;
mod one_moment;
mod served_order;
