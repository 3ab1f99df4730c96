//! The record of a scene, second by second, and its folding into segments and buckets for drawing.

use relais_failover::Site;
use serde::{Deserialize, Serialize};

/// Everything that a scene's picture is drawn from. Times are protocol milliseconds since the scene began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Looks at the world, in the order of time; about one a protocol second.
    pub samples: Vec<Sample>,
    /// Things that happened at one moment.
    pub marks: Vec<Mark>,
    /// Who spoke from when to when, from the small Discord's log.
    pub spans: Vec<SpeakerSpan>,
}

/// One look at the world. The three counters run from the start of the scene: drawing takes the differences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When, in protocol milliseconds since the scene began.
    pub at_ms: u64,
    /// Who holds the lease, in the store's own record.
    pub holder: Option<Site>,
    /// The lease's term.
    pub term: u64,
    /// To whom the lease is offered.
    pub offer: Option<Site>,
    /// What the watchdog's last probe saw: a class such as `ok`, then perhaps a detail after a colon or in brackets.
    pub probe: String,
    /// What the watchdog wants of the cloud machine: `on`, `off`, `hold`.
    pub desired: String,
    /// State of the cloud machine as the small EC2 names it.
    pub instance: String,
    /// State of the two nodes.
    pub nodes: Nodes,
    /// Interactions that the laptop answered so far.
    pub answered_laptop: u64,
    /// Interactions that the cloud answered so far.
    pub answered_cloud: u64,
    /// Interactions that nobody answered in time so far.
    pub missed: u64,
}

/// State of the two nodes in a word each, such as `up`, `down`, `suspended`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes {
    /// The laptop.
    pub laptop: String,
    /// The cloud machine's bot.
    pub cloud: String,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, in protocol milliseconds since the scene began.
    pub at_ms: u64,
    /// What sort of thing.
    pub kind: MarkKind,
    /// What happened, in words.
    pub text: String,
}

/// What sort of thing a mark tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// The script broke something.
    Fault,
    /// The script repaired something.
    Recovery,
    /// The lease was granted, offered, released.
    Lease,
    /// The watchdog decided or warned.
    Watchdog,
    /// The cloud machine changed.
    Instance,
    /// A bot connected, drained, fenced itself.
    Bot,
    /// A promise was kept late or broken.
    Promise,
}

impl MarkKind {
    /// All kinds, in the order of legends.
    pub const ALL: [Self; 7] =
        [Self::Fault, Self::Recovery, Self::Lease, Self::Watchdog, Self::Instance, Self::Bot, Self::Promise];

    /// The kind in one lower-case word, the same as in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Recovery => "recovery",
            Self::Lease => "lease",
            Self::Watchdog => "watchdog",
            Self::Instance => "instance",
            Self::Bot => "bot",
            Self::Promise => "promise",
        }
    }
}

/// One site's speech under one term: from its first to its last accepted effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeakerSpan {
    /// Who spoke.
    pub site: Site,
    /// Under which term; 0 if the store had granted that site none.
    pub term: u64,
    /// First accepted effect.
    pub from_ms: u64,
    /// Last accepted effect.
    pub to_ms: u64,
    /// How many effects were accepted.
    pub effects: u64,
}

/// A stretch of time over which something stayed the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First moment.
    pub from_ms: u64,
    /// First moment of what came next.
    pub to_ms: u64,
    /// What stayed the same.
    pub label: String,
}

/// What users got during one bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Answers of the laptop.
    pub laptop: u64,
    /// Answers of the cloud.
    pub cloud: u64,
    /// Interactions that nobody answered in time.
    pub missed: u64,
}

/// How a state is coloured and hatched; the word itself is always written beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// On its way, paused, or half well.
    Waiting,
    /// Down or unreachable.
    Bad,
    /// Nothing there, nothing wanted.
    Idle,
}

impl Tone {
    /// The tone of a state in words: a probe's class, an instance's or a node's state. Unknown words are idle.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match class_of(text).as_str() {
            "ok" | "up" | "running" | "on" | "active" | "ready" | "healthy" => Self::Good,
            "degraded" | "pending" | "starting" | "booting" | "stopping" | "shutting-down" | "suspended" | "asleep"
            | "sleeping" | "paused" | "frozen" | "draining" | "follower" | "hold" => Self::Waiting,
            "unreachable" | "down" | "dead" | "killed" | "crashed" | "fenced" | "bad-signature" | "timeout" | "dns"
            | "tcp" | "tls" | "status" | "body" | "forged" => Self::Bad,
            _ => Self::Idle,
        }
    }
}

/// The first word of a state, in lower case: `unreachable` of `Unreachable: timeout`, `ok` of `Ok(connected)`.
#[must_use]
pub(super) fn class_of(text: &str) -> String {
    let end = text.find([':', ' ', '(', '{', ',']).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_lowercase()
}

impl Sample {
    /// The lease in words: `laptop · term 3`, `offered to cloud`, `free`.
    #[must_use]
    pub fn lease_words(&self) -> String {
        match (self.holder, self.offer) {
            (Some(site), _) => format!("{site} · term {}", self.term),
            (None, Some(to)) => format!("offered to {to}"),
            (None, None) => "free".to_owned(),
        }
    }

    /// The state of the cloud's node; a node that is down because its machine does not run is `off`, not broken.
    #[must_use]
    pub fn cloud_words(&self) -> String {
        let node = class_of(&self.nodes.cloud);
        if node == "down" && class_of(&self.instance) != "running" { "off".to_owned() } else { node }
    }
}

impl Timeline {
    /// The last moment that anything here tells of; at least 1 so that it can divide.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        let samples = self.samples.iter().map(|sample| sample.at_ms);
        let marks = self.marks.iter().map(|mark| mark.at_ms);
        let spans = self.spans.iter().map(|span| span.to_ms);
        samples.chain(marks).chain(spans).max().unwrap_or(0).max(1)
    }

    /// Runs of samples for which `label` says the same. A segment lasts until the first sample that says otherwise,
    /// the last one until [`Timeline::end_ms`].
    pub fn segments(&self, label: impl Fn(&Sample) -> String) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for sample in &self.samples {
            let label = label(sample);
            match segments.last_mut() {
                Some(last) if last.label == label => last.to_ms = sample.at_ms,
                Some(last) => {
                    last.to_ms = sample.at_ms;
                    segments.push(Segment { from_ms: sample.at_ms, to_ms: sample.at_ms, label });
                }
                None => segments.push(Segment { from_ms: sample.at_ms, to_ms: sample.at_ms, label }),
            }
        }
        if let Some(last) = segments.last_mut() {
            last.to_ms = self.end_ms();
        }
        segments
    }

    /// What users got, in buckets of `width_ms` from 0 to [`Timeline::end_ms`]. A sample's news counts for the time
    /// just before it.
    #[must_use]
    pub fn buckets(&self, width_ms: u64) -> Vec<Bucket> {
        let width = width_ms.max(1);
        let count = usize::try_from(self.end_ms().div_ceil(width)).unwrap_or(usize::MAX);
        let mut buckets = vec![Bucket::default(); count];
        let mut before = Bucket::default();
        for sample in &self.samples {
            let now = Bucket { laptop: sample.answered_laptop, cloud: sample.answered_cloud, missed: sample.missed };
            let index = usize::try_from(sample.at_ms.saturating_sub(1) / width).unwrap_or(usize::MAX);
            if let Some(bucket) = buckets.get_mut(index) {
                bucket.laptop += now.laptop.saturating_sub(before.laptop);
                bucket.cloud += now.cloud.saturating_sub(before.cloud);
                bucket.missed += now.missed.saturating_sub(before.missed);
            }
            before = now;
        }
        buckets
    }
}

/// Times between two spans that no span covers, longer than a second.
pub(super) fn silences(timeline: &Timeline) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = timeline.spans.iter().map(|span| (span.from_ms, span.to_ms)).collect();
    spans.sort_unstable();
    let mut reached: Option<u64> = None;
    let mut found = Vec::new();
    for (from, to) in spans {
        if let Some(end) = reached.filter(|end| from > end + 1000) {
            found.push((end, from));
        }
        reached = reached.max(Some(to));
    }
    found
}

/// Times at which a span of each site runs.
pub(super) fn together(timeline: &Timeline) -> Vec<(u64, u64)> {
    let of = |site: Site| timeline.spans.iter().filter(move |span| span.site == site);
    let pairs = of(Site::Laptop).flat_map(|a| of(Site::Cloud).map(move |b| (a, b)));
    pairs.map(|(a, b)| (a.from_ms.max(b.from_ms), a.to_ms.min(b.to_ms))).filter(|(from, to)| from < to).collect()
}

#[cfg(test)]
mod tests {
    use relais_failover::{Site, sighting::ProbeSight};

    use super::{Bucket, MarkKind, Timeline, Tone, class_of};
    use crate::report::sample::look;

    #[test]
    fn segments_join_what_stayed_the_same_and_reach_the_end() {
        let mut timeline = Timeline::default();
        for (at_ms, holder) in [(0, None), (1000, Some(Site::Laptop)), (2000, Some(Site::Laptop)), (3000, None)] {
            let mut sample = look(at_ms);
            sample.holder = holder;
            timeline.samples.push(sample);
        }
        let found: Vec<_> = timeline
            .segments(|sample| sample.holder.map_or("free".to_owned(), |site| site.to_string()))
            .into_iter()
            .map(|segment| (segment.from_ms, segment.to_ms, segment.label))
            .collect();
        let expected = [(0, 1000, "free"), (1000, 3000, "laptop"), (3000, 3000, "free")];
        assert_eq!(found, expected.map(|(from, to, label)| (from, to, label.to_owned())));
    }

    #[test]
    fn buckets_hold_the_differences_of_running_counters() {
        let mut timeline = Timeline::default();
        for (at_ms, laptop, missed) in [(0, 0, 0), (500, 2, 0), (1000, 3, 0), (1500, 3, 1)] {
            let mut sample = look(at_ms);
            (sample.answered_laptop, sample.missed) = (laptop, missed);
            timeline.samples.push(sample);
        }
        let expected = [Bucket { laptop: 3, ..Bucket::default() }, Bucket { missed: 1, ..Bucket::default() }];
        assert_eq!(timeline.buckets(1000), expected);
    }

    #[test]
    fn an_empty_timeline_draws_nothing_and_divides() {
        let timeline = Timeline::default();
        assert_eq!(timeline.end_ms(), 1);
        assert!(timeline.segments(|_| String::new()).is_empty());
        assert_eq!(timeline.buckets(0).len(), 1);
    }

    #[test]
    fn a_state_is_classed_by_its_first_word() {
        assert_eq!(class_of("Unreachable: connect timeout"), "unreachable");
        assert_eq!(class_of("Ok(connected)"), "ok");
        assert_eq!([Tone::of("Degraded"), Tone::of("running"), Tone::of("")], [Tone::Waiting, Tone::Good, Tone::Idle]);
    }

    #[test]
    fn every_class_of_the_probe_has_its_tone() {
        for sight in ProbeSight::ALL {
            let expected = match sight {
                ProbeSight::Ok => Tone::Good,
                ProbeSight::Degraded => Tone::Waiting,
                ProbeSight::Unreachable(_) | ProbeSight::Forged => Tone::Bad,
            };
            assert_eq!(Tone::of(sight.as_str()), expected, "{}", sight.as_str());
        }
    }

    #[test]
    fn a_cloud_that_nobody_started_is_off_and_not_down() {
        let mut sample = look(0);
        sample.nodes.cloud = "down".to_owned();
        assert_eq!(sample.cloud_words(), "off");
        sample.instance = "running".to_owned();
        assert_eq!(sample.cloud_words(), "down");
    }

    #[test]
    fn a_mark_has_the_same_word_in_json() {
        for kind in MarkKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }
}
