//! What users read: every text stands in `locales/*.ftl` (Fluent), none in the code.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
pub use relais_moment::Language;

/// Every language with its file, the one to fall back on first.
const FILES: [(Language, &str, &str); 2] = [
    (Language::English, "en-US", include_str!("../locales/en.ftl")),
    (Language::French, "fr", include_str!("../locales/fr.ftl")),
];

/// Discord's name of the language that names and descriptions are translated to at registration.
pub const FRENCH: &str = "fr";

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; 2]> = LazyLock::new(|| FILES.map(|(_, name, text)| bundle(name, text)));

/// The language of a Discord locale (`fr`, `en-GB`, …): French for every French, else English.
#[must_use]
pub fn of_locale(locale: &str) -> Language {
    if locale == "fr" || locale.starts_with("fr-") { Language::French } else { Language::English }
}

/// The short name under which a language is kept in records.
#[must_use]
pub const fn code(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::French => "fr",
    }
}

/// A text of the locale files. `id` is a message, or `message.attribute`.
///
/// An id or a variable that is not in the files is a mistake that the tests find; here it gives the id itself, so that a
/// user still gets an answer.
#[must_use]
pub fn say(language: Language, id: &str, with: &[(&str, Said<'_>)]) -> String {
    let bundle = match language {
        Language::English => &BUNDLES[0],
        Language::French => &BUNDLES[1],
    };
    let (message, attribute) = id.split_once('.').map_or((id, None), |(message, name)| (message, Some(name)));
    let found = bundle.get_message(message).and_then(|message| match attribute {
        Some(name) => message.get_attribute(name).map(|attribute| attribute.value()),
        None => message.value(),
    });
    let Some(pattern) = found else {
        tracing::error!(id, "text not in the locale files");
        return id.to_owned();
    };
    let arguments: FluentArgs<'_> = with.iter().map(|(name, said)| (*name, said.value())).collect();
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
    if !errors.is_empty() {
        tracing::error!(id, ?errors, "text of the locale files not complete");
    }
    text
}

/// What fills a variable of a text.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// Words, shown as they are.
    Text(&'a str),
    /// A number that chooses between singular and plural.
    Count(u64),
}

impl Said<'_> {
    fn value(&self) -> FluentValue<'_> {
        match self {
            Self::Text(text) => FluentValue::from(*text),
            Self::Count(count) => FluentValue::from(*count),
        }
    }
}

#[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them")]
fn bundle(name: &str, text: &str) -> Bundle {
    let resource = FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| errors);
    let mut bundle = FluentBundle::new_concurrent(vec![name.parse().expect("a language's name is one")]);
    // Discord shows the marks that keep mixed directions apart as boxes; both languages run the same way.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource.expect("the locale files are well-formed")).expect("no message stands twice");
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Each message or attribute with the variables in it.
    fn contents(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let (mut found, mut message, mut id): (BTreeMap<String, BTreeSet<String>>, _, _) =
            (BTreeMap::new(), String::new(), String::new());
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if let Some((name, _)) =
                line.split_once(" =").filter(|_| line.starts_with(|first: char| first.is_lowercase()))
            {
                (message, id) = (name.to_owned(), name.to_owned());
            } else if let Some((name, _)) = line.trim().strip_prefix('.').and_then(|rest| rest.split_once(" =")) {
                id = format!("{message}.{name}");
            }
            let variables = line.split('$').skip(1).map(|rest| {
                rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '-').collect::<String>()
            });
            found.entry(id.clone()).or_default().extend(variables);
        }
        found
    }

    #[test]
    fn every_language_has_the_same_texts_with_the_same_variables() {
        let [english, french] = FILES.map(|(_, _, text)| contents(text));
        assert!(english.len() > 100, "only {} texts", english.len());
        assert_eq!(english, french);
    }

    #[test]
    fn every_text_of_the_code_is_in_the_files_and_every_text_of_the_files_in_the_code() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![folder];
        let mut code = String::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => code.push_str(&std::fs::read_to_string(path).unwrap()),
                }
            }
        }
        let texts = contents(FILES[0].2);
        let unused: Vec<_> =
            texts.keys().filter(|id| !id.contains('.') && !code.contains(&format!("\"{id}\""))).collect();
        assert!(unused.is_empty(), "no code says {unused:?}");
        let said = code.split("say(").skip(1).filter_map(|call| {
            let (before, rest) = call.split_once('"')?;
            // The id stands second; where a variable does, somebody else names it.
            let second = before.matches(',').count() == 1;
            rest.split_once('"').map(|(id, _)| id).filter(|_| second)
        });
        let unknown: Vec<_> = said.filter(|id| !texts.contains_key(*id) && !id.contains('{')).collect();
        assert!(unknown.is_empty(), "the files do not have {unknown:?}");
    }

    #[test]
    fn counts_choose_singular_and_plural() {
        let said = |language, seconds| say(language, "slow-down", &[("seconds", Said::Count(seconds))]);
        assert_eq!(said(Language::English, 1), "That is a lot at once. Try again in one second.");
        assert_eq!(said(Language::English, 20), "That is a lot at once. Try again in 20 seconds.");
        assert_eq!(said(Language::French, 1), "Cela fait beaucoup à la fois. Réessayez dans 1 seconde.");
        assert_eq!(say(Language::French, "remind.name", &[]), "rappel");
    }

    #[test]
    fn every_french_is_french() {
        let languages = ["fr", "fr-CA", "en-US", "fry", "de"].map(of_locale);
        let (french, english) = (Language::French, Language::English);
        assert_eq!(languages, [french, french, english, english, english]);
    }
}
