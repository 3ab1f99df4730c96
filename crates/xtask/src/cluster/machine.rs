//! The machine under a cluster, as its network namespace and its cgroup make one: a cable that can be pulled, a way to the
//! store that can be cut, sleep, and the loss of its power.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::hand::Hand;

/// The second version of cgroups has no such thing for a tree of processes that others made.
const FREEZERS: &str = "/sys/fs/cgroup/freezer";
/// The cable's end in the machine.
const CABLE: &str = "cable";
/// How long the loss of power may take: killed processes that wait for a disk end late.
const PATIENCE: u64 = 30;

/// One machine. Its node has the address `10.99.N.1`, its pods `10.244.N.0/24`; this end of the cable has three addresses.
#[derive(Debug)]
pub(crate) struct Machine {
    namespace: String,
    folder: PathBuf,
    third: u8,
}

impl Machine {
    /// Of a cluster that is there, in whatever state.
    ///
    /// # Errors
    /// There is no such network namespace, or it has no node's address.
    pub(crate) fn found(hand: &Hand<'_>, name: &str, folder: &Path) -> anyhow::Result<Self> {
        let namespace = format!("relais-{name}");
        let shown = hand.run(ip(&["-netns", &namespace, "-4", "-oneline", "address", "show", "dev", "node"]))?;
        let third = third_of(&shown).with_context(|| format!("the namespace {namespace} has no node's address"))?;
        Ok(Self { namespace, folder: folder.to_owned(), third })
    }

    const fn at(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, self.third, host)
    }

    /// The node.
    pub(crate) fn node(&self, port: u16) -> SocketAddr {
        (self.at(1), port).into()
    }

    /// Where the machine finds the store: an address of ours.
    pub(crate) fn store(&self) -> SocketAddr {
        (self.at(253), 7000).into()
    }

    /// Where the machine finds Discord: another address of ours.
    pub(crate) fn discord(&self) -> SocketAddr {
        (self.at(252), 7001).into()
    }

    /// Lays the cable and takes the cluster's own processes into the cgroup that its containers are in already.
    pub(crate) fn plug_in(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        let (here, there) = (self.namespace.as_str(), self.namespace.as_str());
        hand.run(ip(&["link", "add", here, "type", "veth", "peer", "name", CABLE, "netns", there]))?;
        self.inside(hand, &["link", "set", CABLE, "master", "node"])?;
        self.inside(hand, &["link", "set", CABLE, "up"])?;
        for (host, bits) in [(254, 24), (253, 32), (252, 32)] {
            hand.run(ip(&["address", "add", &format!("{}/{bits}", self.at(host)), "dev", here]))?;
        }
        hand.run(ip(&["link", "set", here, "up"]))?;
        let pods = format!("10.244.{}.0/24", self.third);
        hand.run(ip(&["route", "add", &pods, "via", &self.at(1).to_string()]))?;
        for file in
            crate::files::files(&self.folder)?.into_iter().filter(|file| file.extension() == Some("pid".as_ref()))
        {
            let pid = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            self.adopt(pid.trim())?;
        }
        Ok(())
    }

    /// Takes one more process in.
    pub(crate) fn adopt(&self, pid: &str) -> anyhow::Result<()> {
        let file = self.freezer()?.join("cgroup.procs");
        std::fs::write(&file, pid).with_context(|| format!("put process {pid} into {}", file.display()))
    }

    fn inside(&self, hand: &Hand<'_>, words: &[&str]) -> anyhow::Result<String> {
        hand.run(ip(&[&["-netns", self.namespace.as_str()], words].concat()))
    }

    /// The machine loses the store, and nothing else: what it sends there disappears, connections that stand included.
    pub(crate) fn cut_store(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        self.inside(hand, &["route", "replace", "blackhole", &self.store().ip().to_string()]).map(drop)
    }

    /// It has the store again.
    pub(crate) fn mend_store(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        let store = self.store().ip().to_string();
        if self.inside(hand, &["route", "show", "type", "blackhole"])?.contains(&store) {
            self.inside(hand, &["route", "del", "blackhole", &store])?;
        }
        Ok(())
    }

    /// It falls asleep: no packet comes out or in, and nothing runs.
    pub(crate) fn suspend(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        self.inside(hand, &["link", "set", CABLE, "down"])?;
        self.freeze(hand, "FROZEN")
    }

    /// It wakes, or goes on being awake.
    pub(crate) fn wake(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        self.freeze(hand, "THAWED")?;
        self.inside(hand, &["link", "set", CABLE, "up"]).map(drop)
    }

    /// It loses its power. The cable first: a dead machine says goodbye to nobody.
    ///
    /// # Errors
    /// Something is still alive.
    pub(crate) fn lose_power(&self, hand: &Hand<'_>) -> anyhow::Result<()> {
        self.suspend(hand)?;
        for pid in self.processes()? {
            // Fails when it has ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        self.freeze(hand, "THAWED")?;
        let dead = hand.until(PATIENCE, || {
            let left = self.processes()?;
            // What was being born while the others died.
            for pid in &left {
                let _ = kill_process(*pid, Signal::KILL);
            }
            Ok(left.is_empty().then_some(()))
        })?;
        ensure!(dead.is_some(), "some process of {} does not die", self.namespace);
        Ok(())
    }

    /// The network namespaces of its pods, as long as it has them: without power its cluster knows them no more.
    pub(crate) fn pods(&self, hand: &Hand<'_>) -> anyhow::Result<Vec<String>> {
        let own = format!("10.244.{}.", self.third);
        let mut found = Vec::new();
        for path in crate::files::files(Path::new("/run/netns")).unwrap_or_default() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_pod = name.starts_with("cni-");
            if is_pod && hand.ended(ip(&["-netns", &name, "-4", "-oneline", "address"]))?.out.contains(&own) {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// What is left when its cluster is down, the namespaces of its `pods` among it.
    pub(crate) fn clear_away(&self, hand: &Hand<'_>, pods: &[String]) -> anyhow::Result<()> {
        for pid in self.processes()? {
            let _ = kill_process(pid, Signal::KILL);
        }
        hand.pause(Duration::from_millis(200))?;
        if Path::new("/sys/class/net").join(&self.namespace).exists() {
            hand.run(ip(&["link", "del", &self.namespace]))?;
        }
        for pod in pods.iter().filter(|pod| Path::new("/run/netns").join(pod).exists()) {
            hand.run(ip(&["netns", "del", pod]))?;
        }
        for kind in crate::files::files(Path::new("/sys/fs/cgroup")).unwrap_or_default() {
            remove_groups(&kind.join(&self.namespace));
        }
        Ok(())
    }

    fn freezer(&self) -> anyhow::Result<PathBuf> {
        let folder = Path::new(FREEZERS).join(&self.namespace);
        ensure!(
            folder.is_dir(),
            "{} is not there: machines are put to sleep by cgroups' first version",
            folder.display()
        );
        Ok(folder)
    }

    fn freeze(&self, hand: &Hand<'_>, state: &str) -> anyhow::Result<()> {
        let file = self.freezer()?.join("freezer.state");
        let done = hand.until(PATIENCE, || {
            std::fs::write(&file, state).with_context(|| format!("write {}", file.display()))?;
            let now = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            Ok((now.trim() == state).then_some(()))
        })?;
        ensure!(done.is_some(), "{} does not become {state}", self.namespace);
        Ok(())
    }

    /// Every process: the cluster's own, those of its containers, those that hold them.
    fn processes(&self) -> anyhow::Result<Vec<Pid>> {
        let mut found = Vec::new();
        let mut folders = vec![Path::new(FREEZERS).join(&self.namespace)];
        while let Some(folder) = folders.pop() {
            // A group may go while it is looked at.
            let listed = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(listed.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw));
            let below = crate::files::files(&folder).unwrap_or_default();
            folders.extend(below.into_iter().filter(|path| path.is_dir()));
        }
        Ok(found)
    }
}

/// Empty groups, the innermost first; one that is not empty stays.
fn remove_groups(folder: &Path) {
    for inner in crate::files::files(folder).unwrap_or_default().iter().filter(|path| path.is_dir()) {
        remove_groups(inner);
    }
    let _ = std::fs::remove_dir(folder);
}

fn ip(words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(words);
    command
}

/// The N of `10.99.N.1`.
fn third_of(shown: &str) -> Option<u8> {
    let address = shown.split_whitespace().find_map(|word| word.strip_suffix("/24")?.parse::<Ipv4Addr>().ok())?;
    let [ten, ninety_nine, third, one] = address.octets();
    (ten == 10 && ninety_nine == 99 && one == 1).then_some(third)
}

#[cfg(test)]
mod tests {
    use super::third_of;

    #[test]
    fn the_nodes_address_says_which_network_is_the_machines() {
        let shown = "2: node    inet 10.99.61.1/24 scope global node\\       valid_lft forever preferred_lft forever";
        assert_eq!(third_of(shown), Some(61));
        assert_eq!(third_of("2: node    inet 192.168.61.1/24 scope global node"), None);
        assert_eq!(third_of(""), None);
    }
}
