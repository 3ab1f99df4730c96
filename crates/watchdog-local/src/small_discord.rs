//! `watchdog-local discord`: the rehearsal's small Discord by itself, for bots that are started elsewhere: in a cluster, on a
//! virtual machine. What it hears is on stdout, one JSON object a line; who spoke is read there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use relais_host::clock;
use relais_host::exit::BadUsage;
use relais_host::secret::Secret;
use relais_world::discord::{DiscordConfig, Entry, InteractionUser, Kind, SlashCommand, SmallDiscord};
use serde_json::{Value, json};

/// How long what was heard may wait before it is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);
/// Somebody who is no operator.
const USER: u64 = 900;
/// The guild and the channel that every small Discord has.
const GUILD: u64 = 100;
const CHANNEL: u64 = 201;

#[derive(Debug, Parser)]
pub(crate) struct Discord {
    /// Where one site reaches it, as in `laptop=127.0.0.1:7001`; for each site. By which one a request comes in says who spoke.
    #[arg(long = "listen", value_name = "SITE=ADDRESS", required = true, value_parser = listener)]
    listeners: Vec<(String, SocketAddr)>,
    /// A file with the token that bots must show.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The application's id, as in the bots' settings.
    #[arg(long, default_value_t = 1_000_000_000_000_000_000)]
    application_id: u64,
    /// A user asks for /status this often. Without it nobody is there.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ask_every: Option<u64>,
}

fn listener(text: &str) -> Result<(String, SocketAddr), String> {
    let (site, address) = text.split_once('=').ok_or("expected SITE=ADDRESS, as in laptop=127.0.0.1:7001")?;
    let address: SocketAddr = address.parse().map_err(|_| format!("{address:?} is no address with a port"))?;
    if site.is_empty() || address.ip().is_unspecified() {
        return Err("name the site, and the address that bots connect to: it is handed out as the gateway's".to_owned());
    }
    Ok((site.to_owned(), address))
}

/// Serves until told to stop.
#[expect(clippy::print_stdout, reason = "what it hears is what was asked for")]
pub(crate) fn run(given: Discord) -> anyhow::Result<()> {
    let token = Secret::read(&given.token_file).map_err(|error| BadUsage(format!("--token-file: {error}")))?;
    let clock = Arc::new(|| clock::now().as_millis());
    let sites: Vec<String> = given.listeners.iter().map(|(site, _)| site.clone()).collect();
    let config = DiscordConfig::new(given.listeners, token.expose(), given.application_id, clock);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let discord = SmallDiscord::start(config).await.context("start the small Discord")?;
        for site in &sites {
            println!("{}", json!({ "source": site, "what": "listening", "address": discord.address(site) }));
        }
        let shutdown = relais_host::shutdown::token();
        let mut told = 0;
        let mut wait = tokio::time::interval(TOLD_EVERY);
        let mut asks = given.ask_every.map(|seconds| tokio::time::interval(Duration::from_secs(seconds)));
        loop {
            let ask = async {
                match &mut asks {
                    Some(asks) => asks.tick().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ask => drop(discord.interact(status())),
                _ = wait.tick() => {}
            }
            for entry in discord.log_since(told) {
                told += 1;
                println!("{}", line(&entry));
            }
        }
        discord.shutdown().await;
        Ok(())
    })
}

fn status() -> SlashCommand {
    SlashCommand {
        name: "status".to_owned(),
        options: Vec::new(),
        user: InteractionUser::new(USER, "ada"),
        guild: Some(GUILD),
        channel: CHANNEL,
        locale: "en-US".to_owned(),
    }
}

/// One entry of its log. `spoke` is true if users now see something new.
fn line(entry: &Entry) -> Value {
    let spoke = matches!(&entry.kind, Kind::Effect(effect) if effect.accepted());
    json!({ "at_ms": entry.at, "source": *entry.source, "spoke": spoke, "what": format!("{:?}", entry.kind) })
}

#[cfg(test)]
mod tests {
    use super::listener;

    #[test]
    fn a_listener_has_a_site_and_an_address_that_can_be_handed_out() {
        let good = ("laptop".to_owned(), "192.168.1.3:7001".parse().unwrap());
        assert_eq!(listener("laptop=192.168.1.3:7001"), Ok(good));
        for bad in ["laptop", "=127.0.0.1:1", "laptop=localhost", "laptop=0.0.0.0:7001"] {
            assert!(listener(bad).is_err(), "{bad}");
        }
    }
}
