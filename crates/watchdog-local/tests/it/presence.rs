//! What the bot shows about itself: nothing, unless its settings say so, and then the site that speaks now.

use relais_world::discord::Kind;
use serde_json::{Value, json};

use crate::bot_process::Site;

fn shown(site: &Site) -> Vec<Value> {
    let of = |kind: Kind| match kind {
        Kind::Presence { shown, .. } => serde_json::from_str(&shown).ok(),
        _ => None,
    };
    site.discord.log().into_iter().filter_map(|entry| of(entry.kind)).collect()
}

async fn shown_within_a_while(site: &Site, count: usize) -> Vec<Value> {
    for _ in 0..3_000 {
        if shown(site).len() >= count {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    shown(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_shown_when_configured_and_again_after_a_move() {
    let mut site = Site::with(10.0, |_, settings| {
        settings["discord"]["presence"] = json!({ "kind": "watching", "text": "from the {site}" });
    })
    .await;
    site.start();
    site.sessions(1).await;
    // The session goes on, so it would go on showing what the predecessor wanted.
    site.stop();
    site.start();
    site.sessions(2).await;
    let shown = shown_within_a_while(&site, 2).await;
    let names: Vec<&Value> = shown.iter().map(|presence| &presence["activities"][0]["name"]).collect();
    assert_eq!(names, ["from the laptop", "from the laptop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_tells_nothing_unless_configured() {
    let mut site = Site::new(10.0).await;
    site.start();
    site.sessions(1).await;
    site.stop();
    site.start();
    site.sessions(2).await;
    site.stop();
    assert_eq!(shown(&site), Vec::<Value>::new());
}
