//! `cargo xtask check`: the one gate that every change passes. `cargo xtask fuzz`: millions of cases, when there is time.
//! `cargo xtask bench-bot`: the bot under load. `cargo xtask costs`: the page of what it costs, written anew.
//!
//! Reading order: what is asked ([`main`]), the steps in their order ([`steps`]), what they share ([`gate`],
//! [`process`]), the steps that are more than one command ([`costs`], [`deny`], [`drill`], [`emulator`] with [`cloud`],
//! [`handover`], [`k8s`], [`nix`] with [`nix_style`], [`policy_table`], [`purity`], [`suspend`], [`terraform`] with its proof about rights,
//! [`iam`], [`workflows`]), programs that are built for them ([`installed`]) or come as packages ([`debian`]), how the result is
//! counted and shown
//! ([`count`], [`table`]), the long runs beside the gate ([`fuzz`], [`benchmarks`], [`e2e_aws`], [`cluster`]), what is shipped from here
//! ([`watchdog_zip`]).
//!
//! Deliberately absent: any step that changes the source, and any retry. A step that cannot run here says so in the
//! table and counts neither as passed nor as failed.

mod benchmarks;
mod cloud;
mod cluster;
mod costs;
mod count;
mod debian;
mod deny;
mod drill;
mod e2e_aws;
mod emulator;
mod files;
mod fuzz;
mod gate;
mod handover;
mod iam;
mod installed;
mod k8s;
mod nix;
mod nix_style;
mod policy_table;
mod process;
mod purity;
mod steps;
mod suspend;
mod table;
mod terraform;
mod watchdog_zip;
mod workflows;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser};

/// Bad usage, as everywhere in Relais.
const USAGE: u8 = 64;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The gate of Relais")]
enum Cli {
    /// Runs every step, ends in a table and `N passed, N failed`; exit 1 if anything failed
    Check(Check),
    /// Writes docs/costs.md and the README's claim anew from docs/prices.json and the policy
    Costs,
    /// Fuzzes interactions and the time reader, a million cases each unless told otherwise
    #[command(disable_help_flag = true)]
    Fuzz {
        /// For the fuzzer: `--cases N`, `--seed S`, `--target interactions|moments`; see `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Puts one bot process under load, and a minimal discord.py bot after it
    #[command(disable_help_flag = true)]
    BenchBot {
        /// For the benchmark: `--rate N`, `--seconds S`, `--json FILE`, `--goal`; see `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measures the watchdog as a Lambda function, and a handler in Python after it
    #[command(disable_help_flag = true)]
    BenchLambda {
        /// For the benchmark: `--starts N`, `--looks N`, `--json FILE`, `--goal`; see `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// A whole failover in an emulated cloud account: publish, apply, crash, home, destroy
    E2eAws {
        /// How the standby is switched on
        #[arg(long, value_enum, default_value = "launch")]
        mode: e2e_aws::Mode,
        /// With the watchdog as it is shipped, which takes minutes more to build
        #[arg(long)]
        shipped: bool,
    },
    /// Bot and health server as pods of a real Kubernetes: what is applied, what goes wrong, and a failover between two clusters
    Cluster(cluster::Asked),
    /// One act done to a site in a cluster; `cluster` and its drill use it
    #[command(hide = true)]
    ClusterSite {
        /// The site's plan
        plan: std::path::PathBuf,
        /// What is done
        #[arg(value_enum)]
        act: cluster::Act,
    },
    /// Builds and packs the watchdog for Lambda: target/dist/watchdog-lambda.zip
    WatchdogZip,
}

#[derive(Args)]
struct Check {
    /// Run this step only (may be repeated)
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(steps::names()), hide_possible_values = true)]
    only: Vec<String>,
    /// Leave this step out (may be repeated)
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(steps::names()), hide_possible_values = true)]
    skip: Vec<String>,
    /// Name the steps and run none
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let asked = match Cli::try_parse() {
        Ok(Cli::Check(asked)) => asked,
        Ok(Cli::Costs) => return code(gate::Gate::new().and_then(|gate| costs::write(&gate))),
        Ok(Cli::Fuzz { arguments }) => return code(gate::Gate::new().and_then(|gate| fuzz::run(&gate, &arguments))),
        Ok(Cli::BenchBot { arguments }) => {
            return code(gate::Gate::new().and_then(|gate| benchmarks::run(&gate, &arguments)));
        }
        Ok(Cli::BenchLambda { arguments }) => {
            return code(gate::Gate::new().and_then(|gate| benchmarks::run_lambda(&gate, &arguments)));
        }
        Ok(Cli::E2eAws { mode, shipped }) => {
            return code(gate::Gate::new().and_then(|gate| e2e_aws::run(&gate, mode, shipped)));
        }
        Ok(Cli::Cluster(asked)) => return code(gate::Gate::new().and_then(|gate| cluster::run(&gate, &asked))),
        Ok(Cli::ClusterSite { plan, act }) => {
            return code(gate::Gate::new().and_then(|gate| cluster::act(&gate, &plan, act)));
        }
        Ok(Cli::WatchdogZip) => return code(gate::Gate::new().and_then(|gate| watchdog_zip::run(&gate))),
        Err(error) => {
            // Nothing can be told if the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    if asked.list {
        for step in steps::ALL {
            println!("{:<14}{}", step.name, step.what);
        }
        return ExitCode::SUCCESS;
    }
    let chosen = |name: &str| {
        let named = |list: &[String]| list.iter().any(|other| other == name);
        (asked.only.is_empty() || named(&asked.only)) && !named(&asked.skip)
    };
    code(gate::check(&chosen))
}

fn code(result: anyhow::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
