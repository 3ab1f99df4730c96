//! What is kept of a reminder, and where.

use jiff::Timestamp;
use relais_moment::Repeat;
use relais_store::{StateItem, StateKey, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    commands::keys,
    language::{Language, Said, code, say},
};

/// What the keys of the outbox begin with.
pub const OUTBOX: &str = "OUTBOX#";

/// The form of the record that this code writes.
pub const SCHEMA: u32 = 1;

/// One reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The interaction that asked for it.
    pub id: String,
    /// Whose it is.
    pub user: u64,
    /// Where it was asked for, as keys name it.
    pub place: String,
    /// What to remind of.
    pub what: String,
    /// The channel it goes to; none for a direct message.
    pub channel: Option<u64>,
    /// `en` or `fr`.
    pub language: String,
    /// The moment it is for, Unix ms.
    pub due_ms: i64,
    /// The first of its moments, Unix ms: repeats are counted from it.
    pub first_ms: i64,
    /// When it is tried next, Unix ms: `due_ms`, or later after a try in vain.
    pub next_ms: i64,
    /// `daily`, `weekly`, or none.
    pub repeat: Option<Every>,
    /// The zone whose wall-clock time repeats keep, an IANA name.
    pub zone: String,
    /// How many of its moments came before this one.
    pub occurrence: u32,
    /// Tries in vain at this moment.
    pub tries: u32,
    /// Whether it still waits.
    pub state: State,
}

/// How often it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// Every day.
    Day,
    /// Every week.
    Week,
}

impl From<Every> for Repeat {
    fn from(every: Every) -> Self {
        match every {
            Every::Day => Self::Daily,
            Every::Week => Self::Weekly,
        }
    }
}

/// Whether a reminder still waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits, and the outbox points to it.
    Pending,
    /// Discord refuses to show it to its user.
    Failed,
    /// It was more than a week late.
    Expired,
}

/// The value of an entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Whose reminder.
    pub user: u64,
    /// Its place.
    pub place: String,
    /// Its id.
    pub id: String,
}

impl Pointer {
    /// Where the reminder is.
    #[must_use]
    pub fn key(&self) -> StateKey {
        keys::reminder(self.user, &self.place, &self.id)
    }
}

impl Reminder {
    /// One for a single moment, by direct message, in English, counted in UTC.
    #[must_use]
    pub fn single(id: impl ToString, user: u64, place: impl ToString, what: impl ToString, due_ms: i64) -> Self {
        Self {
            schema: SCHEMA,
            id: id.to_string(),
            user,
            place: place.to_string(),
            what: what.to_string(),
            channel: None,
            language: code(Language::English).to_owned(),
            due_ms,
            first_ms: due_ms,
            next_ms: due_ms,
            repeat: None,
            zone: "UTC".to_owned(),
            occurrence: 0,
            tries: 0,
            state: State::Pending,
        }
    }

    /// A reminder read back; none if it is not one of this form.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok().filter(|reminder: &Self| reminder.schema == SCHEMA)
    }

    /// A reminder read from where it is kept; none if it names another place than that, since what is done with it is
    /// done to the keys that it names.
    #[must_use]
    pub fn of(item: &StateItem) -> Option<Self> {
        Self::read(&item.value).filter(|reminder| reminder.key() == item.key)
    }

    /// Where it is.
    #[must_use]
    pub fn key(&self) -> StateKey {
        keys::reminder(self.user, &self.place, &self.id)
    }

    /// Where the outbox points to it. Entries stand in the order of their moments.
    #[must_use]
    pub fn outbox_key(&self) -> StateKey {
        StateKey::outbox(format_args!("{:014}#{}", self.next_ms.max(0), self.id))
    }

    /// Keeps it, with its entry in the outbox while it waits.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a struct of texts and numbers always has a JSON form")]
    pub fn kept(&self) -> Vec<Write> {
        let json = |value: Result<Value, _>| value.expect("texts and numbers have a JSON form");
        let record = Write::Put { key: self.key(), value: json(serde_json::to_value(self)) };
        if self.state != State::Pending {
            return vec![record];
        }
        let pointer = Pointer { user: self.user, place: self.place.clone(), id: self.id.clone() };
        vec![record, Write::Put { key: self.outbox_key(), value: json(serde_json::to_value(pointer)) }]
    }

    /// Forgets it, with its entry.
    #[must_use]
    pub fn forgotten(&self) -> Vec<Write> {
        let entry = (self.state == State::Pending).then(|| Write::Delete { key: self.outbox_key() });
        [Write::Delete { key: self.key() }].into_iter().chain(entry).collect()
    }

    /// What Discord recognises a repeated send by: at most 25 characters, the same for every try at one moment.
    #[must_use]
    pub fn nonce(&self) -> String {
        // A Discord id has at most 16 hexadecimal digits.
        let id: u64 = self.id.parse().unwrap_or_default();
        format!("{id:x}-{:x}", self.occurrence)
    }

    /// The language it speaks.
    #[must_use]
    pub fn language(&self) -> Language {
        if self.language == code(Language::French) { Language::French } else { Language::English }
    }

    /// The moment it is for, Unix seconds.
    #[must_use]
    pub const fn due_seconds(&self) -> i64 {
        self.due_ms.div_euclid(1000)
    }

    /// The message, which says so if it comes late.
    #[must_use]
    pub fn text(&self, late: bool) -> String {
        let (user, at) = (self.user.to_string(), self.due_seconds().to_string());
        let with = [("user", Said::Text(&user)), ("what", Said::Text(&self.what)), ("at", Said::Text(&at))];
        match late {
            false => say(self.language(), "delivery", &with),
            true => say(self.language(), "delivery-late", &with),
        }
    }

    /// Its moment.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        Timestamp::from_millisecond(self.due_ms).unwrap_or_default()
    }
}
