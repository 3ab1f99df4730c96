//! The command line of a binary: what is wrong with it is one line and exit code 64, help is no error.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser};

use crate::exit::{self, BadUsage};

/// What every process of a site is asked.
#[derive(Debug, Args)]
pub struct SiteArguments {
    /// The settings, a JSON file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Only check the settings and the files that they name.
    #[arg(long)]
    pub check_config: bool,
    /// Log as JSON lines.
    #[arg(long)]
    pub log_json: bool,
}

impl SiteArguments {
    /// Says that the settings are good: the answer to `--check-config`.
    #[expect(clippy::print_stdout, reason = "the answer that was asked for")]
    pub fn say_good(&self) {
        println!("{}: ok", self.config.display());
    }
}

/// Reads the arguments (the first is the program's name), runs the program with them, and gives its exit code as
/// [`exit::report`] has it.
pub fn run<A: Parser>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    program: impl FnOnce(A) -> anyhow::Result<()>,
) -> ExitCode {
    match A::try_parse_from(arguments) {
        Ok(arguments) => exit::report(program(arguments)),
        Err(error) if error.use_stderr() => exit::report(Err(BadUsage(fault(&error.to_string())).into())),
        Err(help) => {
            // A closed stdout is no failure of `--help`.
            let _ = help.print();
            ExitCode::SUCCESS
        }
    }
}

/// What is wrong, without the page on how to use it: that is in `--help`.
fn fault(text: &str) -> String {
    let fault = text.split("\n\nUsage").next().unwrap_or(text).trim_start_matches("error: ");
    let words: Vec<&str> = fault.split_whitespace().collect();
    format!("{} (see --help)", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Sample {
        #[command(flatten)]
        site: SiteArguments,
    }

    fn text_of(arguments: &[&str]) -> String {
        fault(&Sample::try_parse_from(arguments).unwrap_err().to_string())
    }

    #[test]
    fn a_fault_is_one_line_that_names_the_argument() {
        for (arguments, named) in [(&["x"][..], "--config <FILE>"), (&["x", "--config", "a", "--colour"], "--colour")] {
            let text = text_of(arguments);
            assert!(text.contains(named) && text.ends_with("(see --help)"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn arguments_reach_the_program() {
        let mut seen = None;
        let _ = run(["x", "--config", "a.json", "--check-config"], |arguments: Sample| {
            seen = Some((arguments.site.config, arguments.site.check_config, arguments.site.log_json));
            Ok(())
        });
        assert_eq!(seen, Some((PathBuf::from("a.json"), true, false)));
    }
}
