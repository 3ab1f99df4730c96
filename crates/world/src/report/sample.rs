//! A made-up drill for tests and for looking at: a good hand-over and a broken one. No number here was measured.

use relais_failover::Site;
use serde_json::json;

use super::{DrillReport, Mark, MarkKind, Nodes, Sample, SceneReport, SpeakerSpan, Timeline};

/// A look at a world in which nothing has happened yet.
pub(crate) fn look(at_ms: u64) -> Sample {
    Sample {
        at_ms,
        holder: None,
        term: 0,
        offer: None,
        probe: "ok".to_owned(),
        desired: "off".to_owned(),
        instance: "none".to_owned(),
        nodes: Nodes { laptop: "up".to_owned(), cloud: "none".to_owned() },
        answered_laptop: 0,
        answered_cloud: 0,
        missed: 0,
    }
}

fn mark(at_ms: u64, kind: MarkKind, text: &str) -> Mark {
    Mark { at_ms, kind, text: text.to_owned() }
}

fn span(site: Site, term: u64, from_ms: u64, to_ms: u64) -> SpeakerSpan {
    SpeakerSpan { site, term, from_ms, to_ms, effects: (to_ms - from_ms) / 1000 + 1 }
}

/// The laptop dies at 40 s, the cloud speaks from 92 s on.
fn crash_timeline() -> Timeline {
    let mut samples = Vec::new();
    let (mut laptop, mut cloud, mut missed) = (0, 0, 0);
    for second in 0..=150_u64 {
        let mut now = look(second * 1000);
        match second {
            0..2 => {}
            2..40 => laptop += 1,
            92.. => cloud += 1,
            _ => missed += 1,
        }
        (now.answered_laptop, now.answered_cloud, now.missed) = (laptop, cloud, missed);
        (now.holder, now.term) = match second {
            0 => (None, 0),
            1..88 => (Some(Site::Laptop), 1),
            _ => (Some(Site::Cloud), 2),
        };
        let words = match second {
            0..40 => ["ok", "off", "none", "up", "none"],
            40..52 => ["unreachable: connect timeout", "off", "none", "down", "none"],
            52..68 => ["unreachable: connect timeout", "on", "pending", "down", "none"],
            68..88 => ["unreachable: connect timeout", "on", "running", "down", "starting"],
            _ => ["unreachable: connect timeout", "on", "running", "down", "up"],
        };
        let [probe, desired, instance, on_laptop, on_cloud] = words.map(str::to_owned);
        (now.probe, now.desired, now.instance) = (probe, desired, instance);
        now.nodes = Nodes { laptop: on_laptop, cloud: on_cloud };
        samples.push(now);
    }
    Timeline {
        samples,
        marks: vec![
            mark(1000, MarkKind::Lease, "term 1 granted to laptop"),
            mark(2000, MarkKind::Bot, "laptop connected, session new"),
            mark(40_000, MarkKind::Fault, "laptop killed (bot and health)"),
            mark(52_000, MarkKind::Watchdog, "laptop unreachable and its lease unchanged for 12 s: cloud wanted"),
            mark(52_400, MarkKind::Instance, "launch asked, client token relais-start-1"),
            mark(68_000, MarkKind::Instance, "running"),
            mark(88_000, MarkKind::Lease, "term 2 granted to cloud (lease was stale)"),
            mark(89_000, MarkKind::Bot, "cloud resumed the laptop's session"),
            mark(92_000, MarkKind::Promise, "somebody speaks again after 53.0 s (promised: 95 s)"),
        ],
        spans: vec![span(Site::Laptop, 1, 2000, 39_000), span(Site::Cloud, 2, 92_000, 150_000)],
    }
}

/// The laptop hands over at 30 s, gets the bot back at 70 s, and speaks once out of turn.
fn lid_timeline() -> Timeline {
    let mut samples = Vec::new();
    let (mut laptop, mut cloud) = (0, 0);
    for second in 0..=100_u64 {
        let mut now = look(second * 1000);
        (now.instance, now.nodes.cloud) = ("running".to_owned(), "up".to_owned());
        if (30..70).contains(&second) {
            cloud += 4;
        } else {
            laptop += 4;
        }
        (now.answered_laptop, now.answered_cloud) = (laptop, cloud);
        (now.holder, now.term, now.offer) = match second {
            0..29 => (Some(Site::Laptop), 1, None),
            29 => (None, 1, Some(Site::Cloud)),
            30..70 => (Some(Site::Cloud), 2, None),
            _ => (Some(Site::Laptop), 3, None),
        };
        if (31..60).contains(&second) {
            now.nodes.laptop = "suspended".to_owned();
            now.probe = "unreachable: no route".to_owned();
        }
        samples.push(now);
    }
    Timeline {
        samples,
        marks: vec![
            mark(29_000, MarkKind::Fault, "lid closed: <script>alert(1)</script> & \"quotes\""),
            mark(29_200, MarkKind::Bot, "laptop drained and closed with 4000"),
            mark(29_300, MarkKind::Lease, "offered to cloud"),
            mark(29_500, MarkKind::Lease, "term 2 granted to cloud"),
            mark(29_700, MarkKind::Bot, "cloud resumed the laptop's session"),
            mark(60_000, MarkKind::Recovery, "lid opened"),
            mark(69_800, MarkKind::Lease, "term 3 granted to laptop"),
            mark(75_000, MarkKind::Promise, "two sites spoke at once"),
        ],
        spans: vec![
            span(Site::Laptop, 1, 0, 29_000),
            span(Site::Cloud, 2, 29_700, 75_000),
            span(Site::Laptop, 3, 69_900, 100_000),
        ],
    }
}

/// Two scenes: one that passed, one that broke two promises.
pub(crate) fn drill() -> DrillReport {
    let crash = SceneReport {
        scene: "crash".to_owned(),
        pace: 8.0,
        speakers_max: 1,
        acknowledged: 41,
        missed: 52,
        outage_ms: 53_000,
        identifies: 1,
        starts: 1,
        passed: true,
        notes: vec!["EC2: 16 s to running, 20 s to pod".to_owned()],
        effects: 97,
        interactions: 149,
        answered: 97,
        resumes: 1,
        openapi_judged: true,
        real_ms: 18_750,
        protocol_ms: 150_000,
        timeline: crash_timeline(),
        ..SceneReport::default()
    };
    let lid = SceneReport {
        scene: "lid".to_owned(),
        pace: 5.0,
        speakers_max: 2,
        acknowledged: 120,
        duplicates: 1,
        outage_ms: 700,
        identifies: 1,
        violations: 1,
        broken: vec![
            "S3 SingleSpeaker: two sites spoke at once from 69.9 s on".to_owned(),
            "1 interaction took effect twice".to_owned(),
        ],
        violation_texts: vec!["PATCH /webhooks/{app}/<token>: 'flags' is 64 & not a number it may be".to_owned()],
        effects: 404,
        interactions: 404,
        answered: 404,
        resumes: 2,
        real_ms: 20_000,
        protocol_ms: 100_000,
        timeline: lid_timeline(),
        ..SceneReport::default()
    };
    DrillReport {
        version: "0.1.0".to_owned(),
        pace_note: "protocol time is real time times the pace: at pace 5 a lease of 30 s lasts 6 s".to_owned(),
        scenes: vec![crash, lid],
        policy: json!({"schema": 1, "ttl_ms": 30_000, "renew_every_ms": 5_000, "self_fence_ms": 25_000}),
    }
}
