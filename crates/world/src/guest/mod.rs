//! A site's machine as a virtual one. A process that is stopped shows a scheduler that forgot it: its clocks all go on.
//! A machine that sleeps (ACPI S3) has a monotonic clock that stood still, a boot clock that did not, and a network that
//! comes back as it was. Only here can a site meet what a lid really does.
//!
//! In reading order: [`GuestConfig`], what is given; `Guest`, what is done with it; `archive`, the files that a guest
//! starts from; `monitor`, what the machine itself is told. Deliberately absent: disks, and any guest that is not made for
//! this: its first archive is the caller's (a kernel's modules, a shell, `socat`, the program), its second is made here.

mod archive;
mod monitor;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use relais_failover::Site;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::addresses::{Addresses, Party};
use crate::links::Link;
use crate::nodes::ProcessConfig;
use monitor::Monitor;

/// The guest's own address and that of its host, as QEMU's user network has them.
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// How long a guest may take to fall asleep or to wake: it is emulated, and the machine below it may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where orders come in, as the guest sees it.
const ORDERS: &str = "/dev/ttyS1";

/// A machine that QEMU can be: a JSON file, unknown keys refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestConfig {
    /// `qemu-system-…` of this machine's own architecture.
    pub qemu: PathBuf,
    /// A kernel with a virtio network and ACPI sleep.
    pub kernel: PathBuf,
    /// An initramfs (cpio, newc; may be compressed) whose `/init` mounts `/proc`, `/sys` and `/dev`, gives `eth0` the
    /// address 10.0.2.15/24 and runs `/relais/up`. It has a POSIX `sh`, `sleep`, `cat`, `socat` and `watchdog-local` on its PATH.
    pub initrd: PathBuf,
    /// Its memory, MiB.
    #[serde(default = "default_memory")]
    pub memory_mib: u32,
}

const fn default_memory() -> u32 {
    512
}

impl GuestConfig {
    /// Whether everything it names is there.
    ///
    /// # Errors
    /// The first file that is not.
    pub fn check(&self) -> Result<(), String> {
        let named = [("qemu", &self.qemu), ("kernel", &self.kernel), ("initrd", &self.initrd)];
        match named.into_iter().find(|(_, path)| !path.is_file()) {
            Some((key, path)) => Err(format!("{key}: {} is no file", path.display())),
            None => Ok(()),
        }
    }
}

/// The ways out of a guest. QEMU leads it to this machine's 127.0.0.1 only, so the rehearsal's own network needs doors there.
#[derive(Debug)]
pub(crate) struct Doors {
    store: Link,
    discord: Link,
}

impl Doors {
    /// Opens both, to the near ends of a site's links.
    pub(crate) async fn open(store: SocketAddr, discord: SocketAddr) -> anyhow::Result<Self> {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let store = Link::open("guest-store", any, store).await?;
        Ok(Self { store, discord: Link::open("guest-discord", any, discord).await? })
    }

    /// Where the guest asks Discord for anything. Nothing stands between its bot and its network: a relay inside would be put to sleep
    /// with a request in its hands, and send it on waking, as no real machine does.
    pub(crate) fn discord(&self) -> SocketAddr {
        seen_inside(&self.discord)
    }
}

fn seen_inside(door: &Link) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(HOST), door.address().port())
}

/// A site in a virtual machine. Its processes have the settings that they would have outside, but for Discord's address: what
/// they open is carried out to the rehearsal's links, what is opened towards them is carried in.
#[derive(Debug)]
pub(crate) struct Guest {
    monitor: PathBuf,
    orders: PathBuf,
    /// The ways out, held open.
    _doors: Doors,
}

/// What a guest is made from.
pub(crate) struct Carried<'a> {
    pub(crate) site: Site,
    pub(crate) folder: &'a Path,
    pub(crate) addresses: &'a Addresses,
    /// What the site runs: settings are below `folder`.
    pub(crate) processes: &'a [ProcessConfig],
}

impl Guest {
    /// Makes everything that the machine starts from, and what starts it.
    pub(crate) fn prepare(
        config: &GuestConfig,
        doors: Doors,
        carried: &Carried<'_>,
    ) -> anyhow::Result<(Self, ProcessConfig)> {
        let Carried { site, folder, addresses, processes } = *carried;
        let (monitor, orders) = (folder.join("guest-monitor"), folder.join("guest-orders"));

        // A store over plain HTTP is taken on loopback addresses only, and both sites must call the gateway alike: who takes a
        // session over goes where it was. So these ways begin inside.
        let mut ways = vec![
            Way { from: addresses.store_link(Party::Site(site)), to: seen_inside(&doors.store) },
            Way { from: addresses.discord_link(site), to: seen_inside(&doors.discord) },
        ];
        let inward = [addresses.bot(site), addresses.health(site), addresses.health_metrics(site)];
        ways.extend(inward.map(|own| Way { from: SocketAddr::new(IpAddr::V4(GUEST), own.port()), to: own }));

        let initrd = folder.join("guest.cpio");
        archive::write(&initrd, &config.initrd, folder, &start_script(processes, &ways))
            .with_context(|| format!("write {}", initrd.display()))?;

        let forwards: String = inward.map(|own| format!(",hostfwd=tcp:{own}-{GUEST}:{}", own.port())).concat();
        let serial = |end: &Path| format!("unix:{},server=on,wait=off", end.display());
        let machine = [
            // Its kernel dies with this process, as every child of a rehearsal does.
            "--pdeathsig".to_owned(),
            "KILL".to_owned(),
            "--".to_owned(),
            config.qemu.display().to_string(),
            // Sleeping machines wake badly under KVM inside other virtual machines, and speed is not what is asked here.
            "-machine".to_owned(),
            "pc,accel=tcg".to_owned(),
            "-cpu".to_owned(),
            "max".to_owned(),
            "-m".to_owned(),
            config.memory_mib.to_string(),
            "-display".to_owned(),
            "none".to_owned(),
            "-no-reboot".to_owned(),
            "-kernel".to_owned(),
            config.kernel.display().to_string(),
            "-initrd".to_owned(),
            initrd.display().to_string(),
            "-append".to_owned(),
            "console=ttyS0 quiet panic=-1".to_owned(),
            "-netdev".to_owned(),
            format!("user,id=out{forwards}"),
            "-device".to_owned(),
            "virtio-net-pci,netdev=out".to_owned(),
            "-serial".to_owned(),
            "stdio".to_owned(),
            "-serial".to_owned(),
            serial(&orders),
            "-qmp".to_owned(),
            serial(&monitor),
        ];
        let process = ProcessConfig {
            name: "guest".to_owned(),
            program: "setpriv".into(),
            args: machine.into(),
            env: Vec::new(),
        };
        Ok((Self { monitor, orders, _doors: doors }, process))
    }

    /// Puts the machine to sleep as its own system would, and returns when it sleeps.
    pub(crate) async fn sleep(&self) -> anyhow::Result<()> {
        // Events go to who is connected when they happen.
        let mut monitor = Monitor::connect(&self.monitor).await?;
        let mut orders = UnixStream::connect(&self.orders).await.context("reach the guest's orders")?;
        orders.write_all(b"sleep\n").await.context("tell the guest to sleep")?;
        within("fall asleep", monitor.event("SUSPEND")).await
    }

    /// Wakes the machine, and returns when it is awake.
    pub(crate) async fn wake(&self) -> anyhow::Result<()> {
        let mut monitor = Monitor::connect(&self.monitor).await?;
        monitor.tell("system_wakeup").await?;
        within("wake", monitor.event("WAKEUP")).await
    }
}

async fn within(what: &str, event: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let seen = tokio::time::timeout(PATIENCE, event).await;
    ensure!(seen.is_ok(), "the guest did not {what} within {} s", PATIENCE.as_secs());
    seen.context("wait for the guest")?
}

/// One TCP path inside the guest.
struct Way {
    from: SocketAddr,
    to: SocketAddr,
}

/// What the guest runs: the ways, the processes, restarted as kubelet would, and orders until the end.
fn start_script(processes: &[ProcessConfig], ways: &[Way]) -> String {
    let mut script = String::from("#!/bin/sh\n");
    for Way { from, to } in ways {
        let (port, ip) = (from.port(), from.ip());
        script += &format!("socat TCP-LISTEN:{port},bind={ip},fork,reuseaddr TCP:{to} &\n");
    }
    for process in processes {
        for (name, value) in &process.env {
            script += &format!("export {name}='{value}'\n");
        }
        let arguments: String = process.args.iter().map(|argument| format!(" '{argument}'")).collect();
        script += &format!("while :; do watchdog-local{arguments}; sleep 1; done &\n");
    }
    script + "while read -r order; do\n  [ \"$order\" = sleep ] && echo mem > /sys/power/state\ndone < " + ORDERS + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_runs_is_what_the_node_would_run() {
        let process = ProcessConfig {
            name: "bot".to_owned(),
            program: "/outside/watchdog-local".into(),
            args: ["bot", "--config", "/run/laptop-bot.json"].map(str::to_owned).into(),
            env: vec![("RUST_LOG".to_owned(), "info".to_owned())],
        };
        let way = Way { from: "127.70.1.21:7000".parse().unwrap(), to: "10.0.2.2:4000".parse().unwrap() };
        let script = start_script(&[process], &[way]);
        assert_eq!(
            script,
            "#!/bin/sh\n\
             socat TCP-LISTEN:7000,bind=127.70.1.21,fork,reuseaddr TCP:10.0.2.2:4000 &\n\
             export RUST_LOG='info'\n\
             while :; do watchdog-local 'bot' '--config' '/run/laptop-bot.json'; sleep 1; done &\n\
             while read -r order; do\n  [ \"$order\" = sleep ] && echo mem > /sys/power/state\ndone < /dev/ttyS1\n"
        );
    }

    #[test]
    fn a_config_names_the_file_that_is_missing() {
        let config = GuestConfig {
            qemu: "/bin/sh".into(),
            kernel: "/nowhere/vmlinuz".into(),
            initrd: "/bin/sh".into(),
            memory_mib: 512,
        };
        assert_eq!(config.check(), Err("kernel: /nowhere/vmlinuz is no file".to_owned()));
    }

    #[tokio::test]
    async fn what_does_not_happen_is_told_in_words() {
        tokio::time::pause();
        let never = within("wake", std::future::pending()).await.unwrap_err();
        assert_eq!(format!("{never:#}"), "the guest did not wake within 60 s");
    }
}
