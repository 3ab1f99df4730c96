//! How many units of DynamoDB two sites and the watchdog use: real processes on one table of an emulator
//! (`RELAIS_AWS_ENDPOINT`), charged by DynamoDB's own rules. The emulator's word for it is a constant, so the ways to it are
//! read along. `cargo xtask check --only emulator` runs this; `--show-output` shows the figures.

mod link;
mod rules;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use relais_bot::reminders::Reminder;
use relais_failover::{
    Claim, EventKind, EventRecord, Incarnation, LeaseOp, Policy, Site as Place, Timestamp, Version, WallClock, wire,
};
use relais_host::clock::{self, Boottime, Clock as _};
use relais_store::{FencedWrite, OperationId, Write};
use relais_world::discord::{Answered, Outcome};
use serde_json::json;

use crate::bot_process::Site;
use crate::command::PROGRAM;
use crate::on_dynamodb::{REGION, emulator, make_table};
use crate::person::{Person, text};
use link::{Entry, Ledger};
use rules::Units;

/// Every span of the protocol is so much shorter here.
const PACE: f64 = 5.0;
/// How long the sites are watched at rest, in the protocol's time. The longest period of anything that they do by
/// themselves is a quarter of a minute.
const REST: Duration = Duration::from_secs(180);
const HOUR: f64 = 3_600.0;
/// What the table has of each kind (terraform/variables.tf), and for how long DynamoDB keeps what was not used.
const PROVISIONED: f64 = 5.0;
const KEPT_S: f64 = 300.0;
/// What docs/costs.md tells, and how far the machine's jitter may take a count from it.
const PRICES: &str = include_str!("../../../../../docs/prices.json");
const TOLERANCE: f64 = 0.15;
/// A minute of rest came before what is judged second by second.
const KEPT_S_AT_FIRST: f64 = 60.0;
/// Reminders that wait while the sites are at rest: more than one read unit holds.
const WAITING: u64 = 80;
/// Reminders that one transaction of the test's keeps.
const BATCH: usize = 5;
/// Events in the history: more than one look reads.
const HISTORY: usize = 70;
const YEAR_MS: u64 = 365 * 86_400_000;
/// How much of each is done between rest and failover.
const COMMANDS: usize = 10;
const DELIVERIES: usize = 10;
const CHANNEL: u64 = 201;

/// Who comes to the table. The test's own way is read along for the sizes and counts for nothing.
const LAPTOP: &str = "laptop";
const CLOUD: &str = "cloud";
const WATCHDOG: &str = "watchdog";
const TEST: &str = "test";

/// How the ledger names what users cause.
const COMMAND: &str = "transaction: interaction";
const DELIVERY: &str = "transaction: reminder";

/// A process that ends with this.
struct Beside(Child);

impl Beside {
    fn start(command: &str, config: &Path) -> Self {
        let mut child = Command::new(PROGRAM);
        child.arg(command).arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(child.spawn().unwrap())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was used from one moment to another.
struct Used {
    entries: Vec<Entry>,
    seconds: f64,
}

impl Used {
    fn between(ledger: &Ledger, from: Timestamp, to: Timestamp) -> Self {
        let within = |entry: &&Entry| entry.who != TEST && entry.at >= from && entry.at < to;
        let entries = ledger.with(|counted| counted.entries.iter().filter(within).cloned().collect());
        Self { entries, seconds: to.since(from).as_secs_f64() * PACE }
    }

    fn sum(&self, chosen: impl Fn(&Entry) -> bool) -> Units {
        self.entries.iter().filter(|entry| chosen(entry)).fold(Units::default(), |sum, entry| Units {
            read: sum.read + entry.units.read,
            write: sum.write + entry.units.write,
        })
    }

    /// On average.
    fn a_second(&self, chosen: impl Fn(&Entry) -> bool) -> Units {
        let sum = self.sum(chosen);
        Units { read: sum.read / self.seconds, write: sum.write / self.seconds }
    }

    /// Units in the busiest second of the protocol, and what a table with the provisioned units, which keeps unused ones
    /// for a while and has so many of them at first, has left in its worst moment.
    fn seconds(&self, from: Timestamp, mut left: f64, kind: impl Fn(Units) -> f64) -> (f64, f64) {
        let mut seconds = vec![0.0; self.seconds.ceil() as usize + 1];
        for entry in &self.entries {
            seconds[(entry.at.since(from).as_secs_f64() * PACE) as usize] += kind(entry.units);
        }
        let mut least = f64::INFINITY;
        for used in &seconds {
            left = (left + PROVISIONED).min(PROVISIONED * KEPT_S) - used;
            least = least.min(left);
        }
        (seconds.iter().copied().fold(0.0, f64::max), least)
    }

    fn show(&self, title: &str) {
        let mut kinds: BTreeMap<(&str, &str), (usize, Units)> = BTreeMap::new();
        for entry in &self.entries {
            let (count, units) = kinds.entry((entry.who, &entry.what)).or_default();
            *count += 1;
            units.read += entry.units.read;
            units.write += entry.units.write;
        }
        println!("{title}: {:.0} s of the protocol", self.seconds);
        for ((who, what), (count, units)) in kinds {
            println!("  {who:<9}{what:<28}{count:>5} requests {:>7} read {:>7} write", units.read, units.write);
        }
    }
}

/// A port that nobody has. Somebody may take it before it is used; then the test says so.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..6_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(holds().await, "not within a minute: {what}");
}

async fn holds(site: &Site, place: Place) -> bool {
    let lease = site.store.read_board().await.unwrap().lease.unwrap();
    lease.holder.is_some_and(|claim| claim.site == place)
}

/// This many reminders, due then.
async fn remind(site: &Site, count: u64, name: &str, due: i64) {
    let fence = site.fence().await;
    for first in (0..count).step_by(BATCH) {
        let mut writes: Vec<Write> = Vec::new();
        for n in first..(first + BATCH as u64).min(count) {
            let id = format!("{}{n:04}", clock::random_128() % 1_000_000_000_000);
            let reminder = Reminder::single(id, n, 100, "milk".to_owned(), due);
            writes.extend(Reminder { channel: Some(CHANNEL), ..reminder }.kept());
        }
        let operation = OperationId::new(format!("{name}-{first}"));
        site.store.commit(&FencedWrite { fence, operation, writes }).await.unwrap();
    }
}

/// What a table of some age has: reminders that wait, and as much history as anybody reads, too old to damp anything. It is
/// written under a term of its own, before any bot runs.
async fn grow_old(site: &Site) {
    let board = site.store.read_board().await.unwrap();
    let claim = Claim { site: Place::Laptop, incarnation: Incarnation::new(1) };
    let (version, wall_hint) = (Version::new(clock::random_128()), Boottime.wall());
    let (expected, ttl_ms) = (board.lease.unwrap().version, 30_000);
    let taken = LeaseOp::AcquireFree { claim, expected, version, ttl_ms, wall_hint };
    site.store.apply(&taken).await.unwrap();
    let fence = site.fence().await;
    remind(site, WAITING, "waiting", now_ms() + i64::try_from(YEAR_MS).unwrap()).await;
    let at = WallClock(wall_hint.0 - YEAR_MS);
    let event =
        EventRecord { schema: wire::SCHEMA, kind: EventKind::TakenOver, site: fence.site, term: fence.term, at };
    let (operation, writes) = (OperationId::new("history"), vec![Write::AppendEvent(event); HISTORY]);
    site.store.commit(&FencedWrite { fence, operation, writes }).await.unwrap();
    let (expected, version) = (version, Version::new(clock::random_128()));
    let given = LeaseOp::Release { fence, expected, version, wall_hint, session: None };
    site.store.apply(&given).await.unwrap();
}

fn now_ms() -> i64 {
    i64::try_from(Boottime.wall().0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_two_sites_and_a_failover_stay_within_five_units() {
    let (ledger, far) = (Ledger::default(), emulator());
    let table = make_table(&far).await;
    let mut stores = BTreeMap::new();
    for who in [LAPTOP, CLOUD, WATCHDOG, TEST] {
        let way = ledger.way(who, &far).await;
        stores.insert(who, format!("dynamodb:{table}?region={REGION}&endpoint=http://{way}"));
    }

    // The laptop with its health server, the cloud beside it, and the watchdog.
    let folder = tempfile::tempdir().unwrap();
    let (facts, public) = (free_port(), free_port());
    let mut site = Site::on(tempfile::tempdir().unwrap(), &stores[TEST], PACE, |_, settings| {
        settings["store"] = json!(stores[LAPTOP]);
        settings["listen"] = json!(format!("127.0.0.1:{facts}"));
    })
    .await;
    grow_old(&site).await;
    site.start();
    site.sessions(1).await;
    site.start_beside_on("cloud", &stores[CLOUD]);
    let write = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let key = write("key", "a-key-for-a-test-of-units".to_owned());
    let policy = write("policy.json", Policy::embedded().paced(PACE).unwrap().to_json());
    let health = json!({
        "site": "laptop", "listen": format!("127.0.0.1:{public}"), "metrics_listen": "127.0.0.1:0",
        "bot_facts": format!("http://127.0.0.1:{facts}/facts"), "key_file": key, "state_dir": folder.path(),
        "min_disk_free_percent": 0, "policy": policy,
    });
    let health = Beside::start("health", &write("health.json", health.to_string()));
    let watch = json!({
        "store": stores[WATCHDOG], "policy": policy, "standby": { "kind": "none" },
        "probe": { "url": format!("http://127.0.0.1:{public}/health"), "key_file": key },
    });
    let _watchdog = Beside::start("watch", &write("watch.json", watch.to_string()));
    let looks = || ledger.with(|counted| counted.entries.iter().filter(|entry| entry.who == WATCHDOG).count());
    wait_for("the watchdog looks", async || looks() >= 20).await;

    let term = site.fence().await.term;
    let from = clock::now();
    tokio::time::sleep(REST.div_f64(PACE)).await;
    let rest = Used::between(&ledger, from, clock::now());
    rest.show("at rest");
    assert_eq!(site.fence().await.term, term, "the bot moved, so this was no rest");

    let asked = clock::now();
    let me = Person { site: &site, locale: "en-US", id: 7 };
    let mut done = 0;
    // A busy emulator may be too slow for one of Discord's deadlines; then the user asks again.
    for _ in 0..5 * COMMANDS {
        let asked = me.slash("remind", vec![text("when", "tomorrow 9:00"), text("what", "milk")]);
        let outcome = site.discord.outcome(site.discord.interact(asked).id).await;
        let kept = |said: &Answered| said.content.starts_with("I will remind you");
        done += usize::from(matches!(outcome, Outcome::Answered(said) if kept(&said)));
        if done == COMMANDS {
            break;
        }
    }
    assert_eq!(done, COMMANDS, "reminders asked for");
    let due = clock::now();
    let commands = Used::between(&ledger, asked, due);
    commands.show("commands");
    remind(&site, DELIVERIES as u64, "due", now_ms()).await;
    let delivered = || ledger.with(|counted| counted.entries.iter().filter(|entry| entry.what == DELIVERY).count());
    wait_for("the reminders are delivered", async || delivered() >= DELIVERIES).await;
    let deliveries = Used::between(&ledger, due, clock::now());
    deliveries.show("deliveries");
    let reminders = site.discord.messages(CHANNEL).into_iter().filter(|message| message.nonce.is_some()).count();
    assert_eq!(reminders, DELIVERIES, "messages of reminders");

    // The laptop is gone with everything on it.
    let died = clock::now();
    site.kill();
    drop(health);
    wait_for("the cloud takes over", async || holds(&site, Place::Cloud).await).await;
    site.sessions(2).await;
    tokio::time::sleep(Duration::from_secs(30).div_f64(PACE)).await;
    let failover = Used::between(&ledger, died, clock::now());
    failover.show("failover");

    let all = Used::between(&ledger, from, clock::now());
    let surprises = ledger.with(|counted| counted.surprises.clone());
    assert!(surprises.is_empty(), "{surprises:#?}");
    judge_rest(&rest);
    for (what, count, kind, used) in [
        ("commands that write", COMMANDS, COMMAND, commands),
        ("reminders delivered", DELIVERIES, DELIVERY, deliveries),
    ] {
        let (reads, writes) = (used.sum(|entry| entry.what.starts_with("STATE")), used.sum(|entry| entry.what == kind));
        println!("{count} {what}: {} read and {} write units", reads.read, writes.write);
        assert!(reads.read > 0.0 && writes.write > 0.0, "{what} cost nothing");
    }
    let whole = failover.sum(|_| true);
    println!("a failover: {} read and {} write units in {:.0} s", whole.read, whole.write, failover.seconds);
    judge_bursts(from, rest.a_second(|_| true), &all);
}

/// On average, against what the table has and against what docs/costs.md tells.
fn judge_rest(rest: &Used) {
    let told: serde_json::Value = serde_json::from_str(PRICES).unwrap();
    for (name, who, key) in [
        ("two sites and watchdog", &[LAPTOP, CLOUD, WATCHDOG][..], "two_sites"),
        ("one site and watchdog", &[LAPTOP, WATCHDOG], "one_site"),
    ] {
        let units = rest.a_second(|entry| who.contains(&entry.who));
        for (kind, used) in [("read", units.read), ("write", units.write)] {
            let (hourly, told) = (used * HOUR, told["measured"][key][kind].as_f64().unwrap());
            println!("{name} at rest: {hourly:.0} {kind} units an hour");
            assert!(used < PROVISIONED, "{name}: {used} {kind} units a second");
            let off = (hourly / told - 1.0).abs();
            assert!(
                off < TOLERANCE,
                "{name}: {hourly:.0} {kind} units an hour, docs/prices.json has {told}: write it there"
            );
        }
    }
    // Somebody who does nothing would be within any bound.
    for (who, writes) in [(LAPTOP, true), (CLOUD, false), (WATCHDOG, true)] {
        let units = rest.sum(|entry| entry.who == who);
        assert!(units.read >= 1.0 && (units.write >= 1.0 || !writes), "{who} did nothing: {units:?}");
    }
    // What only waits costs nothing: a look reads one entry, however many there are.
    let looks = rest.entries.iter().filter(|entry| entry.what == "OUTBOX").count();
    assert_eq!(rest.sum(|entry| entry.what == "OUTBOX").read, looks as f64, "units of {looks} looks into the outbox");
    let bytes: usize = rest.entries.iter().filter(|entry| entry.who == LAPTOP).map(|entry| entry.bytes).sum();
    println!("answers to the laptop at rest: {:.1} MB an hour", bytes as f64 / rest.seconds * HOUR / 1e6);
}

/// Second by second, with what DynamoDB keeps of the units that were not used.
fn judge_bursts(from: Timestamp, average: Units, all: &Used) {
    for (name, kind) in [("read", (|units| units.read) as fn(Units) -> f64), ("write", |units| units.write)] {
        let kept = KEPT_S_AT_FIRST * (PROVISIONED - kind(average));
        let (busiest, least) = all.seconds(from, kept, kind);
        println!("{name}: {busiest} units in the busiest second; {kept:.0} kept at first, never fewer than {least:.0}");
        assert!(least >= 0.0, "a table of {PROVISIONED} {name} units would have refused: {least}");
    }
}
