//! Records that cross processes: JSON with a version, and what older and newer readers do with it.
//!
//! The rule: a field that is added later has a default, an unknown field is passed over, so a reader of form `n`
//! understands every record of form `n`, older and newer writers included. A change that breaks this raises the form's
//! number, and a reader that meets a higher number than its own refuses by name instead of guessing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The newest form this code reads and writes, of every record.
pub const SCHEMA: u32 = 1;

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not the JSON of this record.
    #[error("the {record} record is not readable: {detail}")]
    Malformed {
        /// Which record.
        record: &'static str,
        /// Where and why.
        detail: String,
    },
    /// Written by a newer Relais.
    #[error("the {record} record has form {found}, this Relais reads up to {SCHEMA}: update this site first")]
    Newer {
        /// Which record.
        record: &'static str,
        /// Its form.
        found: u32,
    },
}

/// The names by which records are known in errors.
pub trait Record: Serialize + DeserializeOwned {
    /// The item's name.
    const NAME: &'static str;
}

impl Record for crate::lease::LeaseRecord {
    const NAME: &'static str = "LEASE";
}
impl Record for crate::records::HandbackRecord {
    const NAME: &'static str = "HANDBACK";
}
impl Record for crate::records::ControlRecord {
    const NAME: &'static str = "CONTROL";
}
impl Record for crate::records::EventRecord {
    const NAME: &'static str = "EVENT";
}
impl Record for crate::watch::WatchRecord {
    const NAME: &'static str = "WATCH";
}
impl Record for crate::health::HealthReport {
    const NAME: &'static str = "health";
}
impl Record for crate::health::BotFacts {
    const NAME: &'static str = "facts";
}

/// The JSON of a record.
///
/// # Errors
/// [`WireError::Malformed`] if it cannot be written, which no record of this crate can bring about.
pub fn encode<R: Record>(record: &R) -> Result<String, WireError> {
    serde_json::to_string(record).map_err(|error| malformed::<R>(&error))
}

/// Reads a record.
///
/// # Errors
/// [`WireError::Newer`] for a form above [`SCHEMA`], looked at before anything else of the record;
/// [`WireError::Malformed`] otherwise.
pub fn decode<R: Record>(text: &str) -> Result<R, WireError> {
    #[derive(Deserialize)]
    struct Form {
        schema: u32,
    }
    let form: Form = serde_json::from_str(text).map_err(|error| malformed::<R>(&error))?;
    if form.schema > SCHEMA {
        return Err(WireError::Newer { record: R::NAME, found: form.schema });
    }
    serde_json::from_str(text).map_err(|error| malformed::<R>(&error))
}

fn malformed<R: Record>(error: &serde_json::Error) -> WireError {
    WireError::Malformed { record: R::NAME, detail: error.to_string() }
}
