//! `relais-bot`: the bot of one site.

use std::process::ExitCode;

fn main() -> ExitCode {
    relais_bot::main_from(std::env::args_os())
}
