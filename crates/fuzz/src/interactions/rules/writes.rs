//! Where a request may write: its user's own records, what its place shares as far as they may change it, the outbox.

use relais_bot::{
    commands::{Ask, Request, keys},
    reminders::{OUTBOX, Reminder},
};
use relais_failover::ControlRecord;
use relais_store::{StateItem, StateKey, Write};
use serenity::model::Permissions;

use super::holds;

/// The nearest and the farthest moment that a reminder may have, ms: half a minute, and two years with a leap day and
/// the hours by which zones differ.
const DUE_MS: std::ops::RangeInclusive<i64> = 30_000..=(731 * 24 + 26) * 3_600_000;

/// How long an operator's wish may last, ms.
const WISH_MS: i64 = 72 * 3_600_000;

/// What the writes are judged by.
pub(crate) struct Court<'a> {
    pub(crate) request: &'a Request,
    pub(crate) writes: &'a [Write],
    /// The tags that are written, as they were before.
    pub(crate) before: &'a [StateItem],
    /// Whether the user is an operator.
    pub(crate) operator: bool,
    /// The override as it was before.
    pub(crate) control: Option<&'a ControlRecord>,
}

impl Court<'_> {
    pub(crate) fn judge(&self) -> Result<(), String> {
        let typing = matches!(self.request.ask, Ask::Typing { .. });
        holds!(!typing || self.writes.is_empty(), "typing wrote {:?}", self.writes);
        self.writes.iter().try_for_each(|write| match write {
            Write::Put { key, value } => {
                if let Some(reminder) = Reminder::read(value) {
                    self.due(&reminder)?;
                }
                self.allowed(key, false)
            }
            Write::Delete { key } => self.allowed(key, true),
            Write::Control(record) => self.wished(record),
            Write::AppendEvent(event) => Err(format!("a command wrote {event:?}")),
        })
    }

    fn due(&self, reminder: &Reminder) -> Result<(), String> {
        let away = reminder.due_ms.saturating_sub(self.request.now.as_millisecond());
        // A moment is a whole second, and now is not.
        holds!(DUE_MS.contains(&away), "a reminder {away} ms from now: {reminder:?}");
        Ok(())
    }

    /// An operator in a server that they manage may set it, for a time; whoever set it may take their name and words away.
    fn wished(&self, record: &ControlRecord) -> Result<(), String> {
        let request = self.request;
        let Some(by) = record.by else {
            let before = self.control.filter(|before| before.by == Some(request.user));
            let same = before.is_some_and(|before| (before.mode, before.until) == (record.mode, record.until));
            holds!(same && record.reason.is_empty(), "{:?} became {record:?}", self.control);
            return Ok(());
        };
        let may = self.operator && request.guild.is_some() && request.may(Permissions::MANAGE_GUILD);
        holds!(may && by == request.user, "user {} set {record:?}", request.user);
        let longest = request.now.as_millisecond().saturating_add(WISH_MS);
        let until = i64::try_from(record.until.0).unwrap_or(i64::MAX);
        holds!(until <= longest, "without an end: {record:?}");
        Ok(())
    }

    fn allowed(&self, key: &StateKey, deleted: bool) -> Result<(), String> {
        let request = self.request;
        let text = key.as_str();
        if text.starts_with(&keys::of_user(request.user)) {
            return Ok(());
        }
        if text.starts_with(OUTBOX) {
            let id = keys::last_part(key);
            let own = keys::all_reminders(request.user);
            let with = |other: &StateKey| other.as_str().starts_with(&own) && keys::last_part(other) == id;
            holds!(self.touches(with), "{text} is written without the own reminder that it is for");
            return Ok(());
        }
        if let Some(guild) = request.guild
            && *key == keys::guild_zone(guild)
        {
            holds!(request.may(Permissions::MANAGE_GUILD), "somebody set the zone of the server");
            return Ok(());
        }
        if let Some((place, name)) = text.strip_prefix("STATE#TAG#").and_then(|rest| rest.split_once('#')) {
            return self.tag(place, name, key, deleted);
        }
        // That its author wrote a tag is forgotten by whoever deletes the tag.
        let tags = keys::tags(&request.place());
        let author_of = |name: &str| keys::tag(&request.place(), name);
        let authored = text.contains("#TAG#") && deleted && text.contains(&format!("#TAG#{}#", request.place()));
        let tag = author_of(keys::last_part(key));
        let with_tag = self.touches(|other| *other == tag && other.as_str().starts_with(&tags));
        holds!(authored && with_tag, "user {} wrote {text}", request.user);
        Ok(())
    }

    fn tag(&self, place: &str, name: &str, key: &StateKey, deleted: bool) -> Result<(), String> {
        let request = self.request;
        let authored = keys::authored(request.user, place, name);
        let erased = deleted && self.touches(|other| *other == authored);
        if place != request.place() {
            holds!(erased, "{key} of another place was written");
            return Ok(());
        }
        let before = self.before.iter().find(|item| item.key == *key);
        let author = before.and_then(|item| item.value.get("by")?.as_str()?.parse::<u64>().ok());
        let own = before.is_none() || author == Some(request.user);
        let may = request.may(Permissions::MANAGE_MESSAGES);
        holds!(own || may || (erased && author.is_none()), "user {} changed {key} of {author:?}", request.user);
        Ok(())
    }

    fn touches(&self, what: impl Fn(&StateKey) -> bool) -> bool {
        self.writes.iter().any(|write| match write {
            Write::Put { key, .. } | Write::Delete { key } => what(key),
            Write::AppendEvent(_) | Write::Control(_) => false,
        })
    }
}
