//! What happens in one case: some users, some places, and what they do one after the other. A plan knows no ids and no
//! commands: it points to those that there are when it is played, so it stays meaningful when it is made smaller.

use std::fmt;

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::texts::{any_text, sensible};

/// One case.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The wall clock at its beginning, Unix ms.
    pub(crate) begins: u64,
    /// Whether this site holds the lease, and how long the gateway takes, ms.
    pub(crate) standing: Option<Option<u64>>,
    /// When the bot moved before, Unix ms.
    pub(crate) moves: Vec<u64>,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// How much later than the last one, ms.
    pub(crate) later: i64,
    pub(crate) who: Who,
    pub(crate) doing: Doing,
    /// How often, each a second after the other.
    pub(crate) times: u16,
    /// Changes to the payload before it is sent.
    pub(crate) damage: Vec<Damage>,
}

/// Who acts, where.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) user: u64,
    /// None in a direct message.
    pub(crate) guild: Option<u64>,
    pub(crate) permissions: u64,
    pub(crate) locale: String,
    /// Whether the payload is written in ASCII.
    pub(crate) ascii: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Doing {
    /// Sends a command.
    Command { way: Index, fills: Vec<Fill> },
    /// Types into one option of it.
    Typing { way: Index, option: Index, fills: Vec<Fill> },
    /// Presses a button that a reply had.
    Press { button: Index },
    /// Chooses from a menu that a reply had.
    Choose { menu: Index, options: Vec<Index> },
    /// Sends a form that a reply opened.
    Form { form: Index, text: Fill },
    /// Presses, chooses or sends under an id that nobody gave out.
    Forged { kind: Forgery, id: Id, texts: Vec<String> },
    /// A record is not what it was.
    Spoil { record: Record, value: Spoilt },
    /// Something is kept already, perhaps much: tags of the place, and reminders of the user here and elsewhere.
    Stock { tags: u8, reminders: u8 },
    /// A reminder is due: how the attempt at it ends.
    Deliver { attempt: u8 },
}

/// What an option or an input is filled with.
#[derive(Debug, Clone)]
pub(crate) enum Fill {
    /// Something that fits its name.
    Fitting(Index),
    /// Not at all.
    Absent,
    /// Something that fits another option.
    Sensible(String),
    /// Anything; within its limits, because Discord itself sees to them.
    Text(String),
    /// Anything, whatever its limits.
    Wild(String),
    /// A number.
    Number(i64),
    /// A value of another kind than the option's.
    WrongKind(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgery {
    Button,
    Menu,
    Form,
}

/// An id that nobody gave out.
#[derive(Debug, Clone)]
pub(crate) enum Id {
    /// `command:verb:argument`, the command a real one.
    Of(Index, String, String),
    /// A real one with another argument.
    Like(Index, String),
    /// Any text.
    Odd(String),
}

/// Which record is spoilt.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// One that is there.
    Any(Index),
    Rate,
    Zone,
    GuildZone,
    Tag(String),
    Authored(String),
    Reminder(u64),
    Outbox(u64),
}

/// What stands in it then.
#[derive(Debug, Clone)]
pub(crate) enum Spoilt {
    /// Something else.
    Whole(Value),
    /// The same with one field that is something else.
    Field(Index, Value),
    /// The record of somebody else.
    Swapped(Index),
    Gone,
}

/// One change to a payload.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    /// Somewhere in it stands another value.
    Node(Index, Value),
    /// Somewhere in what was done stands another text.
    Text(Index, String),
    /// Somewhere in it a field is missing.
    Missing(Index),
    /// A byte of its text is another.
    Byte(Index, u8),
    /// Some bytes of its text are missing, or stand twice.
    Cut(Index, u8),
    Twice(Index, u8),
    /// Its text ends early.
    End(Index),
}

const PERMISSIONS: [u64; 7] = [0, 1 << 5, 1 << 13, 1 << 3, 1 << 10 | 1 << 11, 9_007_199_254_740_991, u64::MAX];
const LOCALES: [&str; 8] = ["en-US", "fr", "fr-CA", "en-GB", "de", "", "FR", "fr\u{0}"];
/// Each is the beginning of another's digits.
pub(crate) const USERS: [u64; 4] = [3, 33, 333, u64::MAX];
/// Those among them whom the settings name as operators.
pub(crate) const OPERATORS: [u64; 2] = [3, 333];
pub(crate) const GUILDS: [u64; 3] = [42, 4, 424];
/// The last moment that jiff's calendar has, Unix ms.
const LAST: u64 = 253_402_207_200_999;

/// Any case of at most so many steps.
pub fn scenes(most: usize) -> impl Strategy<Value = Scene> {
    let begins = prop_oneof![
        12 => 1_700_000_000_000_u64..1_900_000_000_000,
        1 => prop::sample::select(&[0, 1, LAST, LAST - 3_600_000, LAST + 1, i64::MAX as u64, u64::MAX][..]),
        1 => 0..LAST,
    ];
    let standing = prop::option::weighted(0.9, prop::option::of(prop_oneof![0..400_u64, any::<u64>()]));
    let moves = prop::collection::vec(any::<u64>(), 0..5);
    (begins, standing, moves, prop::collection::vec(step(), 1..most))
        .prop_map(|(begins, standing, moves, steps)| Scene { begins, standing, moves, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let later = prop_oneof![
        10 => 0_i64..20_000,
        4 => Just(61_000_i64),
        2 => prop::sample::select(&[3_600_000, 86_400_000, 604_800_001, 63_072_000_000, -3_600_000, i64::MAX][..]),
    ];
    let times = prop_oneof![60 => Just(1_u16), 3 => 2..35_u16, 1 => 25..60_u16];
    let damage = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(damage(), 1..4)];
    (later, who(), doing(), times, damage).prop_map(|(later, who, doing, times, damage)| Step {
        later,
        who,
        doing,
        times,
        damage,
    })
}

fn who() -> impl Strategy<Value = Who> {
    let guild = prop_oneof![
        6 => Just(Some(GUILDS[0])),
        2 => prop::sample::select(&GUILDS[..]).prop_map(Some),
        2 => Just(None),
    ];
    let user = prop_oneof![4 => Just(USERS[0]), 3 => prop::sample::select(&USERS[..])];
    let locale = prop::sample::select(&LOCALES[..]).prop_map(str::to_owned);
    (user, guild, prop::sample::select(&PERMISSIONS[..]), locale, any::<bool>())
        .prop_map(|(user, guild, permissions, locale, ascii)| Who { user, guild, permissions, locale, ascii })
}

fn doing() -> impl Strategy<Value = Doing> {
    let index = any::<Index>;
    let fitting = prop::collection::vec(any::<Index>().prop_map(Fill::Fitting), 0..5);
    let fills = || prop_oneof![fitting.clone(), prop::collection::vec(fill(), 0..5)];
    let stocked = prop_oneof![4 => 0..3_u8, 1 => any::<u8>()];
    let forgery = prop::sample::select(&[Forgery::Button, Forgery::Menu, Forgery::Form][..]);
    let texts = prop::collection::vec(any_text(), 0..3);
    prop_oneof![
        20 => (index(), fills()).prop_map(|(way, fills)| Doing::Command { way, fills }),
        6 => (index(), index(), fills()).prop_map(|(way, option, fills)| Doing::Typing { way, option, fills }),
        6 => index().prop_map(|button| Doing::Press { button }),
        3 => (index(), prop::collection::vec(index(), 1..4)).prop_map(|(menu, options)| Doing::Choose { menu, options }),
        6 => (index(), fill()).prop_map(|(form, text)| Doing::Form { form, text }),
        6 => (forgery, id(), texts).prop_map(|(kind, id, texts)| Doing::Forged { kind, id, texts }),
        2 => (record(), spoilt()).prop_map(|(record, value)| Doing::Spoil { record, value }),
        3 => (stocked, 0..130_u8).prop_map(|(tags, reminders)| Doing::Stock { tags, reminders }),
        2 => (0..4_u8).prop_map(|attempt| Doing::Deliver { attempt }),
    ]
}

fn fill() -> impl Strategy<Value = Fill> {
    prop_oneof![
        12 => any::<Index>().prop_map(Fill::Fitting),
        2 => Just(Fill::Absent),
        3 => sensible().prop_map(Fill::Sensible),
        3 => any_text().prop_map(Fill::Text),
        1 => any_text().prop_map(Fill::Wild),
        1 => prop_oneof![-2..900_i64, any::<i64>()].prop_map(Fill::Number),
        1 => (0..12_u8).prop_map(Fill::WrongKind),
    ]
}

fn id() -> impl Strategy<Value = Id> {
    let verbs = ["cancel", "server", "keep", "erase", "set", ""].map(str::to_owned);
    let verb = prop_oneof![3 => prop::sample::select(verbs.to_vec()), 1 => any_text()];
    prop_oneof![
        4 => (any::<Index>(), verb, any_text()).prop_map(|(command, verb, argument)| Id::Of(command, verb, argument)),
        3 => (any::<Index>(), any_text()).prop_map(|(real, argument)| Id::Like(real, argument)),
        1 => any_text().prop_map(Id::Odd),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        6 => any::<Index>().prop_map(Record::Any),
        1 => Just(Record::Rate),
        1 => Just(Record::Zone),
        1 => Just(Record::GuildZone),
        1 => sensible().prop_map(Record::Tag),
        1 => sensible().prop_map(Record::Authored),
        1 => (0..4_u64).prop_map(Record::Reminder),
        1 => (0..4_u64).prop_map(Record::Outbox),
    ]
}

fn spoilt() -> impl Strategy<Value = Spoilt> {
    prop_oneof![
        2 => value().prop_map(Spoilt::Whole),
        5 => (any::<Index>(), value()).prop_map(|(field, value)| Spoilt::Field(field, value)),
        2 => any::<Index>().prop_map(Spoilt::Swapped),
        1 => Just(Spoilt::Gone),
    ]
}

/// Names of fields, and words that stand in them.
const NAMES: &[&str] =
    &["zone", "text", "by", "since", "spent", "schema", "id", "what", "state", "pending", "failed", "day"];

/// Values that stand where others should.
fn value() -> impl Strategy<Value = Value> {
    let numbers = [json!(0), json!(-1), json!(1), json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(1e300)];
    let others = [json!(null), json!(true), json!([]), json!({}), json!([[[{}]]]), json!({ "text": 1, "by": [] })];
    let few = (prop::sample::select(NAMES), any::<i64>()).prop_map(|(name, number)| json!({ name: number }));
    prop_oneof![
        3 => prop::sample::select(numbers.to_vec()),
        2 => prop::sample::select(others.to_vec()),
        2 => prop::sample::select(NAMES).prop_map(|name| json!(name)),
        2 => any_text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => few,
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), value()).prop_map(|(at, value)| Damage::Node(at, value)),
        9 => (at(), any_text()).prop_map(|(at, text)| Damage::Text(at, text)),
        3 => at().prop_map(Damage::Missing),
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        1 => (at(), 1..40_u8).prop_map(|(at, many)| Damage::Cut(at, many)),
        1 => (at(), 1..40_u8).prop_map(|(at, many)| Damage::Twice(at, many)),
        1 => at().prop_map(Damage::End),
    ]
}

impl fmt::Display for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Button => "button",
            Self::Menu => "menu",
            Self::Form => "form",
        })
    }
}
