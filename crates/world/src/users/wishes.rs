//! What users wish for, as the interactions that their Discord sends.

use crate::discord::{CommandOption, FormSubmit, InteractionUser, SlashCommand};

/// The one server of a rehearsal.
pub(super) const GUILD: u64 = 100;
pub(super) const CHANNEL: u64 = 201;
/// Users who only look: so many that none of them asks for too much at once.
const ONLOOKERS: u64 = 997;

/// What a user asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    Set(usize),
    Get(usize),
    Remind(Due),
    Status,
}

/// When a reminder is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Real time: as soon as the bot takes it, with what its way there may cost. In a scene that lasts longer it comes due,
    /// perhaps while nobody speaks.
    Soon,
    /// Long after the scene.
    Later,
}

/// What the reminder of this number is about, so that no other's text contains it.
pub(super) fn about(number: u64) -> String {
    format!("wish {number}!")
}

pub(super) fn name_of(index: usize) -> String {
    format!("note-{index}")
}

/// Whose tag it is.
pub(super) const fn owner(index: usize) -> u64 {
    10_000 + index as u64
}

pub(super) const fn onlooker(number: u64) -> u64 {
    20_000 + number % ONLOOKERS
}

fn user(id: u64) -> InteractionUser {
    InteractionUser::new(id, format!("user-{id}"))
}

pub(super) fn command(wish: Wish, number: u64) -> SlashCommand {
    let tag = |verb: &str, index| {
        ("tag", vec![CommandOption::subcommand(verb, vec![CommandOption::text("name", name_of(index))])])
    };
    let (name, options) = match wish {
        Wish::Set(index) => tag("set", index),
        Wish::Get(index) => tag("get", index),
        Wish::Remind(due) => {
            let when = if due == Due::Soon { "35s" } else { "30d" };
            ("remind", vec![CommandOption::text("when", when), CommandOption::text("what", about(number))])
        }
        Wish::Status => ("status", Vec::new()),
    };
    SlashCommand {
        name: name.to_owned(),
        options,
        user: user(if let Wish::Set(index) = wish { owner(index) } else { onlooker(number) }),
        guild: Some(GUILD),
        channel: CHANNEL,
        locale: "en-US".to_owned(),
    }
}

pub(super) fn form(index: usize, text: &str) -> FormSubmit {
    FormSubmit {
        custom_id: format!("tag:keep:{}", name_of(index)),
        fields: vec![("text".to_owned(), text.to_owned())],
        user: user(owner(index)),
        guild: Some(GUILD),
        channel: CHANNEL,
        locale: "en-US".to_owned(),
    }
}
