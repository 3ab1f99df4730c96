//! What the bot shows about itself in the list of members. Nothing about the site, unless the settings say so.

use relais_failover::Site;
use serde::Deserialize;
use twilight_model::gateway::{
    payload::outgoing::update_presence::UpdatePresencePayload,
    presence::{Activity, ActivityType, MinimalActivity, Status},
};

/// Most characters of a text: Discord's limit for an activity.
const MOST: usize = 128;

/// What stands for the site's name.
const SITE: &str = "{site}";

/// The settings' own form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    status: Shown,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    text: Option<String>,
}

/// The dot beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shown {
    #[default]
    Online,
    Idle,
    DoNotDisturb,
    Invisible,
}

/// What stands before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// Nothing.
    #[default]
    Custom,
    Playing,
    Listening,
    Watching,
    Competing,
}

/// A presence that Discord takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    status: Shown,
    kind: Kind,
    text: Option<String>,
}

impl Presence {
    /// Checks the settings.
    ///
    /// # Errors
    /// What is wrong with the text, and the way out.
    pub fn new(file: File) -> Result<Self, String> {
        let File { status, kind, text } = file;
        if let Some(text) = &text {
            // The longest name of a site, so that both sites may have the same settings.
            let longest = Site::ALL.into_iter().map(|site| with_site(text, site).chars().count()).max().unwrap_or(0);
            if text.trim().is_empty() || longest > MOST {
                return Err(format!("the text has 1 to {MOST} characters; leave it out to show none"));
            }
            if text.replace(SITE, "").contains(['{', '}']) {
                return Err(format!("only {SITE} may stand in braces"));
            }
        }
        Ok(Self { status, kind, text })
    }

    /// As this site shows it.
    #[must_use]
    pub fn shown_at(&self, site: Site) -> UpdatePresencePayload {
        let status = match self.status {
            Shown::Online => Status::Online,
            Shown::Idle => Status::Idle,
            Shown::DoNotDisturb => Status::DoNotDisturb,
            Shown::Invisible => Status::Invisible,
        };
        let activities = self.text.iter().map(|text| activity(self.kind, with_site(text, site))).collect();
        UpdatePresencePayload { activities, afk: false, since: None, status }
    }
}

fn with_site(text: &str, site: Site) -> String {
    text.replace(SITE, site.as_str())
}

fn activity(kind: Kind, text: String) -> Activity {
    let minimal = |kind, name| Activity::from(MinimalActivity { kind, name, url: None });
    match kind {
        // Discord shows the state of a custom status and ignores its name, which must be there all the same.
        Kind::Custom => Activity { state: Some(text), ..minimal(ActivityType::Custom, "Custom Status".to_owned()) },
        Kind::Playing => minimal(ActivityType::Playing, text),
        Kind::Listening => minimal(ActivityType::Listening, text),
        Kind::Watching => minimal(ActivityType::Watching, text),
        Kind::Competing => minimal(ActivityType::Competing, text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(file: Value) -> Result<Presence, String> {
        Presence::new(serde_json::from_value(file).map_err(|error| error.to_string())?)
    }

    fn shown(file: Value) -> Value {
        serde_json::to_value(read(file).unwrap().shown_at(Site::Cloud)).unwrap()
    }

    #[test]
    fn the_site_is_shown_only_where_the_text_asks_for_it() {
        let told = shown(json!({ "kind": "watching", "text": "over you from the {site}" }));
        assert_eq!(told["activities"][0]["name"], "over you from the cloud");
        assert_eq!(told["activities"][0]["type"], 3);
        let silent = shown(json!({ "status": "idle", "text": "/help" }));
        assert_eq!(
            (silent["status"].as_str(), silent["activities"][0]["state"].as_str()),
            (Some("idle"), Some("/help"))
        );
        assert!(!silent.to_string().contains("cloud"));
        assert_eq!(shown(json!({ "status": "do-not-disturb" }))["activities"], json!([]));
    }

    #[test]
    fn what_discord_would_not_take_is_refused() {
        for (file, why) in [
            (json!({ "text": " " }), "1 to 128"),
            (json!({ "text": "x".repeat(129) }), "1 to 128"),
            (json!({ "text": format!("{}{{site}}", "x".repeat(125)) }), "1 to 128"),
            (json!({ "text": "at {place}" }), "only {site}"),
            (json!({ "text": "x", "kind": "streaming" }), "streaming"),
            (json!({ "texts": "x" }), "texts"),
        ] {
            let error = read(file.clone()).unwrap_err();
            assert!(error.contains(why), "{file}: {error}");
        }
    }
}
