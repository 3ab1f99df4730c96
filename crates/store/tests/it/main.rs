//! What every store promises, and what each promises beyond that.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod address;
mod builders;
mod contract;
mod durability;
mod file_refusals;
mod grouped;
mod lost_answers;
mod served_order;
