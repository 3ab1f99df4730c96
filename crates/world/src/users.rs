//! A steady stream of users, and what they were promised: every acknowledged write must be readable at the end.

mod promises;
mod wishes;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use relais_host::clock;
use relais_store::{StateKey, StateStore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::promises::Name;
use self::wishes::{CHANNEL, Due, GUILD, Wish, about, command, form, name_of, onlooker};
use crate::discord::{Answered, Outcome, SmallDiscord};
use crate::pace::Pace;

pub use self::promises::Kept;

/// Time between two interactions at pace 1.
const INTERVAL: Duration = Duration::from_millis(200);
/// Never quicker than this in real time: two cores run everything.
const QUICKEST: Duration = Duration::from_millis(20);
/// The names that tags are kept under: fewer than one server may have. A name is written again only once its last write is
/// settled, so that the order of writes to it is known; and always by the same user, whose tag it is.
const NAMES: usize = 180;
/// Discord's callback type of a form.
const FORM: u8 = 9;

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

impl Counts {
    /// A user does something.
    fn issue(&mut self) {
        let now = clock::now().as_millis();
        self.issued += 1;
        self.last_at = now;
        if self.issued == 1 {
            self.first_at = now;
        }
    }
}

#[derive(Debug, Default)]
struct Inside {
    counts: Counts,
    names: BTreeMap<usize, Name>,
    /// Number and interaction of each acknowledged reminder.
    reminders: Vec<(u64, u64)>,
}

/// The stream.
pub struct Users {
    discord: Arc<SmallDiscord>,
    interval: Duration,
    inside: Arc<Mutex<Inside>>,
    /// Of the stream that runs, or ran last.
    stop: Mutex<CancellationToken>,
    task: Mutex<Option<JoinHandle<()>>>,
    number: Arc<AtomicU64>,
}

impl Users {
    /// Users who have not begun yet.
    #[must_use]
    pub fn new(discord: Arc<SmallDiscord>, pace: Pace) -> Self {
        Self::every(INTERVAL, discord, pace)
    }

    /// Users for a store that takes one request after the other: a tenth as many.
    #[must_use]
    pub fn leisurely(discord: Arc<SmallDiscord>, pace: Pace) -> Self {
        Self::every(INTERVAL * 10, discord, pace)
    }

    fn every(interval: Duration, discord: Arc<SmallDiscord>, pace: Pace) -> Self {
        Self {
            discord,
            interval: pace.real(interval).max(QUICKEST),
            inside: Arc::default(),
            stop: Mutex::default(),
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

    /// Users begin to talk, or go on after they had stopped.
    pub fn start(&self) {
        let (discord, inside) = (Arc::clone(&self.discord), Arc::clone(&self.inside));
        let (stop, interval, number) = (CancellationToken::new(), self.interval, Arc::clone(&self.number));
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
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
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the users ended badly");
        }
    }

    /// Reads every tag from the store: the last acknowledged text or one sent after it must be there, written no more
    /// often than it was sent. And every acknowledged reminder: it must still wait, or its message must be there.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn verify(&self, store: &(impl StateStore + ?Sized)) -> anyhow::Result<Kept> {
        let (names, reminders) = {
            let inside = self.inside();
            (inside.names.clone(), inside.reminders.clone())
        };
        let mut kept = Kept::default();
        for (name, writes) in names {
            let key = StateKey::state(format!("TAG#{GUILD}#{}", name_of(name)));
            let item = store.read(&key).await.context("read a tag back")?;
            let text = item.as_ref().and_then(|item| item.value["text"].as_str());
            let found = writes.judge(text, item.as_ref().map_or(0, |item| item.revision));
            kept.lost += found.lost;
            kept.duplicates += found.duplicates;
        }
        for (number, id) in reminders {
            let key = StateKey::state(format!("USER#{}#REMINDER#{GUILD}#{id}", onlooker(number)));
            let item = store.read(&key).await.context("read a reminder back")?;
            // Looked for after the read: what is forgotten was delivered before. Twice the same is the tally's to find.
            let delivered = || {
                self.discord
                    .messages(CHANNEL)
                    .iter()
                    .any(|shown| shown.object["content"].as_str().is_some_and(|text| text.contains(&about(number))))
            };
            kept.lost += u64::from(item.is_none() && !delivered());
            kept.duplicates += item.map_or(0, |item| item.revision - 1);
        }
        Ok(kept)
    }
}

impl Drop for Users {
    /// A scene that failed half-way leaves no users behind.
    fn drop(&mut self) {
        self.stop.get_mut().unwrap_or_else(PoisonError::into_inner).cancel();
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// One wish from its beginning to its end. Writing a tag is two steps: the command opens a form, the form writes.
async fn talk(discord: Arc<SmallDiscord>, inside: Arc<Mutex<Inside>>, number: u64) {
    let (wish, text) = begin(&inside, number);
    let handle = discord.interact(command(wish, number));
    let outcome = discord.outcome(handle.id).await;
    let Wish::Set(index) = wish else { return end(&inside, wish, number, handle.id, &outcome) };
    if !matches!(&outcome, Outcome::Answered(answered) if answered.callback == FORM) {
        return end(&inside, wish, number, handle.id, &outcome);
    }
    form_opened(&inside, index, &text, &outcome);
    let handle = discord.interact(form(index, &text));
    let outcome = discord.outcome(handle.id).await;
    end(&inside, wish, number, handle.id, &outcome);
}

/// Chooses what to ask: writes as long as a name is free for one, otherwise reads, looks at the status, and now and then
/// wants to be reminded.
fn begin(inside: &Mutex<Inside>, number: u64) -> (Wish, String) {
    let mut inside = lock(inside);
    inside.counts.issue();
    let turn = usize::try_from(number).unwrap_or(0);
    let index = (turn / 4) % NAMES;
    let name = inside.names.entry(index).or_default();
    match turn % 8 {
        0 | 1 | 4 | 5 if !name.in_flight => {
            name.in_flight = true;
            (Wish::Set(index), format!("text {number}"))
        }
        3 => (Wish::Status, String::new()),
        7 => (Wish::Remind(if turn % 16 == 7 { Due::Soon } else { Due::Later }), String::new()),
        _ => (Wish::Get(index), String::new()),
    }
}

/// The form is open, and its user sends it off: from here on the text may be written.
fn form_opened(inside: &Mutex<Inside>, index: usize, text: &str, outcome: &Outcome) {
    let mut inside = lock(inside);
    if let Outcome::Answered(answered) = outcome {
        count(&mut inside.counts, answered);
    }
    inside.counts.issue();
    if let Some(name) = inside.names.get_mut(&index) {
        name.sent.push(text.to_owned());
    }
}

fn end(inside: &Mutex<Inside>, wish: Wish, number: u64, interaction: u64, outcome: &Outcome) {
    let mut inside = lock(inside);
    let answered = match outcome {
        Outcome::Answered(answered) => Some(answered),
        _ => None,
    };
    match answered {
        None => inside.counts.missed += 1,
        Some(answered) => count(&mut inside.counts, answered),
    }
    let acknowledged = |text: &str| answered.is_some_and(|answered| answered.content.starts_with(text));
    match wish {
        Wish::Set(index) => {
            let kept = acknowledged("Kept:");
            inside.counts.acknowledged += u64::from(kept);
            if let Some(name) = inside.names.get_mut(&index) {
                name.in_flight = false;
                if kept {
                    name.promised += 1;
                    name.acknowledged = name.sent.len();
                }
            }
        }
        Wish::Remind(_) if acknowledged("I will remind you") => {
            inside.counts.acknowledged += 1;
            inside.reminders.push((number, interaction));
        }
        Wish::Get(_) | Wish::Remind(_) | Wish::Status => {}
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
            form_opened(&inside, 0, &format!("text {number}"), &opened());
            let outcome = if *acknowledged { said("Kept: note-0") } else { Outcome::Expired };
            end(&inside, wish, 0, 1, &outcome);
        }
        lock(&inside).names.remove(&0).unwrap_or_default()
    }

    fn answered(callback: u8, content: &str) -> Outcome {
        let (by, content, data) = ("cloud".into(), content.to_owned(), serde_json::Value::Null);
        Outcome::Answered(Answered { by, at: 0, callback, content, message: None, data })
    }

    fn opened() -> Outcome {
        answered(FORM, "")
    }

    fn said(content: &str) -> Outcome {
        answered(4, content)
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
    fn a_tag_is_not_written_again_before_its_last_write_is_settled() {
        let inside = Mutex::new(Inside::default());
        assert!(matches!(begin(&inside, 0).0, Wish::Set(0)));
        assert!(matches!(begin(&inside, 1).0, Wish::Get(0)));
        end(&inside, Wish::Set(0), 0, 1, &Outcome::Expired);
        assert!(matches!(begin(&inside, 0).0, Wish::Set(0)));
        let counts = lock(&inside).counts;
        assert_eq!((counts.issued, counts.missed, counts.acknowledged), (3, 1, 0));
        assert!(lock(&inside).names[&0].sent.is_empty(), "a form that never opened wrote nothing");
    }

    #[test]
    fn both_steps_of_a_write_are_counted_and_by_who_answered_them() {
        let inside = Mutex::new(Inside::default());
        let (wish, text) = begin(&inside, 0);
        form_opened(&inside, 0, &text, &opened());
        end(&inside, wish, 0, 1, &said("Kept: note-0"));
        let counts = lock(&inside).counts;
        assert_eq!((counts.issued, counts.answered, counts.answered_cloud, counts.acknowledged), (2, 2, 2, 1));
    }

    #[tokio::test]
    async fn an_acknowledged_reminder_that_is_gone_is_lost() {
        let discord = crate::discord::DiscordConfig::new(Vec::new(), "t", 300, Arc::new(|| 0));
        let users = Users::new(Arc::new(SmallDiscord::start(discord).await.unwrap()), Pace::new(1.0).unwrap());
        end(&users.inside, Wish::Remind(Due::Soon), 7, 99, &said("I will remind you <t:1:F> (<t:1:R>)."));
        end(&users.inside, Wish::Remind(Due::Later), 8, 100, &said("That time is in the past."));
        assert_eq!(users.counts().acknowledged, 1);
        let kept = users.verify(&relais_store::Memory::new()).await.unwrap();
        assert_eq!(kept, Kept { lost: 1, duplicates: 0 });
    }
}
