//! `/failover move`, pressed by an operator: the bot really moves between two processes, and back.

use std::time::Duration;

use relais_failover::{ControlMode, Site as Place};
use relais_world::discord::{CommandOption, DiscordConfig, Kind, Opened};
use serde_json::{Value, json};

use crate::bot_process::Site;
use crate::person::{Person, number, parts, text};

/// Who holds the lease, once it is `place` (or after a minute, whoever it then is).
async fn holder(site: &Site, place: Place) -> Option<Place> {
    let holds = async || {
        let lease = site.store.read_board().await.unwrap().lease.unwrap();
        lease.holder.map(|claim| claim.site)
    };
    for _ in 0..6_000 {
        if holds().await == Some(place) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    holds().await
}

async fn asks_for(me: &Person<'_>, to: &str) {
    let options = vec![text("to", to), number("hours", 1), text("reason", "new memory")];
    let question = me.says("failover", vec![CommandOption::subcommand("move", options)]).await;
    let done = me.presses(&question, &parts(&question)[0], None).await;
    assert!(done.content.starts_with(&format!("Asked for: the bot belongs to {to}")), "{}", done.content);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_moves_the_bot_to_the_cloud_and_back_and_nothing_else_does() {
    there_and_back(Site::with(10.0, operated).await).await;
}

/// Names the operator in a site's settings.
pub(crate) fn operated(_: &mut DiscordConfig, settings: &mut Value) {
    settings["discord"]["operators"] = json!(["7"]);
}

/// The whole of it, on any store.
pub(crate) async fn there_and_back(mut site: Site) {
    site.start();
    site.sessions(1).await;
    site.start_beside("cloud");
    let me = Person { site: &site, locale: "en-US", id: 7 };

    // Whoever is no operator has every permission in the server and is refused all the same.
    let stranger = Person { site: &site, locale: "en-US", id: 9 };
    let options = vec![text("to", "cloud"), number("hours", 1)];
    let refused = stranger.says("failover", vec![CommandOption::subcommand("move", options)]).await;
    assert!(parts(&refused).is_empty(), "{}", refused.content);
    assert_eq!(site.store.read_board().await.unwrap().control, None);
    assert_eq!(holder(&site, Place::Laptop).await, Some(Place::Laptop));

    asks_for(&me, "cloud").await;
    assert_eq!(holder(&site, Place::Cloud).await, Some(Place::Cloud));
    site.sessions(2).await;
    let status = me.says("failover", vec![CommandOption::subcommand("history", vec![])]).await;
    assert!(status.content.starts_with("cloud speaks under term 2 "), "{}", status.content);
    assert!(status.content.contains("handed over to cloud"), "{}", status.content);

    asks_for(&me, "laptop").await;
    assert_eq!(holder(&site, Place::Laptop).await, Some(Place::Laptop));
    site.sessions(3).await;
    let control = site.store.read_board().await.unwrap().control.unwrap();
    assert_eq!((control.mode, control.by), (ControlMode::ForceLaptop, Some(7)));

    let log = site.discord.log();
    let opened = log.iter().filter_map(|entry| match &entry.kind {
        Kind::SessionOpened { how, .. } => Some(*how),
        _ => None,
    });
    // Each move goes on with the predecessor's session: nothing that users did meanwhile is missed.
    assert_eq!(opened.collect::<Vec<_>>(), [Opened::Identify, Opened::Resume, Opened::Resume]);
    let violations: Vec<_> = site.discord.violations().iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(site.discord.tally().duplicates, 0);
}
