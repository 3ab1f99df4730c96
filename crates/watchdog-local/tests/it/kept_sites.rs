//! A drill around machines that somebody else keeps: here two shell scripts keep them, in a cluster `cargo xtask cluster` does.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use relais_failover::Policy;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{PROGRAM, refusal, run};

const PACE: f64 = 8.0;

/// Both machines. Dropping it ends what their scripts left running.
struct Machines {
    folder: TempDir,
}

impl Drop for Machines {
    fn drop(&mut self) {
        for site in ["laptop", "cloud"] {
            let _ = std::process::Command::new("sh").arg(self.script(site)).arg("kill").status();
        }
    }
}

/// An address that is free at this moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Machines {
    fn new() -> Self {
        let machines = Self { folder: tempfile::tempdir().unwrap() };
        machines.write("token", "a.token.of-two-machines");
        machines.write("key", "a-key-of-two-machines");
        machines.write("policy.json", &Policy::embedded().paced(PACE).unwrap().to_json());
        let health = free();
        let (laptop, cloud) = (machines.machine("laptop", health), machines.machine("cloud", free()));
        let sites = json!({
            "laptop": laptop,
            "cloud": cloud,
            "health": health,
            "token_file": machines.path("token"),
            "health_key_file": machines.path("key"),
            "application_id": 300,
        });
        machines.write("sites.json", &sites.to_string());
        machines
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, site: &str) -> PathBuf {
        self.path(&format!("{site}.sh"))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A machine that runs bot and health server, and writes down what it is told.
    fn machine(&self, site: &str, health: SocketAddr) -> Value {
        let (store, discord, private) = (free(), free(), free());
        let bot = json!({
            "site": site,
            "store": format!("http://{store}"),
            "listen": private,
            "discord": {
                "token_file": self.path("token"),
                "rest_base": format!("http://{discord}"),
                "application_id": "300",
            },
            "policy": self.path("policy.json"),
        });
        self.write(&format!("{site}-bot.json"), &bot.to_string());
        let health = json!({
            "site": site,
            "listen": health,
            "metrics_listen": free(),
            "bot_facts": format!("http://{private}/facts"),
            "key_file": self.path("key"),
            "state_dir": self.folder.path(),
            "min_disk_free_percent": 0,
            "policy": self.path("policy.json"),
        });
        self.write(&format!("{site}-health.json"), &health.to_string());
        let folder = self.folder.path().display();
        self.write(
            &format!("{site}.sh"),
            &format!(
                "cd {folder}\n\
                 echo $1 >>{site}.acts\n\
                 end() {{\n\
                 for pid in $(cat {site}.pids 2>/dev/null); do\n\
                 kill -$1 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done\n\
                 done; rm -f {site}.pids\n\
                 }}\n\
                 case $1 in\n\
                 start) for part in bot health; do\n\
                 {PROGRAM} $part --config {site}-$part.json >>{site}-$part.log 2>&1 & echo $! >>{site}.pids\n\
                 done ;;\n\
                 prepare|stop) end TERM ;;\n\
                 kill) end KILL ;;\n\
                 log) cat {site}-bot.log ;;\n\
                 *) echo $1 is beyond a shell >&2; exit 9 ;;\n\
                 esac\n"
            ),
        );
        let act = |verb: &str| json!(["sh", self.script(site), verb]);
        json!({
            "ways": { "store": store, "discord": discord, "gateway": format!("ws://{discord}") },
            "acts": {
                "prepare": act("prepare"),
                "start": act("start"),
                "stop": act("stop"),
                "kill": act("kill"),
                "suspend": act("suspend"),
                "wake": act("wake"),
                "cut_store": act("cut_store"),
                "mend_store": act("mend_store"),
                "log": act("log"),
            },
        })
    }

    fn drill(&self, scene: &str) -> std::process::Output {
        let pace = PACE.to_string();
        let arguments = ["drill", "--sites", "sites.json", "--scene", scene, "--pace", &pace, "--json", "drill.json"];
        run(self.folder.path(), &arguments)
    }

    fn acts(&self, site: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{site}.acts"))).unwrap()
    }
}

#[test]
fn the_crash_scene_passes_around_machines_of_others() {
    let machines = Machines::new();
    let output = machines.drill("crash");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(machines.path("drill.json")).unwrap()).unwrap();
    let scene = &report["scenes"][0];
    assert_eq!((&scene["speakers_max"], &scene["lost"], &scene["duplicates"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(scene["starts"], 1);
    assert!(scene["acknowledged"].as_u64().unwrap() > 5, "{scene}");
    assert_eq!(machines.acts("laptop"), "prepare\nstart\nkill\n");
    assert_eq!(machines.acts("cloud"), "prepare\nstart\nprepare\n");
}

#[test]
fn a_machine_that_does_not_do_as_it_is_told_ends_the_scene_in_its_own_words() {
    let machines = Machines::new();
    let output = machines.drill("store-cut");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("play scene store-cut") && said.contains("cut_store is beyond a shell"), "{said}");
    // It is cleared away all the same.
    assert!(machines.acts("laptop").ends_with("cut_store\nprepare\n"), "{}", machines.acts("laptop"));
}

fn changed(folder: &Path, change: impl FnOnce(&mut Value)) -> (i32, String) {
    let text = std::fs::read(folder.join("sites.json")).unwrap();
    let mut sites: Value = serde_json::from_slice(&text).unwrap();
    change(&mut sites);
    std::fs::write(folder.join("changed.json"), sites.to_string()).unwrap();
    refusal(folder, &["drill", "--sites", "changed.json", "--check-config"])
}

#[test]
fn a_file_of_machines_is_refused_by_the_name_of_what_is_wrong() {
    let machines = Machines::new();
    let folder = machines.folder.path();
    let good = run(folder, &["drill", "--sites", "sites.json", "--check-config"]);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let (code, line) = changed(folder, |sites| sites["laptop"]["acts"]["dance"] = json!(["true"]));
    assert!(code == 64 && line.contains("dance") && line.contains("changed.json"), "{code}: {line}");
    let (code, line) = changed(folder, |sites| sites["token_file"] = json!("/nowhere/token"));
    assert!(code == 64 && line.contains("/nowhere/token"), "{code}: {line}");
    let (code, line) = refusal(folder, &["company", "--site", "laptop", "--store", "memory:"]);
    assert!(code == 64 && line.contains("--listen"), "{code}: {line}");
}
