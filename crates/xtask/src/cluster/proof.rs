//! What a container really runs as, by the kernel's own account: the manifests ask, `/proc` answers.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::hand::Hand;
use super::kube::Cluster;
use crate::k8s::set::text;

/// One container's process.
pub(crate) struct Process {
    /// As this machine numbers it.
    pub(crate) pid: i32,
}

/// What a container must have and what not.
pub(crate) struct Wanted<'a> {
    /// Its user and group.
    pub(crate) uid: u32,
    /// A secret: where it is, and what is in it.
    pub(crate) secret: (&'a str, &'a str),
    /// Whether it may write where the state is.
    pub(crate) writes_state: bool,
}

/// Where the state is, in every pod.
const STATE: &str = "/var/lib/relais";

impl Process {
    /// The process of a component's one pod.
    ///
    /// # Errors
    /// There is not exactly one pod, or it runs no container.
    pub(crate) fn of(hand: &Hand<'_>, cluster: &Cluster, component: &str) -> anyhow::Result<Self> {
        let pods = cluster.pods(hand, component)?;
        let [pod] = pods.as_slice() else { anyhow::bail!("{} pods of {component} instead of one", pods.len()) };
        let id = text(pod, "/status/containerStatuses/0/containerID");
        let id = id.strip_prefix("containerd://").with_context(|| format!("no container of {component} runs"))?;
        let own = |folder: &PathBuf| {
            let groups = std::fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
            groups.lines().any(|line| line.ends_with(id))
        };
        let folder = crate::files::files(Path::new("/proc"))?.into_iter().find(own);
        let folder = folder.with_context(|| format!("no process in the container of {component}"))?;
        let pid = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        Ok(Self { pid: pid.context("a process without a number")? })
    }

    fn folder(&self) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string())
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = self.folder().join(file);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// Its own memory, KiB: what is resident, and the most that ever was.
    pub(crate) fn memory_kib(&self) -> anyhow::Result<(u64, u64)> {
        let status = self.read("status")?;
        let number = |key: &str| field(&status, key).and_then(|value| value.split_whitespace().next()?.parse().ok());
        Ok((number("VmRSS").context("no VmRSS")?, number("VmHWM").context("no VmHWM")?))
    }

    /// Everything that is not as it must be.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn faults(&self, wanted: &Wanted<'_>) -> anyhow::Result<Vec<String>> {
        let mut faults = privileges(&self.read("status")?, wanted.uid);
        faults.extend(mounts(&self.read("mountinfo")?, wanted));
        faults.extend(self.secret(wanted)?);
        if wanted.writes_state {
            faults.extend(self.state(wanted.uid)?);
        }
        Ok(faults)
    }

    /// A path as the container sees it.
    fn inside(&self, path: &str) -> PathBuf {
        self.folder().join("root").join(path.trim_start_matches('/'))
    }

    fn secret(&self, wanted: &Wanted<'_>) -> anyhow::Result<Option<String>> {
        let (path, content) = wanted.secret;
        let file = self.inside(path);
        let read = std::fs::read_to_string(&file).with_context(|| format!("read the container's {path}"))?;
        let real = std::fs::metadata(&file).with_context(|| format!("look at the container's {path}"))?;
        let right = read == content && real.mode() & 0o777 == 0o440 && (real.uid(), real.gid()) == (0, wanted.uid);
        Ok((!right).then(|| {
            format!(
                "{path} has mode {:o}, owner {}, group {}, or another content",
                real.mode() & 0o777,
                real.uid(),
                real.gid()
            )
        }))
    }

    /// The file that the program made on the volume.
    fn state(&self, uid: u32) -> anyhow::Result<Option<String>> {
        let file = self.inside(&format!("{STATE}/relais.db"));
        let real = std::fs::metadata(&file).context("look at the container's database")?;
        Ok((real.uid() != uid || real.len() == 0)
            .then(|| format!("{STATE}/relais.db is of user {} and has {} bytes", real.uid(), real.len())))
    }
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// What `/proc/PID/status` says of rights (proc_pid_status(5)).
fn privileges(status: &str, uid: u32) -> Vec<String> {
    let four = [uid; 4].map(|uid| uid.to_string()).join("\t");
    let none = "0000000000000000";
    // Seccomp 2 is a filter.
    let wanted = [
        ("Uid", four.as_str()),
        ("Gid", four.as_str()),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("CapAmb", none),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ];
    let fault = |(key, wanted): (&str, &str)| {
        let found = field(status, key).unwrap_or("nothing");
        (found != wanted).then(|| format!("{key} is {found}, not {wanted}"))
    };
    wanted.into_iter().filter_map(fault).collect()
}

/// What `/proc/PID/mountinfo` says of places (proc_pid_mountinfo(5)): the root and secrets are read-only, the volume is as wanted.
fn mounts(mountinfo: &str, wanted: &Wanted<'_>) -> Vec<String> {
    let secret = wanted.secret.0.rsplit_once('/').map_or("", |(folder, _)| folder);
    let places = [("/", true), ("/etc/relais", true), (secret, true), (STATE, !wanted.writes_state)];
    let fault = |(place, read_only): (&str, bool)| {
        let line = mountinfo
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .rfind(|words| words.get(4) == Some(&place));
        let Some(words) = line else { return Some(format!("nothing is mounted at {place}")) };
        let found = words.get(5).is_some_and(|options| options.split(',').any(|option| option == "ro"));
        let word = |read_only| if read_only { "read-only" } else { "writable" };
        (found != read_only).then(|| format!("{place} is {}, not {}", word(found), word(read_only)))
    };
    places.into_iter().filter_map(fault).collect()
}

/// A pod and how often its container was started again.
pub(crate) fn restarts(pod: &Value) -> u64 {
    pod.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64).unwrap_or(0)
}

/// Whether every container of the pod is ready, and the pod is not on its way out.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let condition = |one: &&Value| text(one, "/type") == "Ready" && text(one, "/status") == "True";
    let ready = crate::k8s::set::list(pod, "/status/conditions").iter().any(|one| condition(&one));
    ready && pod.pointer("/metadata/deletionTimestamp").is_none()
}

/// What the bot says of its beginning, and that it does not say its token.
///
/// # Errors
/// The log cannot be read, or there is no such line.
pub(crate) fn log(
    hand: &Hand<'_>,
    cluster: &Cluster,
    deployment: &str,
    begins: &str,
    secret: &str,
) -> anyhow::Result<()> {
    let log = cluster.ctl(hand, &["logs", &format!("deployment/{deployment}"), "--all-containers"])?;
    let said = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found =
        said.into_iter().any(|line| text(&line, "/fields/message") == begins || text(&line, "/message") == begins);
    ensure!(found, "the log of {deployment} has no line {begins:?}");
    ensure!(!log.contains(secret), "the log of {deployment} has the secret in it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\trelais-bot\nUid:\t10001\t10001\t10001\t10001\nGid:\t10001\t10001\t10001\t10001\n\
        CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
    const MOUNTS: &str = "1 0 0:40 / / ro,relatime - overlay overlay rw\n\
        2 1 0:41 / /etc/relais ro,relatime - ext4 /dev/vda rw\n\
        3 1 0:42 / /run/secrets/discord ro,relatime - tmpfs tmpfs rw\n\
        4 1 0:43 / /var/lib/relais rw,relatime - ext4 /dev/vda rw\n";

    fn wanted() -> Wanted<'static> {
        Wanted { uid: 10001, secret: ("/run/secrets/discord/token", "a.token"), writes_state: true }
    }

    #[test]
    fn a_restricted_process_has_no_fault_and_each_privilege_is_one() {
        assert_eq!(privileges(STATUS, 10001), Vec::<String>::new());
        for (from, to) in [
            ("Uid:\t10001", "Uid:\t0"),
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("Seccomp:\t2", "Seccomp:\t0"),
        ] {
            let faults = privileges(&STATUS.replace(from, to), 10001);
            assert_eq!(faults.len(), 1, "{from}: {faults:?}");
        }
        assert_eq!(privileges("", 10001).len(), 9);
    }

    #[test]
    fn a_writable_root_and_a_volume_that_is_not_there_are_faults() {
        assert_eq!(mounts(MOUNTS, &wanted()), Vec::<String>::new());
        let writable = MOUNTS.replace("/ / ro", "/ / rw");
        assert_eq!(mounts(&writable, &wanted()), ["/ is writable, not read-only"]);
        let without: String = MOUNTS.lines().take(3).map(|line| format!("{line}\n")).collect();
        assert_eq!(mounts(&without, &wanted()), ["nothing is mounted at /var/lib/relais"]);
        assert_eq!(mounts(MOUNTS, &Wanted { writes_state: false, ..wanted() }).len(), 1);
    }
}
