//! What one scene promises beyond what all scenes promise.

/// Collected by the script while it plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation {
    /// Starts of the standby, exactly.
    pub(super) starts: u64,
    /// Stops of the standby, exactly, where the scene is about them.
    pub(super) stops: Option<u64>,
    /// The longest time without a speaker, protocol ms.
    pub(super) outage_at_most_ms: Option<u64>,
    /// Whether every interaction must be answered in time.
    pub(super) nothing_missed: bool,
    /// Promises that the script saw broken.
    pub(super) broken: Vec<String>,
}

impl Expectation {
    /// With this many starts.
    pub(super) const fn starts(starts: u64) -> Self {
        Self { starts, stops: None, outage_at_most_ms: None, nothing_missed: false, broken: Vec::new() }
    }

    /// Notes a promise as broken unless it holds.
    pub(super) fn that(&mut self, holds: bool, promise: &str) {
        if !holds {
            self.broken.push(format!("broken: {promise}"));
        }
    }
}
