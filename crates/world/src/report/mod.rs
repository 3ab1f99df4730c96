//! What a drill found, and the ways to show it: live in the terminal, as a table, as JSON, as one HTML file.
//!
//! Data goes in, text comes out. Only [`terminal`] touches a device. Nothing here decides whether a scene passed:
//! [`measure`] counts speakers and silences from the logs of the small Discord and the store, the drill judges.

mod badges;
pub mod html;
pub mod json;
pub mod measure;
mod strip;
mod svg;
pub mod table;
pub mod terminal;
mod timeline;

use serde::{Deserialize, Serialize};

pub use timeline::{Bucket, Mark, MarkKind, Nodes, Sample, Segment, SpeakerSpan, Timeline, Tone};

/// One run of the rehearsal: what ran, under which numbers, and what each scene showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DrillReport {
    /// Version of Relais that ran the drill.
    pub version: String,
    /// One sentence for people: how protocol time relates to real time.
    pub pace_note: String,
    /// The scenes in the order in which they ran.
    pub scenes: Vec<SceneReport>,
    /// The policy in force, in protocol time (before pacing).
    pub policy: serde_json::Value,
}

impl DrillReport {
    /// Whether at least one scene ran and none broke a promise. An empty drill has shown nothing, so it has not passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.scenes.is_empty() && self.scenes.iter().all(|scene| scene.passed)
    }
}

/// What one scene showed. Counts are of the whole scene; times ending in `_ms` are protocol time unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SceneReport {
    /// Name of the scene as on the command line, such as `crash`.
    pub scene: String,
    /// Every protocol number was divided by this.
    pub pace: f64,
    /// Most sites that spoke at once, from the small Discord's log ([`measure::measure`]).
    pub speakers_max: u32,
    /// Writes that a user saw acknowledged.
    pub acknowledged: u64,
    /// Acknowledged writes that could not be read at the end.
    pub lost: u64,
    /// Interactions or messages that took effect twice.
    pub duplicates: u64,
    /// Interactions that no site answered in time.
    pub missed: u64,
    /// Longest time without a speaker while users were talking.
    pub outage_ms: u64,
    /// IDENTIFYs that the small Discord saw.
    pub identifies: u64,
    /// Times the cloud machine was started or launched.
    pub starts: u64,
    /// Times the cloud machine was stopped or terminated.
    pub stops: u64,
    /// Requests that broke Discord's published schema or rules.
    pub violations: u64,
    /// Whether the scene kept every promise.
    pub passed: bool,
    /// Which promises broke, a sentence each; empty if the scene passed.
    pub broken: Vec<String>,
    /// The violations in words, possibly cut to the first few.
    pub violation_texts: Vec<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Effects the small Discord accepted: answers, messages, registrations.
    pub effects: u64,
    /// Interactions that users sent.
    pub interactions: u64,
    /// Interactions that were answered in time.
    pub answered: u64,
    /// Sessions taken over with RESUME.
    pub resumes: u64,
    /// Whether `discord-openapi.json` was there to judge the requests by; if not, only the hand-written rules did.
    pub openapi_judged: bool,
    /// How long the scene took on the wall.
    pub real_ms: u64,
    /// How long the scene took in protocol time.
    pub protocol_ms: u64,
    /// Second by second.
    pub timeline: Timeline,
}

/// Seconds with one decimal, from milliseconds: `34.2`.
fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A pace without a trailing `.0`: `5`, `2.5`.
fn pace(pace: f64) -> String {
    let text = format!("{pace:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::{DrillReport, SceneReport, pace, seconds};

    #[test]
    fn an_empty_drill_has_not_passed() {
        assert!(!DrillReport::default().passed());
    }

    #[test]
    fn one_broken_scene_breaks_the_drill() {
        let good = SceneReport { passed: true, ..SceneReport::default() };
        let bad = SceneReport::default();
        assert!(DrillReport { scenes: vec![good.clone()], ..DrillReport::default() }.passed());
        assert!(!DrillReport { scenes: vec![good, bad], ..DrillReport::default() }.passed());
    }

    #[test]
    fn times_and_paces_are_short() {
        assert_eq!([seconds(0), seconds(34_249), seconds(34_250)], ["0.0", "34.2", "34.3"]);
        assert_eq!([pace(5.0), pace(2.5), pace(0.25)], ["5", "2.5", "0.25"]);
    }
}
