//! A bot of four shards: each has its session, through an orderly move, a crash, an invalid session and a new count.

use relais_failover::Policy;
use relais_world::discord::{Entry, InteractionUser, Kind, Opened, Outcome, SlashCommand};
use serde_json::{Value, json};

use crate::bot_process::Site;

/// One guild of each shard; the first is that of the small Discord.
const GUILDS: [u64; 4] = [100, (1 << 22) + 1, (2 << 22) + 1, (3 << 22) + 1];

async fn four() -> Site {
    // Slow enough that the spacing of IDENTIFYs has room for a busy machine.
    Site::with(4.0, |discord, _| {
        discord.shards = 4;
        discord.more_guilds = GUILDS[1..].to_vec();
    })
    .await
}

fn status(guild: Option<u64>) -> SlashCommand {
    let (user, locale) = (InteractionUser::new(7, "user-7"), "en-US".to_owned());
    SlashCommand { name: "status".to_owned(), options: Vec::new(), user, guild, channel: 201, locale }
}

/// Which shard opened a session, and how, in order since the log had `first` entries.
fn opened(site: &Site, first: usize) -> Vec<(u32, Opened, usize)> {
    let of = |entry: Entry| match entry.kind {
        Kind::SessionOpened { shard, how, replayed, .. } => Some((shard, how, replayed)),
        _ => None,
    };
    site.discord.log_since(first).into_iter().filter_map(of).collect()
}

/// The shards that opened a session in that way, sorted.
fn shards(opened: &[(u32, Opened, usize)], how: Opened) -> Vec<u32> {
    let mut shards: Vec<u32> = opened.iter().filter(|(_, way, _)| *way == how).map(|(shard, ..)| *shard).collect();
    shards.sort_unstable();
    shards
}

async fn everybody_is_answered(site: &Site) {
    for guild in GUILDS.map(Some).into_iter().chain([None]) {
        let asked = site.discord.interact(status(guild));
        let outcome = site.discord.outcome(asked.id).await;
        assert!(matches!(outcome, Outcome::Answered(_)), "{guild:?}: {outcome:?}");
    }
}

fn nothing_was_refused(site: &Site) {
    let refused = |entry: &Entry| matches!(entry.kind, Kind::SessionRefused { .. } | Kind::TokenReset);
    let refused: Vec<Entry> = site.discord.log().into_iter().filter(refused).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(site.discord.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_shards_keep_their_sessions_through_every_move() {
    let mut site = four().await;
    site.start();
    site.sessions(4).await;
    assert_eq!(shards(&opened(&site, 0), Opened::Identify), [0, 1, 2, 3]);
    everybody_is_answered(&site).await;

    // In order: what users did meanwhile is replayed to the shard that it belongs to.
    site.stop();
    let seen = site.discord.log().len();
    for guild in GUILDS {
        site.discord.interact(status(Some(guild)));
    }
    site.start();
    site.sessions(8).await;
    let resumed = opened(&site, seen);
    assert_eq!(shards(&resumed, Opened::Resume), [0, 1, 2, 3]);
    assert!(resumed.iter().all(|(_, _, replayed)| *replayed == 1), "{resumed:?}");
    everybody_is_answered(&site).await;

    // Without a word: the saved rows are what is left.
    site.kill();
    let seen = site.discord.log().len();
    site.start();
    site.sessions(12).await;
    assert_eq!(shards(&opened(&site, seen), Opened::Resume), [0, 1, 2, 3]);
    everybody_is_answered(&site).await;
    nothing_was_refused(&site);

    // One shard's trouble is its own.
    let seen = site.discord.log().len();
    assert_eq!(site.discord.invalidate_shard(2), 1);
    site.sessions(13).await;
    assert_eq!(opened(&site, seen), [(2, Opened::Identify, 0)]);
    everybody_is_answered(&site).await;

    // More servers than four shards may serve.
    let seen = site.discord.log().len();
    assert_eq!(site.discord.require_shards(6), 4);
    site.sessions(19).await;
    assert_eq!(shards(&opened(&site, seen), Opened::Identify), [0, 1, 2, 3, 4, 5]);
    everybody_is_answered(&site).await;
    assert_eq!(site.discord.sessions(), 6);

    // The new count is what the next process begins with.
    site.stop();
    let seen = site.discord.log().len();
    site.start();
    site.sessions(25).await;
    assert_eq!(shards(&opened(&site, seen), Opened::Resume), [0, 1, 2, 3, 4, 5]);
    nothing_was_refused(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_shards_begin_at_once_as_discord_allows() {
    // Who stood behind another one would wait for an hour.
    let mut site = Site::with(4.0, |discord, settings| {
        discord.shards = 4;
        discord.max_concurrency = 4;
        discord.more_guilds = GUILDS[1..].to_vec();
        let mut policy: Value = serde_json::from_str(&Policy::embedded().paced(4.0).unwrap().to_json()).unwrap();
        policy["identify_spacing_ms"] = json!(3_600_000);
        let file = format!("{}.slow", settings["policy"].as_str().unwrap());
        std::fs::write(&file, policy.to_string()).unwrap();
        settings["policy"] = json!(file);
    })
    .await;
    site.start();
    site.sessions(4).await;
    everybody_is_answered(&site).await;
    nothing_was_refused(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_may_ask_for_fewer_shards_than_discord_recommends() {
    let mut site = Site::with(10.0, |discord, settings| {
        discord.shards = 4;
        discord.more_guilds = GUILDS[1..].to_vec();
        settings["discord"]["shards"] = json!(2);
    })
    .await;
    site.start();
    site.sessions(2).await;
    everybody_is_answered(&site).await;
    assert_eq!(site.discord.sessions(), 2);
}
