//! The store of one scene: the one in memory, held by this site, and what scenes do to it behind the bot's back.

use std::time::Duration;

use relais_bot::{
    commands::{keys, tag::TAGS_MAX},
    reminders::{Attempt, Next, OUTBOX, Pointer, Reminder, outbox},
};
use relais_failover::{
    Claim, ControlRecord, EventKind, EventRecord, Fence, Incarnation, LeaseRecord, Site, Term, Version, WallClock,
    wire::SCHEMA,
};
use relais_store::{
    Committed, FencedWrite, LeaseStore as _, Memory, OperationId, StateItem, StateKey, StateStore as _, Write,
};
use serde_json::{Value, json};

use super::{
    payload::{mark_of_place, mark_of_user},
    plan::{Record, Spoilt, Who},
    rules::holds,
};

/// More items than any scene has.
const ALL: usize = 1_000_000;

/// The store, and the right to write to it.
pub(crate) struct Kept {
    pub(crate) memory: Memory,
    fence: Fence,
    operations: u64,
}

impl Kept {
    pub(crate) async fn new(moves: &[u64]) -> Result<Self, String> {
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(1) };
        let fence = Fence { site: claim.site, incarnation: claim.incarnation, term: Term(7) };
        let free = LeaseRecord::initial(Version::new(1), Duration::from_secs(30), WallClock(0));
        let memory = Memory::new();
        let lease = LeaseRecord { holder: Some(claim), term: fence.term, ..free };
        memory.init(&lease).await.map_err(|error| error.to_string())?;
        let mut kept = Self { memory, fence, operations: 0 };
        let moved = moves.iter().map(|&at| {
            let (site, kind) =
                if at % 2 == 0 { (Site::Cloud, EventKind::TakenOver) } else { (Site::Laptop, EventKind::HandedOver) };
            Write::AppendEvent(EventRecord { schema: SCHEMA, kind, site, term: Term(at), at: WallClock(at) })
        });
        kept.commit("move", moved.collect()).await?;
        Ok(kept)
    }

    pub(crate) const fn fence(&self) -> Fence {
        self.fence
    }

    /// Writes in one transaction, as the bot does; a store that refuses it is a fault.
    pub(crate) async fn commit(&mut self, why: &str, writes: Vec<Write>) -> Result<(), String> {
        self.operations += 1;
        let operation = OperationId::new(format!("{why}-{}", self.operations));
        let shown = format!("{writes:?}");
        let committed = self.memory.commit(&FencedWrite { fence: self.fence, operation, writes }).await;
        holds!(matches!(committed, Ok(Committed::Applied)), "the store answers {committed:?} to {shown}");
        Ok(())
    }

    /// Everything of the bot's, and what waits.
    pub(crate) async fn all(&self) -> (Vec<StateItem>, Vec<StateItem>) {
        let list = async |prefix| self.memory.list(prefix, ALL).await.unwrap_or_default();
        (list("STATE#").await, list(OUTBOX).await)
    }

    /// The operator's override.
    pub(crate) async fn control(&self) -> Option<ControlRecord> {
        self.memory.read_board().await.ok().and_then(|board| board.control)
    }

    /// The tags among what is written, as they are now.
    pub(crate) async fn tags_of(&self, writes: &[Write]) -> Vec<StateItem> {
        let mut found = Vec::new();
        for write in writes {
            if let Write::Put { key, .. } | Write::Delete { key } = write
                && key.as_str().starts_with("STATE#TAG#")
            {
                found.extend(self.memory.read(key).await.ok().flatten());
            }
        }
        found
    }

    /// Spoils a record, if there is such a one. Whether it now holds what somebody else wrote.
    pub(crate) async fn spoil(&mut self, who: &Who, record: &Record, value: &Spoilt) -> Result<Option<bool>, String> {
        let (mut items, outbox) = self.all().await;
        items.extend(outbox);
        let place = who.guild.map_or_else(|| format!("dm-{}", who.user), |guild| guild.to_string());
        let short = |name: &str| name.chars().take(40).collect::<String>();
        let key = match record {
            Record::Any(index) if items.is_empty() => return Ok(None.filter(|_: &bool| index.index(1) > 0)),
            Record::Any(index) => items.get(index.index(items.len())).map(|item| item.key.clone()),
            Record::Rate => Some(keys::rate(who.user)),
            Record::Zone => Some(keys::zone(who.user)),
            Record::GuildZone => Some(keys::guild_zone(who.guild.unwrap_or_default())),
            Record::Tag(name) => Some(keys::tag(&place, &short(name))),
            Record::Authored(name) => Some(keys::authored(who.user, &place, &short(name))),
            Record::Reminder(id) => Some(keys::reminder(who.user, &place, &id.to_string())),
            Record::Outbox(id) => Some(StateKey::outbox(format_args!("{:014}#{id}", 0))),
        };
        let Some(key) = key else { return Ok(None) };
        let old = items.iter().find(|item| item.key == key).map(|item| item.value.clone());
        let mut swapped = false;
        let write = match value {
            Spoilt::Gone => Write::Delete { key },
            Spoilt::Whole(value) => Write::Put { key, value: value.clone() },
            Spoilt::Swapped(index) => {
                let Some(other) = (!items.is_empty()).then(|| items.get(index.index(items.len()))).flatten() else {
                    return Ok(None);
                };
                swapped = true;
                Write::Put { key, value: other.value.clone() }
            }
            Spoilt::Field(index, with) => {
                let mut value = old.unwrap_or_default();
                let fields = value.as_object().map_or(0, serde_json::Map::len);
                match value.as_object_mut().filter(|_| fields > 0) {
                    Some(object) => {
                        if let Some(field) = object.values_mut().nth(index.index(fields)) {
                            field.clone_from(with);
                        }
                    }
                    None => value.clone_from(with),
                }
                Write::Put { key, value }
            }
        };
        self.commit("spoil", vec![write]).await?;
        Ok(Some(swapped))
    }

    /// Keeps so many tags of a place, as far as it takes them, and reminders of a user, a few of them there.
    pub(crate) async fn stock(&mut self, who: &Who, tags: usize, reminders: u64, now_ms: i64) -> Result<(), String> {
        let place = who.guild.map_or_else(|| format!("dm-{}", who.user), |guild| guild.to_string());
        let there = self.memory.list(&keys::tags(&place), ALL).await.unwrap_or_default();
        let names = (0..tags).map(|n| format!("stock-{n}-{}", "x".repeat(n % 20)));
        let new = names.filter(|name| there.iter().all(|item| item.key != keys::tag(&place, name)));
        let value = json!({ "text": format!("{}stock", mark_of_place(who)), "by": who.user.to_string() });
        let mut writes = Vec::new();
        for name in new.take(TAGS_MAX.saturating_sub(there.len())) {
            writes.push(Write::Put { key: keys::tag(&place, &name), value: value.clone() });
            writes.push(Write::Put { key: keys::authored(who.user, &place, &name), value: json!({}) });
        }
        let waiting = self.memory.list(&keys::reminders(who.user, &place), ALL).await.unwrap_or_default();
        let here = if waiting.is_empty() { 8 } else { 0 };
        for n in 0..reminders {
            let what = format!("{}stock", mark_of_user(who.user));
            let due = now_ms.saturating_add(60_000 + i64::try_from(n).unwrap_or(0));
            // No two users ask with one id. Twenty in a place: fewer than its user may have; the first ones here.
            let (id, elsewhere) = (10_000 + n * 7 + who.user % 7, 9_000 + n / 20);
            let (id, place) = match n < here {
                true => (id + 1_000_000 * (1 + who.guild.unwrap_or_default()), place.clone()),
                false => (id, elsewhere.to_string()),
            };
            let reminder = Reminder::single(id, who.user, place, what, due);
            let known = self.memory.read(&reminder.key()).await.ok().flatten();
            writes.extend(if known.is_none() { reminder.kept() } else { Vec::new() });
        }
        for some in writes.chunks(90) {
            self.commit("stock", some.to_vec()).await?;
        }
        Ok(())
    }

    /// Plays the attempt at the first entry of the outbox. Gives the moment at which it was made, if there was one.
    pub(crate) async fn deliver(&mut self, now: jiff::Timestamp, how: u8) -> Result<Option<jiff::Timestamp>, String> {
        let first = self.memory.list(OUTBOX, 1).await.unwrap_or_default();
        let Some(reminder) = self.reminder(first.first()).await else { return Ok(None) };
        let due = jiff::Timestamp::from_millisecond(reminder.next_ms).unwrap_or_default();
        let week = jiff::SignedDuration::from_hours(24 * 8);
        let at = if how == 3 { due.max(now).checked_add(week).unwrap_or(now) } else { due.max(now) };
        let writes = match (outbox::next(&reminder, at), how) {
            (Next::Expire, _) => outbox::expired(&reminder, at),
            (Next::Send { late }, how) => {
                let (text, nonce) = (reminder.text(late), reminder.nonce());
                holds!(text.chars().count() <= 2_000, "a reminder of {} characters", text.chars().count());
                holds!((1..=25).contains(&nonce.len()), "a nonce {nonce:?}");
                let attempt = [Attempt::Shown, Attempt::InVain, Attempt::Refused];
                outbox::after(&reminder, attempt.get(usize::from(how)).copied().unwrap_or(Attempt::Shown), at)
            }
        };
        let ahead = writes.iter().all(|write| match write {
            Write::Put { value, .. } => Reminder::read(value).is_none_or(|next| {
                next.next_ms > at.as_millisecond() || next.state != relais_bot::reminders::State::Pending
            }),
            _ => true,
        });
        holds!(ahead, "after {at} comes {writes:?}");
        self.commit("deliver", writes).await?;
        Ok(Some(at))
    }

    async fn reminder(&self, entry: Option<&StateItem>) -> Option<Reminder> {
        let pointer: Pointer = serde_json::from_value(entry?.value.clone()).ok()?;
        let kept = self.memory.read(&pointer.key()).await.ok().flatten()?;
        let whole = |reminder: &Reminder| Some(&reminder.outbox_key()) == entry.map(|entry| &entry.key);
        Reminder::read(&kept.value).filter(whole)
    }

    /// After an erasure: what is left of a user.
    pub(crate) async fn left_of(&self, user: u64, spoilt: bool) -> Vec<StateKey> {
        let (items, outbox) = self.all().await;
        let by = user.to_string();
        let own = keys::of_user(user);
        let tags = items.iter().filter(|item| {
            let tag = item.key.as_str().starts_with("STATE#TAG#")
                && item.value.get("by").and_then(Value::as_str) == Some(&by);
            item.key.as_str().starts_with(&own) || (tag && !spoilt)
        });
        let waiting = outbox.iter().filter(|item| !spoilt && item.value["user"].as_u64() == Some(user));
        tags.chain(waiting).map(|item| item.key.clone()).collect()
    }
}
