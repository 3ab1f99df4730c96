//! Writes a made-up report, to look at: `report_sample FILE.html` writes the page, without a file it plays the live
//! view of both scenes and prints the table.

use std::{thread, time::Duration};

use relais_world::report::{
    DrillReport, Mark, MarkKind, Nodes, Sample, SceneReport, SpeakerSpan, Timeline, html, table,
    terminal::{Live, colour_wanted},
};

#[path = "../src/report/sample.rs"]
mod sample;

fn main() -> std::io::Result<()> {
    let report = sample::drill();
    if let Some(file) = std::env::args().nth(1) {
        return std::fs::write(file, html::render(&report));
    }
    for scene in &report.scenes {
        let mut live = Live::start(&scene.scene, "a made-up scene", scene.protocol_ms);
        let mut marks = scene.timeline.marks.iter().peekable();
        for look in &scene.timeline.samples {
            while let Some(mark) = marks.next_if(|mark| mark.at_ms <= look.at_ms) {
                live.mark(mark);
            }
            live.sample(look);
            thread::sleep(Duration::from_millis(50));
        }
        live.finish(scene);
    }
    print!("{}", table::render(&report, colour_wanted()));
    Ok(())
}
