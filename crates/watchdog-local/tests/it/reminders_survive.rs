//! Ten thousand reminders, and a holder that is killed again and again while it delivers them.

use std::collections::BTreeMap;
use std::time::Duration;

use relais_bot::reminders::Reminder;
use relais_host::clock::{Boottime, Clock as _};
use relais_store::{FencedWrite, OperationId, Write};

use crate::bot_process::Site;

const REMINDERS: u64 = 10_000;
const CHANNELS: [u64; 2] = [201, 202];
/// All of them are due within this, ms.
const WITHIN: i64 = 60_000;
const KILLS: usize = 5;
/// A takeover takes a tenth of its time: the minute has room for five.
const PACE: f64 = 10.0;
/// What a reminder may be late beside the outage, ms.
const GRACE: i64 = 5_000;

fn reminder(n: u64, due_ms: i64) -> Reminder {
    let id = 1_790_000_000_000_000_000 + n;
    let channel = Some(CHANNELS[usize::from(n.is_multiple_of(2))]);
    Reminder { channel, ..Reminder::single(id, 1 + n % 500, 100, format!("no. {n}"), due_ms) }
}

fn now() -> i64 {
    i64::try_from(Boottime.wall().0).unwrap()
}

/// Writes them all for the holder, due evenly over the minute from now on.
async fn fill(site: &Site) -> BTreeMap<String, i64> {
    let fence = site.fence().await;
    let begin = now() + 3_000;
    let mut due = BTreeMap::new();
    for first in (0..REMINDERS).step_by(40) {
        let mut writes: Vec<Write> = Vec::new();
        for n in first..(first + 40).min(REMINDERS) {
            let due_ms = begin + WITHIN * i64::try_from(n).unwrap() / i64::try_from(REMINDERS).unwrap();
            let reminder = reminder(n, due_ms);
            due.insert(reminder.nonce(), due_ms);
            writes.extend(reminder.kept());
        }
        let operation = OperationId::new(format!("fill-{first}"));
        site.store.commit(&FencedWrite { fence, operation, writes }).await.unwrap();
    }
    due
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_reminders_are_delivered_once_each_though_the_holder_is_killed_five_times() {
    let mut site = Site::new(PACE).await;
    site.start();
    site.sessions(1).await;
    let due = fill(&site).await;
    let mut longest = 0;
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(6_000)).await;
        site.kill();
        let died = now();
        site.start();
        site.sessions(kill + 2).await;
        longest = longest.max(now() - died);
    }
    for _ in 0..6_000 {
        if site.store.list("OUTBOX#", 1).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut shown: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    // The log counts this machine's boot clock, the reminders its wall clock.
    let between = now() - i64::try_from(Boottime.now().as_millis()).unwrap();
    for message in CHANNELS.iter().flat_map(|channel| site.discord.messages(*channel)) {
        shown.entry(message.nonce.unwrap()).or_default().push(i64::try_from(message.at).unwrap() + between);
    }
    let twice = shown.values().filter(|times| times.len() > 1).count();
    let never = due.keys().filter(|nonce| !shown.contains_key(*nonce)).count();
    let latest = shown.iter().map(|(nonce, times)| times[0] - due[nonce]).max().unwrap_or(0);
    let (tally, left) = (site.discord.tally(), site.store.list("STATE#USER#", 10).await.unwrap().len());
    println!(
        "{} of {REMINDERS} reminders delivered, {twice} twice, {never} never, {left} left; killed {KILLS} times, longest \
         outage {longest} ms, latest {latest} ms after its moment",
        shown.len()
    );
    assert_eq!((shown.len() as u64, twice, never, left, tally.duplicates), (REMINDERS, 0, 0, 0, 0));
    assert!(latest <= longest + GRACE, "one came {latest} ms late, the longest outage was {longest} ms");
    assert_eq!(tally.violations, 0, "{:?}", site.discord.violations());
}
