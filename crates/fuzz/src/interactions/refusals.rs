//! Which refusal a reply is, by its words.

use relais_bot::language::{Language, Said, say};

/// The texts that say why not.
pub(crate) const IDS: &[&str] = &[
    "slow-down",
    "unknown-command",
    "when-unreadable",
    "when-past",
    "when-too-soon",
    "when-too-far",
    "what-empty",
    "reminders-full",
    "reminder-gone",
    "zone-unknown",
    "zone-server-refused",
    "tag-name-bad",
    "tag-unknown",
    "tag-forbidden",
    "tag-full",
    "tag-text-bad",
    "poll-question-bad",
    "poll-answers-bad",
    "poll-hours-bad",
    "status-none",
    "operators-only",
    "failover-to-bad",
    "failover-hours-bad",
    "failover-reason-bad",
];

/// What stands for a variable while the texts are compared.
const HOLE: &str = "\u{1}";

/// What a refusal is counted as.
pub(crate) fn note(id: &str) -> String {
    format!("refused: {id}")
}

/// The texts of both languages.
#[derive(Debug)]
pub(crate) struct Refusals {
    /// Each with what stands before its first and after its last variable.
    texts: Vec<(&'static str, String, String)>,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        let with = [
            ("most", Said::Text(HOLE)),
            ("name", Said::Text(HOLE)),
            ("zone", Said::Text(HOLE)),
            // A wait is as long as a window or shorter, so it is a plural nearly always.
            ("seconds", Said::Text(HOLE)),
        ];
        let texts = [Language::English, Language::French].into_iter().flat_map(|language| {
            IDS.iter().map(move |&id| {
                let text = say(language, id, &with);
                let (before, rest) = text.split_once(HOLE).unwrap_or((&text, ""));
                let after = rest.rsplit(HOLE).next().unwrap_or_default();
                (id, before.to_owned(), after.to_owned())
            })
        });
        Self { texts: texts.collect() }
    }

    /// The id of the refusal that a text is, if it is one.
    pub(crate) fn find(&self, text: &str) -> Option<&'static str> {
        let fits = |(_, before, after): &&(&str, String, String)| text.starts_with(before) && text.ends_with(after);
        self.texts.iter().find(fits).map(|(id, ..)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_words_whatever_fills_them() {
        let refusals = Refusals::new();
        let said = |id, with: &[(&str, Said<'_>)]| say(Language::French, id, with);
        assert_eq!(refusals.find(&said("tag-unknown", &[("name", Said::Text("milk"))])), Some("tag-unknown"));
        assert_eq!(refusals.find(&said("slow-down", &[("seconds", Said::Count(7))])), Some("slow-down"));
        assert_eq!(refusals.find(&said("when-past", &[])), Some("when-past"));
        assert_eq!(refusals.find(&said("mydata-sure", &[])), None);
    }

    #[test]
    fn every_text_is_in_the_files() {
        assert!(Refusals::new().texts.iter().all(|(id, before, _)| !before.starts_with(id)));
    }
}
