//! One scene's timeline as SVG: lanes of labelled bars over one axis. Colours and patterns come from the page's style.

use std::fmt::Write as _;

use relais_failover::Site;

use super::{
    SceneReport, Segment, Timeline, Tone,
    badges::{place, text_width},
    html::escape,
    seconds,
    timeline::{class_of, silences, together},
};

/// Width of the lanes in pixels, whatever the scene's length: fits a laptop's window and a landscape page.
pub(super) const WIDTH: u32 = 900;
/// Width of the column of lane names.
pub(super) const NAMES: u32 = 104;
const LANE: u32 = 24;
const GAP: u32 = 10;
const BETWEEN_SPEAKERS: u32 = 16;
const ANSWERS: u32 = 64;
const BADGE: u32 = 18;

/// A chart in two parts, so that the names stay in view while the lanes scroll. Both are `height` pixels high.
pub(super) struct Chart {
    pub(super) names: String,
    pub(super) lanes: String,
    pub(super) height: u32,
}

struct Drawing<'a> {
    timeline: &'a Timeline,
    end_ms: u64,
    names: String,
    lanes: String,
    /// Labels, drawn last so that no mark's line strikes them out.
    texts: String,
    y: u32,
}

/// Draws one scene. `id` begins the ids of its title and description and must be unique on the page.
pub(super) fn chart(scene: &SceneReport, id: &str) -> Chart {
    let timeline = &scene.timeline;
    let mut drawing = Drawing {
        timeline,
        end_ms: timeline.end_ms(),
        names: String::new(),
        lanes: String::new(),
        texts: String::new(),
        y: 2,
    };
    let lines = drawing.badges();
    drawing.lane("lease", timeline.segments(super::Sample::lease_words), lease_class);
    drawing.speakers();
    let tone = |label: &str| tone_class(Tone::of(label));
    drawing.lane("probe", timeline.segments(|sample| class_of(&sample.probe)), tone);
    drawing.lane("wanted", timeline.segments(|sample| class_of(&sample.desired)), tone);
    drawing.lane("instance", timeline.segments(|sample| class_of(&sample.instance)), tone);
    drawing.lane("laptop node", timeline.segments(|sample| class_of(&sample.nodes.laptop)), tone);
    drawing.lane("cloud node", timeline.segments(super::Sample::cloud_words), tone);
    drawing.answers();
    let bottom = drawing.y;
    drawing.axis(bottom);
    let height = drawing.y;
    let lines = lines.replace("{bottom}", &bottom.to_string());
    let (lanes, texts, names) = (drawing.lanes, drawing.texts, drawing.names);
    let title = format!("Timeline of the scene {}", escape(&scene.scene));
    let about = escape(&super::table::sentence(scene));
    Chart {
        names: format!(
            r#"<svg class="names" width="{NAMES}" height="{height}" viewBox="0 0 {NAMES} {height}" aria-hidden="true">{names}</svg>"#
        ),
        lanes: format!(
            r#"<svg class="lanes" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{about}. The same in words stands below.</desc>{lanes}{lines}{texts}</svg>"#
        ),
        height,
    }
}

impl Drawing<'_> {
    fn x(&self, at_ms: u64) -> f64 {
        at_ms.min(self.end_ms) as f64 / self.end_ms as f64 * f64::from(WIDTH)
    }

    fn name(&mut self, text: &str, height: u32) {
        let middle = self.y + height / 2 + 4;
        let _ = write!(self.names, r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#, NAMES - 8, escape(text));
    }

    fn lane(&mut self, name: &str, segments: Vec<Segment>, class: impl Fn(&str) -> &'static str) {
        self.name(name, LANE);
        for segment in &segments {
            let words = [segment.label.clone(), short(&segment.label)];
            self.bar(segment, class(&segment.label), &words, &format!("{name}: {}", segment.label));
        }
        self.y += LANE + GAP;
    }

    /// One bar with the first of `words` that fits into it, and all about it as a tooltip.
    fn bar(&mut self, segment: &Segment, class: &str, words: &[String], title: &str) {
        let (x, y) = (self.x(segment.from_ms), self.y);
        let width = (self.x(segment.to_ms) - x).max(1.5);
        let times = format!("{} s to {} s", seconds(segment.from_ms), seconds(segment.to_ms));
        let _ = write!(
            self.lanes,
            r#"<g class="bar {class}"><title>{}, {times}</title><rect x="{x:.1}" y="{y}" width="{width:.1}" height="{LANE}"/><rect class="over" x="{x:.1}" y="{y}" width="{width:.1}" height="{LANE}"/>"#,
            escape(title),
        );
        if let Some(word) = words.iter().find(|word| text_width(word) + 8.0 <= width) {
            let (x, y, word) = (x + 5.0, y + 16, escape(word));
            let _ = write!(self.texts, r#"<text class="on {class}" x="{x:.1}" y="{y}">{word}</text>"#);
        }
        self.lanes.push_str("</g>");
    }

    fn speakers(&mut self) {
        let top = self.y;
        for (site, below) in [(Site::Laptop, BETWEEN_SPEAKERS), (Site::Cloud, GAP)] {
            self.name(&format!("{site} speaks"), LANE);
            for span in self.timeline.spans.iter().filter(|span| span.site == site) {
                let label = format!("term {}", span.term);
                let words = [format!("{label} · {} effects", span.effects), label.clone(), span.term.to_string()];
                let title = format!("{site} speaks, {label}, {} accepted effects", span.effects);
                let segment = Segment { from_ms: span.from_ms, to_ms: span.to_ms, label };
                self.bar(&segment, site_class(site), &words, &title);
            }
            self.y += LANE + below;
        }
        let height = LANE * 2 + BETWEEN_SPEAKERS;
        for (from_ms, to_ms) in silences(self.timeline) {
            self.over(top, height, "silent", (from_ms, to_ms), "without a speaker");
        }
        for (from_ms, to_ms) in together(self.timeline) {
            self.over(top, height, "both", (from_ms, to_ms), "with two speakers");
        }
    }

    /// A frame over both speaker lanes. Its label stands between them, where no bar has one.
    fn over(&mut self, top: u32, height: u32, class: &str, (from_ms, to_ms): (u64, u64), what: &str) {
        let x = self.x(from_ms);
        let width = (self.x(to_ms) - x).max(1.5);
        let label = format!("{} s {what}", seconds(to_ms - from_ms));
        let _ = write!(
            self.lanes,
            r#"<g class="{class}"><title>{label}, {} s to {} s</title><rect x="{x:.1}" y="{top}" width="{width:.1}" height="{height}"/>"#,
            seconds(from_ms),
            seconds(to_ms),
        );
        let short = format!("{} s", seconds(to_ms - from_ms));
        if let Some(word) = [label, short].iter().find(|word| text_width(word) + 4.0 <= width) {
            let (middle, y) = (x + width / 2.0, top + LANE + BETWEEN_SPEAKERS / 2 + 4);
            let _ = write!(
                self.texts,
                r#"<text class="on {class}" x="{middle:.1}" y="{y}" text-anchor="middle">{word}</text>"#
            );
        }
        self.lanes.push_str("</g>");
    }

    fn answers(&mut self) {
        let bucket_ms = nice_step(self.end_ms, 150) * 1000;
        let buckets = self.timeline.buckets(bucket_ms);
        let up = buckets.iter().map(|bucket| bucket.laptop + bucket.cloud).max().unwrap_or(0);
        let down = buckets.iter().map(|bucket| bucket.missed).max().unwrap_or(0);
        let scale = f64::from(ANSWERS) / (up + down).max(1) as f64;
        let zero = f64::from(self.y) + up as f64 * scale;
        self.name("answered", if down > 0 { (up as f64 * scale) as u32 } else { ANSWERS });
        if down > 0 {
            let y = zero + down as f64 * scale / 2.0 + 4.0;
            let _ = write!(self.names, r#"<text x="{}" y="{y:.0}" text-anchor="end">missed</text>"#, NAMES - 8);
        }
        for (index, bucket) in buckets.iter().enumerate() {
            let from_ms = index as u64 * bucket_ms;
            let x = self.x(from_ms);
            let width = (self.x(from_ms + bucket_ms) - x - 0.8).max(0.8);
            let at = format!("{} s to {} s", seconds(from_ms), seconds((from_ms + bucket_ms).min(self.end_ms)));
            let laptop = bucket.laptop as f64 * scale;
            let cloud = bucket.cloud as f64 * scale;
            let stack = [
                ("laptop", "answered by laptop", bucket.laptop, zero - laptop),
                ("cloud", "answered by cloud", bucket.cloud, zero - laptop - cloud),
                ("missed", "missed", bucket.missed, zero),
            ];
            for (class, what, count, y) in stack.into_iter().filter(|(_, _, count, _)| *count > 0) {
                let height = count as f64 * scale;
                let _ = write!(
                    self.lanes,
                    r#"<g class="bar {class}"><title>{count} {what}, {at}</title><rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/><rect class="over" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/></g>"#
                );
            }
        }
        let _ = write!(self.lanes, r#"<path class="axis" d="M0 {zero:.1}H{WIDTH}"/>"#);
        let per = if bucket_ms == 1000 { "per second".to_owned() } else { format!("per {} s", bucket_ms / 1000) };
        self.y += ANSWERS + 4;
        let note = format!("at most {up} answered, {down} missed {per}");
        let _ = write!(self.texts, r#"<text class="note" x="0" y="{}">{note}</text>"#, self.y + 11);
        self.y += 18;
    }

    fn axis(&mut self, y: u32) {
        let step_ms = nice_step(self.end_ms, 14) * 1000;
        let _ = write!(self.lanes, r#"<path class="axis" d="M0 {y}H{WIDTH}"/>"#);
        let mut at_ms = 0;
        while at_ms <= self.end_ms {
            let x = self.x(at_ms);
            let room = f64::from(WIDTH) - x;
            let anchor = if at_ms == 0 {
                "start"
            } else if room < 24.0 {
                "end"
            } else {
                "middle"
            };
            let _ = write!(
                self.lanes,
                r#"<path class="axis" d="M{x:.1} {y}v5"/><text class="note" x="{x:.1}" y="{}" text-anchor="{anchor}">{} s</text>"#,
                y + 17,
                at_ms / 1000,
            );
            at_ms += step_ms;
        }
        let _ = write!(self.names, r#"<text x="{}" y="{}" text-anchor="end">protocol time</text>"#, NAMES - 8, y + 17);
        self.y = y + 24;
    }

    /// Numbered badges for the marks, and their lines (down to `{bottom}`, known later) to be drawn over the lanes.
    fn badges(&mut self) -> String {
        let badges = place(&self.timeline.marks, |at_ms| self.x(at_ms));
        let rows = badges.iter().map(|badge| badge.row + 1).max().unwrap_or(0);
        let mut lines = String::new();
        if rows > 0 {
            self.name("marks", BADGE);
        }
        for badge in &badges {
            let y = self.y + badge.row as u32 * (BADGE + 3);
            for mark in &badge.marks {
                let (x, kind) = (self.x(mark.at_ms).clamp(0.5, f64::from(WIDTH) - 0.5), mark.kind.word());
                let _ = write!(lines, r#"<path class="mark {kind}" d="M{x:.1} {}V{{bottom}}"/>"#, y + BADGE);
            }
            let kind = badge.marks.first().map_or("", |mark| mark.kind.word());
            let words: Vec<String> = badge
                .marks
                .iter()
                .map(|mark| format!("{} s, {}: {}", seconds(mark.at_ms), mark.kind.word(), escape(&mark.text)))
                .collect();
            let _ = write!(
                lines,
                r#"<g class="badge {kind}"><title>{}</title><rect x="{:.1}" y="{y}" width="{:.1}" height="{BADGE}" rx="4"/><text x="{:.1}" y="{}" text-anchor="middle">{}</text></g>"#,
                words.join("&#10;"),
                badge.centre - badge.width / 2.0,
                badge.width,
                badge.centre,
                y + 13,
                badge.label(),
            );
        }
        self.y += rows as u32 * (BADGE + 3) + 6;
        lines
    }
}

fn lease_class(label: &str) -> &'static str {
    match label.split(' ').next().unwrap_or_default() {
        "laptop" => "laptop",
        "cloud" => "cloud",
        "offered" => "waiting",
        _ => "idle",
    }
}

fn site_class(site: Site) -> &'static str {
    site.as_str()
}

fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Waiting => "waiting",
        Tone::Bad => "bad",
        Tone::Idle => "idle",
    }
}

/// A label for a bar too short for the whole one: the number of a lease's term, the first three letters of a state.
fn short(label: &str) -> String {
    match label.rsplit_once("term ") {
        Some((_, term)) => term.to_owned(),
        None => label.chars().take(3).collect(),
    }
}

/// Seconds a step such that at most `most` of them fill the time.
fn nice_step(end_ms: u64, most: u64) -> u64 {
    let nice = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600];
    nice.into_iter().find(|step| end_ms <= step * 1000 * most).unwrap_or_else(|| end_ms / 1000 / most.max(1) + 1)
}

#[cfg(test)]
mod tests {
    use super::{chart, nice_step};
    use crate::report::{SceneReport, sample};

    #[test]
    fn an_axis_has_few_round_steps() {
        assert_eq!([nice_step(14_000, 14), nice_step(95_000, 14), nice_step(900_000, 14)], [1, 10, 120]);
        assert_eq!(nice_step(u64::MAX / 2000, 14).min(3601), 3601);
    }

    #[test]
    fn an_empty_scene_draws_without_nonsense() {
        let drawn = chart(&SceneReport::default(), "s0");
        assert!(!drawn.lanes.contains("NaN") && !drawn.lanes.contains("inf"), "{}", drawn.lanes);
    }

    #[test]
    fn a_silence_and_a_doubled_voice_are_drawn_and_named() {
        let report = sample::drill();
        assert!(chart(&report.scenes[0], "s0").lanes.contains("53.0 s without a speaker"));
        assert!(chart(&report.scenes[1], "s1").lanes.contains("5.1 s with two speakers"));
    }
}
