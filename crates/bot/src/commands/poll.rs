//! `/poll`: a poll of Discord's own. Its votes live at Discord and survive any failover; Discord tells the result.

use std::collections::BTreeSet;

use relais_store::Write;
use serenity::model::application::CommandOptionType;

use super::{Changes, Command, Message, Poll, Read, Reply, Request, State, names};
use crate::language::{Said, say};

/// The row of the table.
pub const COMMAND: Command = Command { name: "poll", register, reads, reply, changes: Changes::Own, operators: false };

/// Longest question, characters (Discord documentation, poll resource).
const QUESTION_MAX: usize = 300;
/// Longest answer, characters (Discord documentation, poll resource).
const ANSWER_MAX: usize = 55;
/// Fewest and most answers.
const ANSWERS: std::ops::RangeInclusive<usize> = 2..=10;
/// Longest time, hours: 32 days (Discord documentation, poll resource).
const HOURS_MAX: u16 = 768;
/// How long a poll is open unless said otherwise, hours.
const HOURS: u16 = 24;

fn register() -> serenity::builder::CreateCommand {
    let question = names::option(CommandOptionType::String, "poll-question").min_length(1).max_length(300);
    let answers = names::option(CommandOptionType::String, "poll-answers").min_length(3).max_length(600);
    let hours = names::option(CommandOptionType::Integer, "poll-hours").min_int_value(1).max_int_value(768);
    names::command("poll")
        .add_option(question.required(true))
        .add_option(answers.required(true))
        .add_option(hours)
        .add_option(names::option(CommandOptionType::Boolean, "poll-several"))
}

fn reads(_: &Request, _: &State) -> Vec<Read> {
    Vec::new()
}

fn reply(request: &Request, _: &State) -> (Reply, Vec<Write>) {
    let reply = match poll(request) {
        Ok(poll) => Reply::Say(Message { poll: Some(poll), ..Message::default() }),
        Err(text) => Reply::private(text),
    };
    (reply, Vec::new())
}

fn poll(request: &Request) -> Result<Poll, String> {
    let refused = |id: &str, most: usize| {
        let most = most.to_string();
        say(request.language, id, &[("most", Said::Text(&most))])
    };
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    let question = request.option("question").unwrap_or_default().trim();
    if !fits(question, QUESTION_MAX) {
        return Err(refused("poll-question-bad", QUESTION_MAX));
    }
    let answers: Vec<String> = request.option("answers").unwrap_or_default().split(';').map(tidy).collect();
    let different: BTreeSet<String> = answers.iter().map(|answer| answer.to_lowercase()).collect();
    let good = ANSWERS.contains(&answers.len())
        && different.len() == answers.len()
        && answers.iter().all(|answer| fits(answer, ANSWER_MAX));
    if !good {
        return Err(refused("poll-answers-bad", ANSWER_MAX));
    }
    let hours = request.option("hours").map_or(Some(HOURS), |hours| hours.parse().ok());
    let hours = hours.filter(|hours| (1..=HOURS_MAX).contains(hours));
    let Some(hours) = hours else { return Err(refused("poll-hours-bad", HOURS_MAX.into())) };
    Ok(Poll { question: question.to_owned(), answers, hours, several: request.option("several") == Some("true") })
}

fn tidy(answer: &str) -> String {
    answer.split_whitespace().collect::<Vec<_>>().join(" ")
}
