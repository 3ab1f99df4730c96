//! `relais-handover`: hands the bot over before this machine sleeps or goes off.

use std::process::ExitCode;

fn main() -> ExitCode {
    relais_handover::main_from(std::env::args_os())
}
