//! A steady stream of users, and what they were promised: every acknowledged write must be readable at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use relais_host::clock;
use relais_store::{StateKey, StateStore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::discord::{Answered, CommandOption, InteractionUser, Outcome, SlashCommand, SmallDiscord};
use crate::pace::Pace;

/// Time between two interactions at pace 1.
const INTERVAL: Duration = Duration::from_millis(200);
/// Never quicker than this in real time: two cores run everything.
const QUICKEST: Duration = Duration::from_millis(20);
/// The names that notes are kept under. A name is written again only once its last write is settled, so that the order
/// of writes to it is known.
const NAMES: usize = 24;
const GUILD: u64 = 100;
const CHANNEL: u64 = 201;

/// What happened to the users so far. Times are this machine's boot clock, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Interactions sent.
    pub issued: u64,
    /// Answered in time by anybody.
    pub answered: u64,
    /// Answered by the laptop.
    pub answered_laptop: u64,
    /// Answered by the cloud.
    pub answered_cloud: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Interactions answered with "read-only for now".
    pub read_only: u64,
    /// Interactions that nobody answered in time.
    pub missed: u64,
    /// When the first was sent.
    pub first_at: u64,
    /// When the last was sent.
    pub last_at: u64,
}

/// What is left of the promises.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Acknowledged writes that are gone.
    pub lost: u64,
    /// Writes that happened more often than they were asked for.
    pub duplicates: u64,
}

/// One name's writes, in order.
#[derive(Debug, Clone, Default)]
struct Name {
    /// Texts sent, oldest first.
    sent: Vec<String>,
    /// How many of `sent`, counted from the start, the last acknowledged one is.
    acknowledged: usize,
    /// How many of `sent` were acknowledged.
    promised: u64,
    in_flight: bool,
}

impl Name {
    /// What a text and a revision in the store say of the promises. A write that nobody acknowledged may have been
    /// applied, so a later text than the last acknowledged one is as good.
    fn judge(&self, text: Option<&str>, revision: u64) -> Kept {
        let standing = text.and_then(|text| self.sent.iter().position(|sent| sent == text)).map_or(0, |at| at + 1);
        // Everything acknowledged after the text that stands is gone; so is what a later write covers up, if the store
        // made fewer writes than were acknowledged.
        let behind = self.acknowledged.saturating_sub(standing) as u64;
        let lost = behind.max(self.promised.saturating_sub(revision));
        Kept { lost, duplicates: revision.saturating_sub(self.sent.len() as u64) }
    }
}

#[derive(Debug, Default)]
struct Inside {
    counts: Counts,
    names: BTreeMap<usize, Name>,
}

/// The stream.
pub struct Users {
    discord: Arc<SmallDiscord>,
    interval: Duration,
    inside: Arc<Mutex<Inside>>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
    number: Arc<AtomicU64>,
}

/// What a user asked for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Set(usize),
    Get(usize),
    Status,
}

impl Users {
    /// Users who have not begun yet.
    #[must_use]
    pub fn new(discord: Arc<SmallDiscord>, pace: Pace) -> Self {
        Self {
            discord,
            interval: pace.real(INTERVAL).max(QUICKEST),
            inside: Arc::default(),
            stop: CancellationToken::new(),
            task: Mutex::new(None),
            number: Arc::default(),
        }
    }

    /// Real time between two interactions.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inside().counts
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// Users begin to talk.
    pub fn start(&self) {
        let (discord, inside) = (Arc::clone(&self.discord), Arc::clone(&self.inside));
        let (stop, interval, number) = (self.stop.clone(), self.interval, Arc::clone(&self.number));
        let task = tokio::spawn(async move {
            let mut waiting = JoinSet::new();
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let number = number.fetch_add(1, Ordering::Relaxed);
                waiting.spawn(talk(Arc::clone(&discord), Arc::clone(&inside), number));
                while waiting.try_join_next().is_some() {}
            }
            // The last ones are answered or expire.
            while waiting.join_next().await.is_some() {}
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Users stop talking; returns when the last interaction is answered or has expired.
    pub async fn stop(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the users ended badly");
        }
    }

    /// Reads every note from the store: the last acknowledged text or one sent after it must be there, written no more
    /// often than it was sent.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(&self, store: &(impl StateStore + ?Sized)) -> anyhow::Result<Kept> {
        let names = self.inside().names.clone();
        let mut kept = Kept::default();
        for (name, writes) in names {
            let key = StateKey::state(format!("NOTE#{GUILD}#{}", name_of(name)));
            let item = store.read(&key).await.context("read a note back")?;
            let text = item.as_ref().and_then(|item| item.value["text"].as_str());
            let found = writes.judge(text, item.as_ref().map_or(0, |item| item.revision));
            kept.lost += found.lost;
            kept.duplicates += found.duplicates;
        }
        Ok(kept)
    }
}

impl Drop for Users {
    /// A scene that failed half-way leaves no users behind.
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

async fn talk(discord: Arc<SmallDiscord>, inside: Arc<Mutex<Inside>>, number: u64) {
    let (wish, text) = begin(&inside, number);
    let handle = discord.interact(command(wish, &text, number));
    let outcome = discord.outcome(handle.id).await;
    end(&inside, wish, &outcome);
}

/// Chooses what to ask: sets as long as a name is free for one, otherwise reads and looks at the status.
fn begin(inside: &Mutex<Inside>, number: u64) -> (Wish, String) {
    let mut inside = lock(inside);
    let now = clock::now().as_millis();
    inside.counts.issued += 1;
    inside.counts.last_at = now;
    if inside.counts.issued == 1 {
        inside.counts.first_at = now;
    }
    let turn = usize::try_from(number).unwrap_or(0);
    let index = (turn / 4) % NAMES;
    let name = inside.names.entry(index).or_default();
    match turn % 4 {
        0 | 1 if !name.in_flight => {
            let text = format!("text {number}");
            name.in_flight = true;
            name.sent.push(text.clone());
            (Wish::Set(index), text)
        }
        3 => (Wish::Status, String::new()),
        _ => (Wish::Get(index), String::new()),
    }
}

fn end(inside: &Mutex<Inside>, wish: Wish, outcome: &Outcome) {
    let mut inside = lock(inside);
    let answered = match outcome {
        Outcome::Answered(answered) => Some(answered),
        _ => None,
    };
    match answered {
        None => inside.counts.missed += 1,
        Some(answered) => count(&mut inside.counts, answered),
    }
    if let Wish::Set(index) = wish {
        let acknowledged = answered.is_some_and(|answered| answered.content.starts_with("Noted:"));
        inside.counts.acknowledged += u64::from(acknowledged);
        if let Some(name) = inside.names.get_mut(&index) {
            name.in_flight = false;
            if acknowledged {
                name.promised += 1;
                name.acknowledged = name.sent.len();
            }
        }
    }
}

fn count(counts: &mut Counts, answered: &Answered) {
    counts.answered += 1;
    counts.read_only += u64::from(answered.content.starts_with("Temporarily read-only"));
    match &*answered.by {
        "laptop" => counts.answered_laptop += 1,
        "cloud" => counts.answered_cloud += 1,
        _ => {}
    }
}

fn name_of(index: usize) -> String {
    format!("note-{index}")
}

fn command(wish: Wish, text: &str, number: u64) -> SlashCommand {
    let note = |verb: &str, options| vec![CommandOption::subcommand(verb, options)];
    let named = |index| CommandOption::text("name", name_of(index));
    let (name, options) = match wish {
        Wish::Set(index) => ("note", note("set", vec![named(index), CommandOption::text("text", text)])),
        Wish::Get(index) => ("note", note("get", vec![named(index)])),
        Wish::Status => ("status", Vec::new()),
    };
    SlashCommand {
        name: name.to_owned(),
        options,
        user: InteractionUser::new(500 + number % 7, format!("user-{}", number % 7)),
        guild: Some(GUILD),
        channel: CHANNEL,
        locale: "en-US".to_owned(),
    }
}

fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with one write for each answer.
    fn written(answers: &[bool]) -> Name {
        let inside = Mutex::new(Inside::default());
        for (number, acknowledged) in answers.iter().enumerate() {
            let (wish, _) = begin(&inside, 0);
            assert!(matches!(wish, Wish::Set(0)));
            lock(&inside).names.get_mut(&0).unwrap().sent[number] = format!("text {number}");
            let outcome = if *acknowledged { noted() } else { Outcome::Expired };
            end(&inside, wish, &outcome);
        }
        lock(&inside).names.remove(&0).unwrap_or_default()
    }

    fn noted() -> Outcome {
        let (by, content) = ("cloud".into(), "Noted: note-0.".to_owned());
        Outcome::Answered(Answered { by, at: 0, callback: 4, content, message: None, data: serde_json::Value::Null })
    }

    fn verdict(answers: &[bool], found: Option<(&str, u64)>) -> (u64, u64) {
        let kept = written(answers).judge(found.map(|(text, _)| text), found.map_or(0, |(_, revision)| revision));
        (kept.lost, kept.duplicates)
    }

    #[test]
    fn the_last_acknowledged_write_or_a_later_one_must_stand() {
        assert_eq!(verdict(&[true, true], Some(("text 1", 2))), (0, 0));
        assert_eq!(verdict(&[true, false], Some(("text 0", 1))), (0, 0));
        assert_eq!(verdict(&[true, false], Some(("text 1", 2))), (0, 0));
        assert_eq!(verdict(&[false], None), (0, 0));
    }

    #[test]
    fn an_acknowledged_write_behind_what_stands_is_lost() {
        assert_eq!(verdict(&[true, true, true], Some(("text 0", 3))), (2, 0));
        assert_eq!(verdict(&[true, true], None), (2, 0));
        assert_eq!(verdict(&[true], Some(("text of nobody", 1))), (1, 0));
    }

    #[test]
    fn a_lost_write_that_a_later_one_covers_up_is_still_lost() {
        assert_eq!(verdict(&[true, true, true], Some(("text 2", 1))), (2, 0));
    }

    #[test]
    fn a_write_made_more_often_than_sent_is_a_duplicate() {
        assert_eq!(verdict(&[true, true], Some(("text 1", 3))), (0, 1));
        assert_eq!(verdict(&[true, false], Some(("text 1", 2))), (0, 0));
    }

    #[test]
    fn a_note_is_not_written_again_before_its_last_write_is_settled() {
        let inside = Mutex::new(Inside::default());
        assert!(matches!(begin(&inside, 0).0, Wish::Set(0)));
        assert!(matches!(begin(&inside, 1).0, Wish::Get(0)));
        end(&inside, Wish::Set(0), &Outcome::Expired);
        assert!(matches!(begin(&inside, 0).0, Wish::Set(0)));
        let counts = lock(&inside).counts;
        assert_eq!((counts.issued, counts.missed, counts.acknowledged), (3, 1, 0));
    }

    #[test]
    fn answers_are_counted_by_who_gave_them() {
        let inside = Mutex::new(Inside::default());
        let (wish, _) = begin(&inside, 0);
        end(&inside, wish, &noted());
        let counts = lock(&inside).counts;
        assert_eq!((counts.answered, counts.answered_cloud, counts.answered_laptop, counts.acknowledged), (1, 1, 0, 1));
    }
}
