//! `watchdog-local`: rehearse a failover on this machine (`drill`, the default), watch real endpoints (`watch`), make, copy
//! and restore a store (`init`, `backup`, `restore`), or be the Discord of bots that run elsewhere (`discord`).
//!
//! The binary is also the bot and the health server of the rehearsal's sites (`bot`, `health`: the same code as their
//! own binaries), so that one build has every process of the drill.

#[cfg(feature = "aws")]
mod account;
mod arguments;
mod backup;
mod company;
mod drill;
mod init;
mod sites;
mod small_discord;
mod watch;
mod watch_config;

use std::process::ExitCode;

use arguments::{Arguments, Subcommand};

fn main() -> ExitCode {
    let mut given = std::env::args_os();
    let program = given.next();
    let rest: Vec<_> = given.collect();
    match rest.first().and_then(|word| word.to_str()) {
        Some("bot") => return relais_bot::main_from(rest),
        Some("health") => return relais_health::main_from(rest),
        Some(_) | None => {}
    }
    relais_host::command_line::run(program.into_iter().chain(rest), |arguments: Arguments| match arguments.subcommand {
        None => drill::run(arguments::Drill::default()),
        Some(Subcommand::Drill(drill)) => drill::run(drill),
        Some(Subcommand::Init(init)) => init::run(&init),
        Some(Subcommand::Backup(order)) => backup::back_up(&order),
        Some(Subcommand::Restore(order)) => backup::put_back(&order),
        Some(Subcommand::Watch(watch)) => watch::run(&watch),
        Some(Subcommand::Carry(carry)) => company::carry(&carry),
        Some(Subcommand::Company(company)) => company::keep(&company),
        Some(Subcommand::Discord(discord)) => small_discord::run(discord),
    })
}
