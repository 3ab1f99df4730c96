//! The rows of the table in `k8s/README.md`: what is done, what comes of it, and the code that looks whether it does.

use super::table::Bench;
use super::troubles;

/// One row.
pub(crate) struct Row {
    /// What is done.
    pub(crate) name: &'static str,
    /// What comes of it.
    pub(crate) says: &'static str,
    /// Does it, and tells what does not come of it.
    pub(crate) show: fn(&mut Bench<'_>) -> anyhow::Result<Vec<String>>,
    /// Users talk meanwhile, and the bot must speak within so many seconds afterwards; none: nobody talks.
    pub(crate) users: Option<u64>,
    /// Whether it is shown where time is short.
    quick: bool,
}

/// Every row, in the order in which they are shown.
pub(crate) const ALL: &[Row] = &[
    Row {
        name: "apply the overlay `test` server-side",
        says: "every object is taken, both pods become ready, and users are answered",
        show: troubles::everything_is_there,
        users: Some(60),
        quick: true,
    },
    Row {
        name: "look at the processes from outside",
        says: "users 10001 and 10002, no capability, no new privileges, a seccomp filter, a read-only root; the Secret is readable by the program alone, the bot's volume is written",
        show: troubles::processes_are_restricted,
        users: None,
        quick: true,
    },
    Row {
        name: "start more pods than the quota has room for",
        says: "three by hand are taken beside bot and health, the sixth is refused by name of the quota",
        show: troubles::the_quota_refuses,
        users: None,
        quick: true,
    },
    Row {
        name: "`kill -9` the bot's process",
        says: "the container is started again in the same pod; the new process waits for the old lease to become stale",
        show: troubles::the_process_is_killed,
        users: Some(super::table::SPEAKS),
        quick: true,
    },
    Row {
        name: "delete the bot's pod",
        says: "it drains, gives the lease up and goes; the next pod takes over",
        show: troubles::the_pod_is_deleted,
        users: Some(super::table::SPEAKS),
        quick: false,
    },
    Row {
        name: "`kill -9` the health server",
        says: "it is started again; the bot notices nothing",
        show: troubles::health_is_killed,
        users: Some(60),
        quick: false,
    },
    Row {
        name: "drain the node, then let it have pods again",
        says: "both pods are evicted and wait; nobody speaks until the node takes pods again",
        show: troubles::the_node_is_drained,
        users: Some(super::table::SPEAKS),
        quick: false,
    },
    Row {
        name: "restart the bot without its Secret",
        says: "the pod waits and the event names the Secret; it starts by itself once the Secret is there",
        show: troubles::the_secret_is_missing,
        users: Some(super::table::SPEAKS),
        quick: false,
    },
    Row {
        name: "restart the bot with a wrong token",
        says: "it holds no conversation with Discord and is not ready; with the right token, a restart mends it",
        show: troubles::the_secret_is_wrong,
        users: Some(super::table::SPEAKS),
        quick: false,
    },
    Row {
        name: "fill the volume",
        says: "the lease cannot be renewed, so the bot falls silent; the health answer is 503 and says `disk below minimum`; with room again the bot speaks",
        show: troubles::the_volume_is_full,
        users: Some(super::table::SPEAKS),
        quick: false,
    },
    Row {
        name: "restart the health server with a key that is too short",
        says: "it refuses with exit code 64 and the key's name, and is tried again; the bot goes on",
        show: troubles::the_key_is_short,
        users: Some(60),
        quick: false,
    },
];

/// The rows for where time is short.
pub(crate) fn quick() -> Vec<&'static Row> {
    ALL.iter().filter(|row| row.quick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_exactly_these_rows() {
        let readme = include_str!("../../../../k8s/README.md");
        let table = readme.split("## What was seen in a cluster").nth(1).unwrap_or_default();
        let told: Vec<&str> = table
            .lines()
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let rows: Vec<String> = ALL.iter().map(|row| format!("| {} | {} |", row.name, row.says)).collect();
        assert_eq!(told, rows);
    }
}
