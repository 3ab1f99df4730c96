//! The small Discord keeps Discord's promises: to raw sockets, and to the two libraries the bot is made of.

mod clients;
mod gateway;
mod link;
mod rest;
mod webhook;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use relais_world::discord::{DiscordConfig, InteractionUser, SlashCommand, SmallDiscord};

/// The token every client uses.
pub(super) const TOKEN: &str = "MTIzNDU2Nzg5.rehearsal.token";
/// The application.
pub(super) const APPLICATION: u64 = 123_456_789;

/// Two sources on free ports; a clock that is good enough for tests.
pub(super) fn config(pace: f64) -> DiscordConfig {
    let start = tokio::time::Instant::now();
    let clock = Arc::new(move || u64::try_from(start.elapsed().as_millis()).unwrap());
    let any = || "127.0.0.1:0".parse().unwrap();
    let listeners = vec![("laptop".to_owned(), any()), ("cloud".to_owned(), any())];
    let mut config = DiscordConfig::new(listeners, TOKEN, APPLICATION, clock);
    config.pace = pace;
    config.openapi = openapi();
    config
}

/// Discord's document, where it is at hand: beside the project, or where `RELAIS_SHARED` says. The gate tells whether it
/// is; without it the tests lean on the hand-written rules alone.
pub(super) fn openapi() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("RELAIS_SHARED").map_or(beside, PathBuf::from);
    Some(shared.join("data/discord-openapi.json")).filter(|path| path.exists())
}

/// A small Discord at this pace.
pub(super) async fn discord(pace: f64) -> SmallDiscord {
    SmallDiscord::start(config(pace)).await.unwrap()
}

/// `/status` by somebody.
pub(super) fn status() -> SlashCommand {
    SlashCommand {
        name: "status".to_owned(),
        options: Vec::new(),
        user: InteractionUser::new(7, "ada"),
        guild: Some(100),
        channel: 201,
        locale: "fr".to_owned(),
    }
}

/// Waits until something holds, twenty seconds at most.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
