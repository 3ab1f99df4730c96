//! A real bot process beside a small Discord, with one SQLite file between its lives.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use relais_failover::{Fence, LeaseRecord, Policy, Version};
use relais_host::clock::{self, Boottime, Clock as _};
use relais_store::Store;
use relais_world::discord::{DiscordConfig, Kind, SmallDiscord};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::PROGRAM;

const TOKEN: &str = "a.token.for-a-test";
const APPLICATION: u64 = 300;

/// One site, its store, and the Discord that it speaks to.
pub(crate) struct Site {
    pub(crate) discord: SmallDiscord,
    pub(crate) store: Arc<dyn Store>,
    folder: TempDir,
    settings: Value,
    config: PathBuf,
    child: Option<Child>,
    others: Vec<Child>,
}

impl Site {
    /// Everything is ready, and no bot runs yet.
    pub(crate) async fn new(pace: f64) -> Self {
        Self::with(pace, |_, _| ()).await
    }

    /// The same beside another Discord and with other settings.
    pub(crate) async fn with(pace: f64, change: impl FnOnce(&mut DiscordConfig, &mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self::on(folder, &url, pace, change).await
    }

    /// The same on a store of this address, which must be empty; what is written goes into `folder`.
    pub(crate) async fn on(
        folder: TempDir,
        url: &str,
        pace: f64,
        change: impl FnOnce(&mut DiscordConfig, &mut Value),
    ) -> Self {
        let policy = Policy::embedded().paced(pace).unwrap();
        let path = |name: &str| folder.path().join(name);
        let store = relais_bot::store::open(&url.parse().unwrap(), Duration::from_secs(10)).await.unwrap();
        let first = LeaseRecord::initial(Version::new(clock::random_128()), policy.ttl, Boottime.wall());
        store.init(&first).await.unwrap();

        let mut settings = json!({
            "site": "laptop", "preferred": "laptop", "store": url, "listen": "127.0.0.1:0",
            "discord": { "token_file": path("token"), "application_id": APPLICATION.to_string() },
            "policy": path("policy.json"), "name": null,
        });
        let listener = vec![("laptop".to_owned(), "127.0.0.1:0".parse().unwrap())];
        let mut config = DiscordConfig::new(listener, TOKEN, APPLICATION, Arc::new(|| clock::now().as_millis()));
        config.pace = pace;
        config.openapi = openapi();
        change(&mut config, &mut settings);
        let discord = SmallDiscord::start(config).await.unwrap();

        std::fs::write(path("token"), TOKEN).unwrap();
        std::fs::write(path("policy.json"), policy.to_json()).unwrap();
        settings["discord"]["rest_base"] = json!(format!("http://{}", discord.address("laptop").unwrap()));
        std::fs::write(path("bot.json"), settings.to_string()).unwrap();
        let config = path("bot.json");
        Self { discord, store, folder, settings, config, child: None, others: Vec::new() }
    }

    /// Starts a bot; the one before must have ended.
    pub(crate) fn start(&mut self) {
        self.child = Some(self.spawn(&self.config));
    }

    /// Starts a bot of another site beside it, on the same store and Discord, until the test ends.
    pub(crate) fn start_beside(&mut self, site: &str) {
        let store = self.settings["store"].clone();
        self.start_beside_on(site, store.as_str().unwrap());
    }

    /// The same, with another way to the store.
    pub(crate) fn start_beside_on(&mut self, site: &str, store: &str) {
        let mut settings = self.settings.clone();
        settings["site"] = json!(site);
        settings["store"] = json!(store);
        // The first bot's port is taken.
        settings["listen"] = json!("127.0.0.1:0");
        let config = self.folder.path().join(format!("{site}.json"));
        std::fs::write(&config, settings.to_string()).unwrap();
        self.others.push(self.spawn(&config));
    }

    fn spawn(&self, config: &Path) -> Child {
        let log = File::options().create(true).append(true).open(self.folder.path().join("bot.log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("bot").arg("--config").arg(config).env("RUST_LOG", "info");
        // The thread that starts it is the test's own and lives as long as it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM; waits until the bot has given everything up in order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Waits until the bot has opened this many sessions in all.
    pub(crate) async fn sessions(&self, count: usize) {
        let opened = |discord: &SmallDiscord| {
            discord.log().iter().filter(|entry| matches!(entry.kind, Kind::SessionOpened { .. })).count()
        };
        for _ in 0..3_000 {
            if opened(&self.discord) >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("bot.log")).unwrap();
        assert!(opened(&self.discord) >= count, "no session: {log}");
    }

    /// Under which anybody may write who writes for the present holder.
    pub(crate) async fn fence(&self) -> Fence {
        self.store.read_board().await.unwrap().lease.unwrap().fence().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for mut child in self.child.take().into_iter().chain(self.others.drain(..)) {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Discord's document where the gate, or the folder beside the repository, has it.
fn openapi() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("RELAIS_SHARED").map_or_else(beside, PathBuf::from);
    let file = shared.join("data/discord-openapi.json");
    if !file.is_file() {
        eprintln!("Discord's document is not at hand: the hand-written rules alone judge");
    }
    file.is_file().then_some(file)
}
