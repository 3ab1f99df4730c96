//! The report for machines: `{"schema": 1, "passed": .., "version": .., "scenes": [{"scene": .., ..}], ..}`.

use serde::Serialize;

use super::DrillReport;

/// Raised whenever a field is renamed, removed or changes its meaning.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a> {
    schema: u32,
    passed: bool,
    #[serde(flatten)]
    report: &'a DrillReport,
}

/// The report as indented JSON with a final newline. Fields are those of [`DrillReport`], and `schema` and `passed`.
///
/// # Errors
/// Only if the policy value cannot be written as JSON, which a value that was read from JSON always can.
pub fn render(report: &DrillReport) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&Versioned { schema: SCHEMA, passed: report.passed(), report })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::report::{DrillReport, sample};

    #[test]
    fn each_scene_names_every_promised_field() {
        let value: Value = serde_json::from_str(&super::render(&sample::drill()).unwrap()).unwrap();
        let scenes = value["scenes"].as_array().unwrap();
        assert_eq!(scenes.len(), 2);
        let text =
            "scene pace speakers_max acknowledged lost duplicates missed outage_ms identifies starts stops violations";
        for scene in scenes {
            for field in text.split(' ') {
                assert!(!scene[field].is_null(), "{field} is missing");
            }
        }
        assert_eq!((&value["schema"], &value["passed"]), (&Value::from(1), &Value::from(false)));
        assert_eq!(scenes[0]["outage_ms"], 53_000);
        assert_eq!(scenes[0]["timeline"]["spans"][0]["site"], "laptop");
        assert_eq!(scenes[0]["timeline"]["marks"][2]["kind"], "fault");
    }

    #[test]
    fn a_report_survives_writing_and_reading() {
        let report = sample::drill();
        let back: DrillReport = serde_json::from_str(&super::render(&report).unwrap()).unwrap();
        assert_eq!(back, report);
    }
}
