//! Sends what is due: at most a few at once, each under the permit, each settled under the fence.
//!
//! Deliberately absent: any memory. What is due is read from the outbox every time, so that a process that was killed
//! between two instructions leaves nothing behind but an entry that the next one finds.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use relais_failover::Fence;
use relais_store::{CommitError, FencedWrite, OperationId, StateItem, StoreError, Write};
use serenity::{
    builder::{CreateAllowedMentions, CreateMessage},
    http::HttpError,
    model::{
        channel::Nonce,
        id::{ChannelId, UserId},
    },
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    outbox::{self, Attempt, Next},
    record::{OUTBOX, Pointer, Reminder, State},
};
use crate::{
    effect::Late,
    interactions::{Lanes, Tools},
    leadership::Signal,
};

/// Entries that one look takes up.
const BATCH: usize = 200;
/// Sends under way at once. Discord allows fifty requests a second.
const AT_ONCE: usize = 16;

/// Discord's codes for a channel that is gone or closed to this bot: unknown channel, missing access, missing
/// permissions (Discord documentation, JSON error codes).
const NO_CHANNEL: [isize; 3] = [10003, 50001, 50013];
/// Discord's code for a user who takes no direct messages from this bot.
const NO_MESSAGES: isize = 50007;

/// The deliveries of one term.
#[derive(Clone)]
pub struct Delivery {
    tools: Tools,
    fence: Fence,
    lanes: Arc<Lanes>,
}

impl Delivery {
    /// Delivers under `fence`. `lanes`: so that a user's own interaction is not in the way.
    #[must_use]
    pub fn new(tools: Tools, fence: Fence, lanes: Arc<Lanes>) -> Self {
        Self { tools, fence, lanes }
    }

    /// Looks every second of the protocol's time, until `closing`; what was begun by then is finished.
    pub async fn run(self, closing: CancellationToken) {
        let mut looks = interval(self.tools.policy.session_save_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while closing.run_until_cancelled(looks.tick()).await.is_some() {
            // A full batch is followed by the next one at once.
            while self.look(&closing).await && !closing.is_cancelled() {}
        }
    }

    /// Takes up what is due; whether there may be more.
    async fn look(&self, closing: &CancellationToken) -> bool {
        if !self.tools.permit.may_begin() {
            return false;
        }
        // The first entry tells whether anything is due, and a store may charge for all that a look reads.
        let Some(first) = self.entries(1).await else { return false };
        if !first.first().is_some_and(|entry| is_due(entry, self.now())) {
            metrics::gauge!("reminders_due").set(0.0);
            return false;
        }
        let Some(entries) = self.entries(BATCH).await else { return false };
        let now = self.now();
        let due: Vec<StateItem> = entries.into_iter().take_while(|entry| is_due(entry, now)).collect();
        metrics::gauge!("reminders_due").set(due.len() as f64);
        let full = due.len() == BATCH;
        let mut moved = false;
        let mut sending = JoinSet::new();
        for entry in due {
            if closing.is_cancelled() {
                break;
            }
            if sending.len() >= AT_ONCE {
                moved |= matches!(sending.join_next().await, Some(Ok(true)));
            }
            let this = self.clone();
            sending.spawn(async move { this.deliver(entry).await });
        }
        while let Some(sent) = sending.join_next().await {
            moved |= matches!(sent, Ok(true));
        }
        // If none of a whole batch could be moved on, the next look is not a moment sooner than any other.
        full && moved
    }

    /// The first entries of the outbox, if it can be read.
    async fn entries(&self, limit: usize) -> Option<Vec<StateItem>> {
        let read = self.tools.store.list(OUTBOX, limit);
        match timeout(self.tools.policy.request_timeout, read).await {
            Ok(Ok(entries)) => return Some(entries),
            Ok(Err(error)) => tracing::warn!(%error, "outbox not readable"),
            Err(_) => tracing::warn!("outbox not read in time"),
        }
        None
    }

    /// One entry; whether it was moved on.
    async fn deliver(&self, entry: StateItem) -> bool {
        let Some(pointer) = serde_json::from_value::<Pointer>(entry.value.clone()).ok() else {
            tracing::error!(key = %entry.key, "outbox entry not readable");
            return false;
        };
        let found = match self.reminder(&pointer).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "reminder not readable");
                return false;
            }
        };
        // Nothing that still waits for this very moment stands behind it.
        let Some(reminder) = found.filter(|reminder| reminder.outbox_key() == entry.key) else {
            let gone = vec![Write::Delete { key: entry.key.clone() }];
            return self.commit(format!("outbox-{}", entry.key), gone).await;
        };
        let attempt = match outbox::next(&reminder, self.now()) {
            Next::Expire => None,
            Next::Send { late } => {
                if !self.tools.permit.may_begin() {
                    return false;
                }
                Some(self.send(&reminder, late).await)
            }
        };
        self.settle(&pointer, &reminder, attempt).await
    }

    /// Writes down how it went, unless its user cancelled it meanwhile.
    async fn settle(&self, pointer: &Pointer, sent: &Reminder, attempt: Option<Attempt>) -> bool {
        let _alone = self.lanes.enter(sent.user).await;
        match self.reminder(pointer).await {
            Ok(Some(reminder)) if reminder == *sent => {}
            Ok(_) => return true,
            // The send is not written down: whoever looks next sends it again, under the same nonce.
            Err(error) => {
                tracing::warn!(%error, "reminder not readable after its send");
                return false;
            }
        }
        let now = self.now();
        count(sent, attempt, now);
        let writes = match attempt {
            None => outbox::expired(sent, now),
            Some(attempt) => outbox::after(sent, attempt, now),
        };
        let operation = format!("reminder-{}-{}-{}", sent.id, sent.occurrence, sent.tries);
        self.commit(operation, writes).await
    }

    /// The reminder behind an entry, if it is there and still waits.
    async fn reminder(&self, pointer: &Pointer) -> Result<Option<Reminder>, StoreError> {
        let key = pointer.key();
        let read = timeout(self.tools.policy.request_timeout, self.tools.store.read(&key)).await;
        let Some(item) = read.unwrap_or(Err(StoreError::Timeout))? else { return Ok(None) };
        // A newer program wrote it before a step back: it is that program's to deliver, and not ours to forget.
        let unknown = || StoreError::Invalid { reason: format!("{key} is no reminder of a form that is known here") };
        let reminder = Reminder::of(&item).ok_or_else(unknown)?;
        Ok(Some(reminder).filter(|reminder| reminder.state == State::Pending))
    }

    async fn commit(&self, operation: String, writes: Vec<Write>) -> bool {
        let tx = FencedWrite { fence: self.fence, operation: OperationId::new(operation), writes };
        match timeout(self.tools.policy.request_timeout, self.tools.store.commit(&tx)).await {
            Ok(Ok(_)) => true,
            Ok(Err(CommitError::Fenced { .. })) => {
                // Leadership may have ended already; then it knows.
                let _ = self.tools.signals.send(Signal::Doubt);
                false
            }
            Ok(Err(CommitError::Store(error))) => {
                tracing::warn!(%error, "delivery not written down");
                false
            }
            Err(_) => {
                tracing::warn!("delivery not written down in time");
                false
            }
        }
    }

    /// To its channel, or to the user where the channel is closed or gone.
    async fn send(&self, reminder: &Reminder, late: bool) -> Attempt {
        let text = reminder.text(late);
        if let Some(channel) = reminder.channel {
            match self.post(ChannelId::new(channel.max(1)), reminder, &text).await {
                Ok(()) => return Attempt::Shown,
                Err(Some(code)) if NO_CHANNEL.contains(&code) => {
                    tracing::info!(code, "channel closed to a reminder, its user is written to");
                }
                Err(_) => return Attempt::InVain,
            }
            // The right to act may have ended with the first request.
            if !self.tools.permit.may_begin() {
                return Attempt::InVain;
            }
        }
        let recipient = serde_json::json!({ "recipient_id": reminder.user.to_string() });
        let opened = self.tools.http.create_private_channel(&recipient);
        let channel = match self.bounded(opened).await {
            Ok(channel) => channel.id,
            Err(code) => return refusal(code),
        };
        match self.post(channel, reminder, &text).await {
            Ok(()) => Attempt::Shown,
            Err(code) => refusal(code),
        }
    }

    async fn post(&self, channel: ChannelId, reminder: &Reminder, text: &str) -> Result<(), Option<isize>> {
        let message = CreateMessage::new()
            .content(text)
            .allowed_mentions(CreateAllowedMentions::new().users([UserId::new(reminder.user.max(1))]))
            .nonce(Nonce::String(reminder.nonce()))
            .enforce_nonce(true);
        self.bounded(self.tools.http.send_message(channel, Vec::new(), &message)).await.map(drop)
    }

    /// One request within `effect_timeout`; Discord's error code where it refused.
    async fn bounded<T>(&self, request: impl Future<Output = serenity::Result<T>>) -> Result<T, Option<isize>> {
        let limit: Duration = self.tools.policy.effect_timeout;
        match self.tools.permit.within(limit, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(response)))) => Err(Some(response.error.code)),
            // No address in the log: it is of no use there and has the channel in it.
            Ok(Err(_)) | Err(Late) => Err(None),
        }
    }

    fn now(&self) -> Timestamp {
        crate::interactions::moment(self.tools.clock.wall())
    }
}

const fn refusal(code: Option<isize>) -> Attempt {
    match code {
        Some(NO_MESSAGES) => Attempt::Refused,
        Some(_) | None => Attempt::InVain,
    }
}

/// The entry's moment stands first in its key.
fn is_due(entry: &StateItem, now: Timestamp) -> bool {
    let moment = entry.key.as_str().strip_prefix(OUTBOX).and_then(|rest| rest.split('#').next()?.parse::<i64>().ok());
    moment.is_some_and(|moment| moment <= now.as_millisecond())
}

fn count(reminder: &Reminder, attempt: Option<Attempt>, now: Timestamp) {
    let lag = now.as_millisecond().saturating_sub(reminder.due_ms);
    match attempt {
        Some(Attempt::Shown) => {
            metrics::counter!("reminders_sent_total").increment(1);
            metrics::histogram!("reminder_lag_seconds").record(lag as f64 / 1000.0);
            if lag > outbox::LATE_MS {
                metrics::counter!("reminders_late_total").increment(1);
            }
        }
        Some(Attempt::InVain) => metrics::counter!("reminders_retried_total").increment(1),
        Some(Attempt::Refused) => metrics::counter!("reminders_failed_total", "why" => "refused").increment(1),
        None => metrics::counter!("reminders_failed_total", "why" => "expired").increment(1),
    }
}
