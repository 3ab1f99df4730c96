//! Counts tests in the output of `cargo test`.

/// What the lines `test result: …` of one run add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    /// Passed, doc tests included.
    pub(crate) passed: u64,
    /// Failed, doc tests included.
    pub(crate) failed: u64,
    /// Present but marked as ignored.
    pub(crate) ignored: u64,
    /// Of the passed and failed, those in documentation.
    pub(crate) documented: u64,
}

impl Tests {
    /// Adds up the output of a run.
    pub(crate) fn in_output(text: &str) -> Self {
        let mut sum = Self::default();
        let mut in_documentation = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("Doc-tests ") {
                in_documentation = true;
            } else if line.starts_with("Running ") {
                in_documentation = false;
            } else if let Some(result) = line.strip_prefix("test result: ") {
                let (passed, failed) = (number_before(result, "passed"), number_before(result, "failed"));
                sum.passed += passed;
                sum.failed += failed;
                sum.ignored += number_before(result, "ignored");
                if in_documentation {
                    sum.documented += passed + failed;
                }
            }
        }
        sum
    }
}

/// The number before a word in `ok. 12 passed; 0 failed; …`; 0 if the word is not there.
fn number_before(result: &str, word: &str) -> u64 {
    result
        .split([';', '.'])
        .filter_map(|part| part.trim().split_once(' '))
        .find_map(|(number, unit)| (unit.trim() == word).then(|| number.parse().ok()).flatten())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tests;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/relais_failover-0a1b)

running 3 tests
test lease::tests::a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/it/main.rs (target/debug/deps/it-0a1b)
test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s

   Doc-tests relais_failover
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.40s

all doctests ran in 0.71s; merged doctests compilation took 0.30s
     Running unittests src/lib.rs (target/debug/deps/relais_store-0a1b)
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn every_binary_is_added_up() {
        let expected = Tests { passed: 52, failed: 2, ignored: 1, documented: 4 };
        assert_eq!(Tests::in_output(OUTPUT), expected);
    }

    #[test]
    fn output_without_results_counts_nothing() {
        assert_eq!(Tests::in_output("error: could not compile `relais-bot`\n"), Tests::default());
    }
}
