//! Company for one bot that somebody else runs: a small Discord with its users, told what to do by words on a line each, and
//! answering each with a line of JSON. Whoever breaks things around the bot learns here what its users noticed.
//!
//! | word | what happens | the answer |
//! |---|---|---|
//! | `talk` | users begin to talk, or go on | `now_ms` |
//! | `look` | nothing | the counts so far, `sockets`, `last_effect_ms` (none: null), `now_ms` |
//! | `settle` | users stop, the last are answered or expire, every promise is read from the store | the counts, `lost`, `duplicates`, `violations`, `silence_ms`: the longest time between two effects since `talk` |
//!
//! All times are milliseconds of this machine's boot clock. Deliberately absent: a second site; that is the drill's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relais_host::clock;
use relais_store::StoreUrl;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::discord::{DiscordConfig, Kind, SmallDiscord};
use crate::pace::Pace;
use crate::users::{Counts, Users};

/// Whom to keep company, and where.
#[derive(Debug, Clone)]
pub struct CompanyOptions {
    /// Where the small Discord listens.
    pub listen: SocketAddr,
    /// What the bot is told to find the gateway at, if that is not where it listens: `ws://host:port`.
    pub gateway: Option<String>,
    /// The bot's site, as the answers are counted by.
    pub site: String,
    /// The bot's token.
    pub token: String,
    /// The application that the bot runs as.
    pub application_id: u64,
    /// Where the bot writes, to read the promises from.
    pub store: StoreUrl,
    /// How long one call to it may take.
    pub request_timeout: Duration,
    /// Discord's OpenAPI document, if it is at hand.
    pub openapi: Option<PathBuf>,
}

struct Company {
    options: CompanyOptions,
    discord: Arc<SmallDiscord>,
    users: Users,
    /// How long the log was when the users began to talk.
    from: usize,
}

/// Keeps company until `words` end.
///
/// # Errors
/// The small Discord does not start, a word is unknown, or the answers go nowhere. A store that cannot be read is told in the
/// answer's `error`.
pub async fn keep(
    options: CompanyOptions,
    words: impl AsyncBufRead + Unpin,
    mut answers: impl AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let listeners = vec![(options.site.clone(), options.listen)];
    let now = Arc::new(|| clock::now().as_millis());
    let mut config = DiscordConfig::new(listeners, options.token.clone(), options.application_id, now);
    if let Some(gateway) = &options.gateway {
        config.gateway_urls.insert(options.site.clone(), gateway.clone());
    }
    config.openapi.clone_from(&options.openapi);
    let discord = Arc::new(SmallDiscord::start(config).await.context("start the small Discord")?);
    let users = Users::new(Arc::clone(&discord), Pace::REAL);
    let mut company = Company { options, discord, users, from: 0 };
    let mut words = words.lines();
    while let Some(word) = words.next_line().await.context("hear the next word")? {
        let answer = company.answer(word.trim()).await?;
        answers.write_all(format!("{answer}\n").as_bytes()).await.context("answer")?;
        answers.flush().await.context("answer")?;
    }
    Ok(())
}

impl Company {
    async fn answer(&mut self, word: &str) -> anyhow::Result<Value> {
        match word {
            "talk" => {
                self.from = self.discord.log().len();
                self.users.start();
                Ok(json!({ "now_ms": clock::now().as_millis() }))
            }
            "look" => {
                let mut answer = counted(&self.users.counts());
                answer["sockets"] = self.discord.sockets(&self.options.site).into();
                answer["last_effect_ms"] = self.effects(0).last().copied().into();
                answer["now_ms"] = clock::now().as_millis().into();
                Ok(answer)
            }
            "settle" => Ok(self.settle().await),
            other => anyhow::bail!("{other:?} is none of talk, look, settle"),
        }
    }

    /// When effects were accepted, from an entry of the log on.
    fn effects(&self, from: usize) -> Vec<u64> {
        let accepted = |kind: &Kind| matches!(kind, Kind::Effect(effect) if effect.accepted());
        let news = self.discord.log_since(from);
        news.iter().filter(|entry| accepted(&entry.kind)).map(|entry| entry.at).collect()
    }

    async fn settle(&self) -> Value {
        self.users.stop().await;
        let effects = self.effects(self.from);
        let mut answer = counted(&self.users.counts());
        answer["silence_ms"] = effects.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().into();
        let violations: Vec<String> = self.discord.violations().iter().map(ToString::to_string).collect();
        answer["violations"] = violations.into();
        let doubled = self.discord.tally().duplicates as u64;
        match self.kept().await {
            Ok(kept) => {
                answer["lost"] = kept.lost.into();
                answer["duplicates"] = (kept.duplicates + doubled).into();
            }
            Err(error) => answer["error"] = format!("{error:#}").into(),
        }
        answer
    }

    /// Opened anew each time: the file is the bot's, and may be another one after its disk was.
    async fn kept(&self) -> anyhow::Result<crate::users::Kept> {
        let store = relais_store::open(&self.options.store, self.options.request_timeout).context("open the store")?;
        self.users.verify(store.as_ref()).await
    }
}

fn counted(counts: &Counts) -> Value {
    json!({
        "issued": counts.issued,
        "answered": counts.answered,
        "acknowledged": counts.acknowledged,
        "read_only": counts.read_only,
        "missed": counts.missed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &std::path::Path) -> CompanyOptions {
        CompanyOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            gateway: None,
            site: "laptop".to_owned(),
            token: "a.token".to_owned(),
            application_id: 300,
            store: format!("sqlite:{}", folder.join("store.db").display()).parse().unwrap(),
            request_timeout: Duration::from_secs(3),
            openapi: None,
        }
    }

    #[tokio::test]
    async fn users_talk_stop_and_go_on_as_they_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (near, far) = tokio::io::duplex(4096);
        let (hears, says) = tokio::io::split(far);
        let kept = tokio::spawn(keep(options(folder.path()), tokio::io::BufReader::new(hears), says));
        let (answers, mut words) = tokio::io::split(near);
        let mut answers = tokio::io::BufReader::new(answers).lines();
        let mut issued = 0;
        for _ in 0..2 {
            words.write_all(b"talk\n").await.unwrap();
            answers.next_line().await.unwrap();
            loop {
                words.write_all(b"look\n").await.unwrap();
                let line = answers.next_line().await.unwrap().unwrap();
                let seen: Value = serde_json::from_str(&line).unwrap();
                if seen["issued"].as_u64().unwrap() > issued {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            words.write_all(b"settle\n").await.unwrap();
            let line = answers.next_line().await.unwrap().unwrap();
            let settled: Value = serde_json::from_str(&line).unwrap();
            // Nobody answers here: everything that was asked expires, and nothing was promised.
            assert_eq!(settled["missed"], settled["issued"], "{settled}");
            assert_eq!((&settled["lost"], &settled["acknowledged"]), (&json!(0), &json!(0)), "{settled}");
            issued = settled["issued"].as_u64().unwrap();
        }
        words.shutdown().await.unwrap();
        kept.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_unknown_word_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut answers = Vec::new();
        let kept = keep(options(folder.path()), b"dance\n".as_slice(), &mut answers).await;
        let error = kept.unwrap_err().to_string();
        assert!(error.contains("dance"), "{error}");
    }
}
