//! What people write, and what it means.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod any_text;
mod expressions;
mod repeats;
mod zones;
