//! The report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;

use super::{
    DrillReport, MarkKind, SceneReport, Segment, pace, seconds,
    svg::{NAMES, chart},
};

/// The page around the drawing; names in double braces are filled in.
const PAGE: &str = include_str!("page.html");

/// The whole page. Every text of the report is escaped.
#[must_use]
pub fn render(report: &DrillReport) -> String {
    let passed = report.passed();
    let kept = report.scenes.iter().filter(|scene| scene.passed).count();
    let verdict = format!("{kept} of {} scenes passed", report.scenes.len());
    let policy = serde_json::to_string_pretty(&report.policy).unwrap_or_default();
    let scenes: String = report.scenes.iter().enumerate().map(|(index, scene)| section(scene, index)).collect();
    fill(
        PAGE,
        &[
            ("verdict", &verdict),
            ("verdict_class", verdict_class(passed)),
            ("version", &escape(&report.version)),
            ("pace_note", &escape(&report.pace_note)),
            ("summary", &summary(report)),
            ("broken", &promises(report)),
            ("legend", &legend()),
            ("scenes", &scenes),
            ("policy", &escape(&policy)),
        ],
    )
}

/// Text made safe between tags and inside quoted attributes. Control characters, which HTML forbids, become spaces.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push('\n'),
            sign if sign.is_control() => safe.push(' '),
            sign => safe.push(sign),
        }
    }
    safe
}

/// Fills `{{name}}`s in one pass over the template, so that braces in what is filled in stay braces.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once("}}") else { break };
        out.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn verdict_class(passed: bool) -> &'static str {
    if passed { "passed" } else { "broken" }
}

fn verdict(scene: &SceneReport) -> String {
    let (class, word) = if scene.passed { ("passed", "✓ passed") } else { ("broken", "✗ broken") };
    format!(r#"<span class="verdict {class}">{word}</span>"#)
}

fn summary(report: &DrillReport) -> String {
    let heads = [
        "scene",
        "pace",
        "speakers",
        "acknowledged",
        "lost",
        "duplicates",
        "missed",
        "outage",
        "identifies",
        "starts",
        "stops",
        "violations",
        "verdict",
    ];
    let mut out = r#"<table class="summary"><thead><tr>"#.to_owned();
    for head in heads {
        let _ = write!(out, r#"<th scope="col">{head}</th>"#);
    }
    out.push_str("</tr></thead><tbody>");
    for (index, scene) in report.scenes.iter().enumerate() {
        let name = escape(&scene.scene);
        let _ = write!(out, r##"<tr><th scope="row"><a href="#scene-{index}">{name}</a></th>"##);
        let cells = [
            (pace(scene.pace), false),
            (scene.speakers_max.to_string(), scene.speakers_max != 1),
            (scene.acknowledged.to_string(), false),
            (scene.lost.to_string(), scene.lost > 0),
            (scene.duplicates.to_string(), scene.duplicates > 0),
            (scene.missed.to_string(), false),
            (format!("{} s", seconds(scene.outage_ms)), false),
            (scene.identifies.to_string(), false),
            (scene.starts.to_string(), false),
            (scene.stops.to_string(), false),
            (scene.violations.to_string(), scene.violations > 0),
        ];
        for (text, wrong) in cells {
            let class = if wrong { r#" class="wrong""# } else { "" };
            let _ = write!(out, "<td{class}>{text}</td>");
        }
        let _ = write!(out, "<td>{}</td></tr>", verdict(scene));
    }
    out.push_str("</tbody></table>");
    out
}

/// The broken promises of all scenes, or nothing.
fn promises(report: &DrillReport) -> String {
    let broken = report.scenes.iter().filter(|scene| !scene.passed);
    let items: String = broken
        .flat_map(|scene| scene.broken.iter().map(move |text| (scene, text)))
        .map(|(scene, text)| format!("<li><strong>{}</strong>: {}</li>", escape(&scene.scene), escape(text)))
        .collect();
    if items.is_empty() {
        return String::new();
    }
    format!(r#"<div class="alarm"><h3>Broken promises</h3><ul>{items}</ul></div>"#)
}

fn legend() -> String {
    let bars = [
        ("laptop", "laptop"),
        ("cloud", "cloud"),
        ("good", "well"),
        ("waiting", "on its way or paused"),
        ("bad", "down or unreachable"),
        ("idle", "nothing"),
    ];
    let mut out = String::new();
    for (class, word) in bars {
        let _ = write!(
            out,
            r#"<span><svg width="30" height="16" aria-hidden="true"><g class="bar {class}"><rect x="1" y="1" width="28" height="14"/><rect class="over" x="1" y="1" width="28" height="14"/></g></svg> {word}</span>"#
        );
    }
    for (class, word) in [("silent", "nobody speaks"), ("both", "two speak")] {
        let _ = write!(
            out,
            r#"<span><svg width="30" height="16" aria-hidden="true"><g class="{class}"><rect x="2" y="2" width="26" height="12"/></g></svg> {word}</span>"#
        );
    }
    for kind in MarkKind::ALL {
        let word = kind.word();
        let _ = write!(
            out,
            r#"<span><svg width="30" height="18" aria-hidden="true"><path class="mark {word}" d="M26 0V18"/><g class="badge {word}"><rect x="1" y="1" width="18" height="16" rx="4"/><text x="10" y="13" text-anchor="middle">n</text></g></svg> {word}</span>"#
        );
    }
    out
}

fn section(scene: &SceneReport, index: usize) -> String {
    // Badges and the list below them count the marks in the order of time.
    let mut scene = scene.clone();
    scene.timeline.marks.sort_by_key(|mark| mark.at_ms);
    let scene = &scene;
    let id = format!("scene-{index}");
    let name = escape(&scene.scene);
    let drawn = chart(scene, &id);
    let judged = if scene.openapi_judged {
        "Discord's OpenAPI description and our rules"
    } else {
        "our hand-written rules only"
    };
    let mut out = format!(
        r#"<section class="scene" aria-labelledby="{id}"><div class="head"><h2 id="{id}">{name}</h2>{}</div>"#,
        verdict(scene)
    );
    let _ = write!(
        out,
        r#"<p class="soft">{} s of protocol time in {} real seconds (pace {}) · {} interactions, {} answered, {} missed · {} effects accepted · {} identifies, {} resumes · requests judged by {judged}</p>"#,
        seconds(scene.protocol_ms),
        seconds(scene.real_ms),
        pace(scene.pace),
        scene.interactions,
        scene.answered,
        scene.missed,
        scene.effects,
        scene.identifies,
        scene.resumes,
    );
    let both: Vec<&String> = scene.broken.iter().chain(&scene.violation_texts).collect();
    if !both.is_empty() {
        let _ = write!(out, r#"<div class="alarm">{}</div>"#, list("ul", &both));
    }
    if !scene.notes.is_empty() {
        out.push_str(&list("ul", &scene.notes.iter().collect::<Vec<_>>()));
    }
    let _ = write!(
        out,
        r#"<div class="chart" style="min-height:{}px"><div style="width:{NAMES}px">{}</div><div class="scroll" tabindex="0" role="region" aria-label="Timeline of {name}, scrolls sideways">{}</div></div>"#,
        drawn.height, drawn.names, drawn.lanes,
    );
    out.push_str(&marks(scene));
    out.push_str(&words(scene));
    out.push_str("</section>");
    out
}

fn list(tag: &str, items: &[&String]) -> String {
    let items: String = items.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
    format!("<{tag}>{items}</{tag}>")
}

fn marks(scene: &SceneReport) -> String {
    if scene.timeline.marks.is_empty() {
        return String::new();
    }
    let mut out = r#"<h3>Marks</h3><table class="marks"><thead><tr><th scope="col">no.</th><th scope="col">at</th><th scope="col" class="left">kind</th><th scope="col" class="left">what happened</th></tr></thead><tbody>"#.to_owned();
    for (index, mark) in scene.timeline.marks.iter().enumerate() {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{} s</td><td>{}</td><td>{}</td></tr>",
            index + 1,
            seconds(mark.at_ms),
            mark.kind.word(),
            escape(&mark.text),
        );
    }
    out.push_str("</tbody></table>");
    out
}

/// The lanes as sentences, for who cannot see or point.
fn words(scene: &SceneReport) -> String {
    let timeline = &scene.timeline;
    let say = |segments: Vec<Segment>| {
        let parts = segments.iter().map(|segment| {
            format!("{} from {} s to {} s", escape(&segment.label), seconds(segment.from_ms), seconds(segment.to_ms))
        });
        parts.collect::<Vec<_>>().join("; ")
    };
    let spans = timeline.spans.iter().map(|span| Segment {
        from_ms: span.from_ms,
        to_ms: span.to_ms,
        label: format!("{} under term {} with {} effects", span.site, span.term, span.effects),
    });
    let lanes = [
        ("lease", say(timeline.segments(super::Sample::lease_words))),
        ("spoke", say(spans.collect())),
        ("probe", say(timeline.segments(|sample| sample.probe.clone()))),
        ("wanted", say(timeline.segments(|sample| sample.desired.clone()))),
        ("instance", say(timeline.segments(|sample| sample.instance.clone()))),
        ("laptop node", say(timeline.segments(|sample| sample.nodes.laptop.clone()))),
        ("cloud node", say(timeline.segments(super::Sample::cloud_words))),
    ];
    let items: String = lanes.iter().map(|(name, text)| format!("<li><strong>{name}</strong>: {text}</li>")).collect();
    format!("<details><summary>The same in words</summary><ul>{items}</ul></details>")
}

#[cfg(test)]
mod tests {
    use super::{escape, fill, render};
    use crate::report::{DrillReport, sample};

    #[test]
    fn every_text_of_the_report_is_escaped() {
        let mut report = sample::drill();
        let evil = "<b id=\"evil\">'&{{policy}}".to_owned();
        report.version.clone_from(&evil);
        report.pace_note.clone_from(&evil);
        report.policy = serde_json::json!({ evil.clone(): evil.clone() });
        for scene in &mut report.scenes {
            scene.scene.clone_from(&evil);
            scene.notes = vec![evil.clone()];
            scene.broken = vec![evil.clone()];
            scene.violation_texts = vec![evil.clone()];
            scene.timeline.marks[0].text.clone_from(&evil);
            for look in &mut scene.timeline.samples {
                for text in [&mut look.probe, &mut look.desired, &mut look.instance, &mut look.nodes.laptop] {
                    text.clone_from(&evil);
                }
            }
        }
        let page = render(&report);
        assert!(!page.contains("<b id") && !page.contains("<script"), "markup of the report reached the page");
        assert!(page.contains("&lt;b id=&quot;evil&quot;&gt;&#39;&amp;{{policy}}"));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = render(&sample::drill());
        for needle in ["http://", "https://", "<script", "<link", "<img", "@import", "src="] {
            assert!(!page.contains(needle), "{needle}");
        }
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
    }

    #[test]
    fn each_scene_has_a_drawing_a_verdict_and_words() {
        let page = render(&sample::drill());
        for text in [
            "1 of 2 scenes passed",
            "✗ broken",
            r#"aria-labelledby="scene-1-t scene-1-d""#,
            "lease</strong>: free from 0.0 s to 1.0 s; laptop · term 1 from 1.0 s to 88.0 s",
            "S3 SingleSpeaker: two sites spoke at once from 69.9 s on",
        ] {
            assert!(page.contains(text), "{text}");
        }
        let count = |needle: &str| page.matches(needle).count();
        assert_eq!(count(r#"<svg class="lanes""#), 2);
        for tag in ["g", "svg", "section", "details", "table", "div", "span"] {
            assert_eq!(count(&format!("<{tag} ")) + count(&format!("<{tag}>")), count(&format!("</{tag}>")), "{tag}");
        }
    }

    #[test]
    fn ids_on_the_page_are_unique() {
        let page = render(&sample::drill());
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn marks_are_numbered_in_the_order_of_time() {
        let mut report = sample::drill();
        let page = render(&report);
        report.scenes[0].timeline.marks.reverse();
        assert_eq!(render(&report), page);
    }

    #[test]
    fn an_empty_drill_still_makes_a_page() {
        assert!(render(&DrillReport::default()).contains("0 of 0 scenes passed"));
    }

    #[test]
    fn filling_looks_at_the_template_only() {
        assert_eq!(fill("a{{x}}b{{y}}", &[("x", "{{y}}"), ("y", "2")]), "a{{y}}b2");
        assert_eq!(escape("a\u{0}\n<"), "a \n&lt;");
    }
}
