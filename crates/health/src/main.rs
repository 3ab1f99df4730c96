//! `relais-health`: the health server of one site.

use std::process::ExitCode;

fn main() -> ExitCode {
    relais_health::main_from(std::env::args_os())
}
