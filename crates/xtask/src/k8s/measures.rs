//! What the programs count: each crate's own list (`src/measures.rs`), held to its code both ways.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::files::below;

/// Crates whose processes have a page of metrics.
const COUNTING: &[&str] = &["crates/bot/src", "crates/health/src"];
const LIST: &str = "measures.rs";
/// A list that somebody emptied by mistake proves nothing.
const LEAST: usize = 20;

/// Every metric with its kind, and where list and code differ.
pub(crate) struct Measures {
    /// By name: `counter`, `gauge` or `histogram`.
    pub(crate) declared: BTreeMap<String, &'static str>,
    /// In words.
    pub(crate) faults: Vec<String>,
}

impl Measures {
    /// Reads the lists and the code beside them.
    ///
    /// # Errors
    /// A file cannot be read, or there are suspiciously few.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut all = Self { declared: BTreeMap::new(), faults: Vec::new() };
        for folder in COUNTING {
            let (mut list, mut code) = (String::new(), String::new());
            for path in below(&root.join(folder))? {
                let source = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                if path.file_name().is_some_and(|name| name == LIST) { list = source } else { code += &source }
            }
            all.take(folder, &list, &code);
        }
        ensure!(all.declared.len() >= LEAST, "only {} metrics were found in the programs", all.declared.len());
        Ok(all)
    }

    fn take(&mut self, folder: &str, list: &str, code: &str) {
        let declared = called(list, "Metric::", "(");
        let counted = called(code, "", "!(");
        for (name, kind) in &counted {
            match declared.get(name) {
                Some(said) if said == kind => {}
                Some(said) => {
                    self.faults.push(format!("{folder}: {name} is counted as a {kind} and listed as a {said}"))
                }
                None => self.faults.push(format!("{folder}: {name} is counted and not in {LIST}")),
            }
        }
        let idle = declared.keys().filter(|name| !code.contains(&format!("\"{name}\"")));
        self.faults.extend(idle.map(|name| format!("{folder}: {name} is in {LIST} and counted nowhere")));
        self.declared.extend(declared);
    }
}

/// The names that a source gives to `counter`, `gauge` and `histogram`, each between `before` and `after`.
fn called(source: &str, before: &str, after: &str) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for kind in ["counter", "gauge", "histogram"] {
        for rest in source.split(&format!("{before}{kind}{after}")).skip(1) {
            let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            found.extend(name.map(|name| (name.to_owned(), kind)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "Metric::counter(\"a_total\", \"A\"), Metric::gauge(\n  \"b\", \"B\")";

    fn faults(list: &str, code: &str) -> Vec<String> {
        let mut measures = Measures { declared: BTreeMap::new(), faults: Vec::new() };
        measures.take("crate", list, code);
        measures.faults
    }

    #[test]
    fn a_list_and_its_code_agree() {
        let code = "metrics::counter!(\n  \"a_total\", \"why\" => x).increment(1); [(\"b\", value)]";
        assert_eq!(faults(LISTED, code), Vec::<String>::new());
    }

    #[test]
    fn what_is_counted_and_not_listed_is_found_and_the_other_way_round() {
        let code = "metrics::gauge!(\"a_total\").set(1.0); metrics::histogram!(\"c\").record(1.0);";
        assert_eq!(
            faults(LISTED, code),
            [
                "crate: a_total is counted as a gauge and listed as a counter",
                "crate: c is counted and not in measures.rs",
                "crate: b is in measures.rs and counted nowhere",
            ]
        );
    }

    #[test]
    fn the_programs_agree_with_their_lists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_eq!(Measures::read(&root).unwrap().faults, Vec::<String>::new());
    }
}
