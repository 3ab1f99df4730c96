//! A laptop: its bus, its logind, its service manager, its store, its bot and its agent.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use relais_failover::{Board, ControlMode, ControlRecord, LeaseRecord, Policy, Site, Version};
use relais_host::clock::{Boottime, Clock as _, random_128};
use relais_store::{Sqlite, Store};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::bots::{self, Bot};
use crate::manager::Running;

/// For what is sure to come.
const LONG: Duration = Duration::from_secs(60);
/// The protocol's numbers are divided by this.
const PACE: f64 = 5.0;

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=BUS</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"#;

/// What logind finds in its own mount namespace. The rest of it is the machine's.
const NAMESPACE: &str = r#"
mount --bind "$FOLDER/run" /run
mount --bind "$FOLDER/state" /sys/power/state
exec "$LOGIND"
"#;

/// A child that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct Machine {
    agent: Option<Process>,
    /// Who the agent runs as, if not as root.
    user: Option<u32>,
    polkit: Option<Process>,
    bot: Option<Bot>,
    /// Another private port than the bot's own.
    port: Option<String>,
    logind: Option<Process>,
    pub(crate) manager: Running,
    bus: Option<Process>,
    ready: UnixDatagram,
    pub(crate) policy: Policy,
    pub(crate) store: Arc<dyn Store>,
    folder: TempDir,
}

// As in `crates/xtask/src/handover.rs`, which looks before it runs these tests.
const SYSTEMD: &[&str] = &["/usr/lib/systemd", "/lib/systemd", "/run/current-system/systemd/lib/systemd"];
const POLKIT: &[&str] = &["/usr/lib/polkit-1", "/usr/libexec", "/run/current-system/sw/lib/polkit-1"];
const NOBODY: u32 = 65534;

fn found(places: &[&str], program: &str) -> PathBuf {
    places.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists()).unwrap()
}

impl Machine {
    /// Up, with the laptop's bot as the holder. logind waits for `patience`.
    pub(crate) async fn start(patience: impl Fn(&Policy) -> Duration) -> Self {
        let policy = Policy::embedded().paced(PACE).unwrap();
        let folder = tempfile::Builder::new().prefix("relais-logind-").tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir_all(path.join("run/systemd/logind.conf.d")).unwrap();
        std::fs::create_dir_all(path.join("run/systemd/system")).unwrap();
        let most = patience(&policy).as_millis();
        let settings = format!("[Login]\nInhibitDelayMaxSec={most}ms\n");
        std::fs::write(path.join("run/systemd/logind.conf.d/test.conf"), settings).unwrap();
        std::fs::write(path.join("state"), "freeze mem\n").unwrap();
        std::fs::write(path.join("bus.conf"), BUS.replace("BUS", &path.join("bus").display().to_string())).unwrap();
        std::fs::write(path.join("policy.json"), policy.to_json()).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(path.join("bus.conf")).args(["--nofork", "--nopidfile"]);
        let bus = Some(spawn(&mut command, path, "bus.log"));
        until("the bus", || UnixStream::connect(path.join("bus")).is_ok()).await;
        let manager = Running::start(&format!("unix:path={}", path.join("bus").display())).await;
        let ready = UnixDatagram::bind(path.join("ready")).unwrap();
        ready.set_nonblocking(true).unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path.join("relais.db"), Duration::from_secs(1)).unwrap());
        store.init(&LeaseRecord::initial(Version::new(random_128()), policy.ttl, Boottime.wall())).await.unwrap();
        let bot = Some(bots::start(Site::Laptop, &policy, store.clone()).await);
        let mut machine = Self {
            agent: None,
            user: None,
            polkit: None,
            bot,
            port: None,
            logind: None,
            manager,
            bus,
            ready,
            policy,
            store,
            folder,
        };
        machine.start_logind().await;
        machine.until_lease("the laptop speaks", |lease| is_held(lease, Site::Laptop)).await;
        machine
    }

    /// With an agent that is ready.
    pub(crate) async fn with_agent() -> Self {
        let mut machine = Self::start(|policy| policy.inhibit).await;
        machine.start_agent().await;
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn start_logind(&mut self) {
        self.logind = None;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", NAMESPACE]);
        command.env("FOLDER", self.folder.path()).env("LOGIND", found(SYSTEMD, "systemd-logind"));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        command.env("SYSTEMD_LOG_TARGET", "console").env("SYSTEMD_LOG_LEVEL", "debug");
        self.logind = Some(spawn(&mut command, self.folder.path(), "logind.log"));
        self.until_named("org.freedesktop.login1", "logind.log").await;
    }

    /// From now on agents run as nobody, whom logind asks polkit about.
    pub(crate) async fn agents_are_nobody(&mut self) {
        let open = |name: &str, mode| {
            std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        };
        open("", 0o777);
        open("ready", 0o777);
        for file in ["relais.db", "relais.db-wal", "relais.db-shm"] {
            open(file, 0o666);
        }
        let mut command = Command::new(found(POLKIT, "polkitd"));
        command.arg("--no-debug").env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        self.polkit = Some(spawn(&mut command, self.folder.path(), "polkit.log"));
        self.until_named("org.freedesktop.PolicyKit1", "polkit.log").await;
        self.user = Some(NOBODY);
    }

    async fn until_named(&self, name: &str, log: &str) {
        let dbus = zbus::fdo::DBusProxy::new(self.manager.connection()).await.unwrap();
        let owned = zbus::names::BusName::try_from(name).unwrap();
        let there = async {
            while !dbus.name_has_owner(owned.clone()).await.unwrap() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LONG, there).await.unwrap_or_else(|_| panic!("no {name}: {}", self.log(log)));
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    /// Starts an agent and waits until it says that it is ready.
    pub(crate) async fn start_agent(&mut self) {
        self.agent = None;
        let settings = json!({
            "site": "laptop",
            "store": format!("sqlite:{}", self.path("relais.db").display()),
            "bot": self.port.as_deref().or(self.bot.as_ref().map(|bot| bot.base.as_str())).unwrap(),
            "policy": self.path("policy.json"),
        });
        std::fs::write(self.path("handover.json"), settings.to_string()).unwrap();
        while self.ready.recv(&mut [0; 256]).is_ok() {}
        let mut command = Command::new(env!("CARGO_BIN_EXE_relais-handover"));
        if let Some(user) = self.user {
            // Where the build is, nobody else may look.
            std::fs::copy(command.get_program(), self.path("relais-handover")).unwrap();
            command = Command::new(self.path("relais-handover"));
            command.uid(user).gid(user);
        }
        command.arg("--config").arg(self.path("handover.json")).arg("--log-json");
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address()).env("NOTIFY_SOCKET", self.path("ready"));
        self.agent = Some(spawn(&mut command, self.folder.path(), "agent.log"));
        until("READY=1", || {
            let mut message = [0; 256];
            self.ready.recv(&mut message).is_ok_and(|length| message[..length].starts_with(b"READY=1"))
        })
        .await;
    }

    /// SIGKILL.
    pub(crate) fn kill_agent(&mut self) {
        self.agent = None;
    }

    pub(crate) fn kill_bus(&mut self) {
        self.bus = None;
    }

    /// The bot is gone without a word, its lease is still fresh.
    pub(crate) fn kill_bot(&mut self) {
        self.bot = None;
    }

    /// The next agent is told that the bot is there; what it was told before is kept alive by what comes back.
    pub(crate) fn replace_port(&mut self, base: String) -> Option<Bot> {
        let before = self.bot.take();
        self.port = Some(base);
        before
    }

    /// The code that the agent ends with by itself.
    pub(crate) async fn agents_exit_code(&mut self) -> Option<i32> {
        let Process(agent) = self.agent.as_mut().unwrap();
        for _ in 0..LONG.as_millis() / 20 {
            if let Some(status) = agent.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("the agent goes on: {}", self.log("agent.log"));
    }

    /// What NetworkManager starts before it takes the network down, and waits for.
    pub(crate) fn start_keeping_the_network(&self) -> Child {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nixos/modules/relais/keep-network.sh");
        let mut command = Command::new("sh");
        command.args(["-eu"]).arg(script).args(["wlan0", "pre-down"]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address()).stdin(Stdio::null()).spawn().unwrap()
    }

    /// `Suspend` or `PowerOff`, as root asks for it.
    pub(crate) async fn ask_for(&self, verb: &str) {
        self.call::<_, ()>(verb, &(false,)).await;
    }

    async fn call<A, T>(&self, method: &str, arguments: &A) -> T
    where
        A: serde::Serialize + zbus::zvariant::DynamicType,
        T: for<'a> zbus::zvariant::DynamicDeserialize<'a>,
    {
        let path = "/org/freedesktop/login1";
        let interface = "org.freedesktop.login1.Manager";
        let connection = self.manager.connection();
        let proxy = zbus::Proxy::new(connection, "org.freedesktop.login1", path, interface).await.unwrap();
        proxy.call(method, arguments).await.unwrap()
    }

    /// What our locks are for, as logind lists them.
    pub(crate) async fn locks(&self) -> Vec<String> {
        let all: Vec<(String, String, String, String, u32, u32)> = self.call("ListInhibitors", &()).await;
        let ours = all.into_iter().filter(|(_, who, _, mode, ..)| who == "relais" && mode == "delay");
        let mut whats: Vec<_> = ours.map(|(what, ..)| what).collect();
        whats.sort();
        whats
    }

    pub(crate) async fn until_locks(&self, wanted: &[&str]) {
        let there = async {
            while self.locks().await != wanted {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let held = timeout(LONG, there).await;
        assert!(held.is_ok(), "{:?}: {}", self.locks().await, self.log("agent.log"));
    }

    /// What logind starts once it lets the machine go.
    pub(crate) async fn let_go(&mut self) -> String {
        let Ok(unit) = timeout(LONG, self.manager.started()).await else {
            panic!("{}\n{}", self.log("agent.log"), self.log("logind.log"))
        };
        unit
    }

    /// logind had to give up waiting for somebody.
    pub(crate) fn lost_patience(&self) -> bool {
        self.log("logind.log").contains("inhibitor timeout is reached")
    }

    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) async fn board(&self) -> Board {
        self.store.read_board().await.unwrap()
    }

    pub(crate) async fn mode(&self) -> Option<ControlMode> {
        self.board().await.control.map(|record| record.mode)
    }

    pub(crate) async fn operator_wants(&self, mode: ControlMode) -> ControlRecord {
        let until = relais_failover::WallClock(Boottime.wall().0 + 3_600_000);
        let record = ControlRecord { schema: 1, mode, until, reason: "I said so".to_owned(), by: Some(9) };
        self.store.put_control(&record).await.unwrap();
        record
    }

    pub(crate) async fn until_lease(&self, what: &str, holds: impl Fn(&LeaseRecord) -> bool) {
        self.until_board(what, |board| board.lease.as_ref().is_some_and(&holds)).await;
    }

    pub(crate) async fn until_board(&self, what: &str, holds: impl Fn(&Board) -> bool) {
        let there = async {
            while !holds(&self.board().await) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let came = timeout(LONG, there).await;
        assert!(came.is_ok(), "{what}: {:?}\n{}", self.board().await, self.log("agent.log"));
    }
}

pub(crate) fn is_held(lease: &LeaseRecord, site: Site) -> bool {
    lease.holder.is_some_and(|claim| claim.site == site)
}

fn spawn(command: &mut Command, folder: &Path, log: &str) -> Process {
    let log = File::options().create(true).append(true).open(folder.join(log)).unwrap();
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
    Process(child.unwrap())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let there = async {
        while !holds() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(LONG, there).await.is_ok(), "{what} did not come");
}
