//! The judge: every request against Discord's OpenAPI document, and against the rules the document misses.

mod commands;
mod fields;
mod messages;
mod schema;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use self::schema::Document;
use super::{log::Violation, rest::Operation, start::StartError};

/// What is wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which rule, where.
    pub(super) text: String,
    /// Whether Discord itself would refuse the request for it (an unknown field it only ignores).
    pub(super) refused: bool,
}

impl Fault {
    fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: true }
    }

    fn ignored(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: false }
    }
}

/// The rules for first answers to interactions alone, for who has an answer and no socket to send it through.
pub struct AnswerJudge(Judge);

impl AnswerJudge {
    /// With Discord's document if there is one at that path, else by the hand-written rules alone.
    ///
    /// # Errors
    ///
    /// The file is there but is not an OpenAPI document.
    pub fn new(openapi: Option<&Path>) -> Result<Self, StartError> {
        Judge::new(openapi).map(Self)
    }

    /// Whether Discord's document judges too.
    #[must_use]
    pub fn has_document(&self) -> bool {
        self.0.has_document()
    }

    /// What is wrong with an answer, each in words.
    #[must_use]
    pub fn faults(&self, answer: &Value) -> Vec<String> {
        self.0.request(Operation::Callback, Some(answer)).into_iter().map(|fault| fault.text).collect()
    }
}

/// The judge of one small Discord.
pub(super) struct Judge {
    document: Option<Arc<Document>>,
    violations: Mutex<Vec<Violation>>,
    own_faults: Mutex<Vec<String>>,
    judged: Mutex<HashSet<String>>,
}

impl Judge {
    /// With the document if there is one at that path.
    ///
    /// # Errors
    ///
    /// The file is there but is not an OpenAPI document.
    pub(super) fn new(openapi: Option<&Path>) -> Result<Self, StartError> {
        let path = openapi.filter(|path| Path::exists(path));
        Ok(Self {
            document: path.map(schema::load).transpose()?,
            violations: Mutex::default(),
            own_faults: Mutex::default(),
            judged: Mutex::default(),
        })
    }

    /// Everything wrong with a request's body.
    pub(super) fn request(&self, operation: Operation, body: Option<&Value>) -> Vec<Fault> {
        let mut faults = self.hand_written(operation, body.unwrap_or(&Value::Null));
        let Some(document) = &self.document else { return faults };
        let Some(validator) = document.request(operation) else { return faults };
        lock(&self.judged).insert(operation.to_string());
        let Some(body) = body else {
            faults.push(Fault::refused("no body where the document wants one"));
            return faults;
        };
        let body = schema::lenient(body);
        faults.extend(validator.iter_errors(&body).map(|error| {
            Fault::refused(
                format!("openapi: {error} at {}", error.instance_path()).chars().take(600).collect::<String>(),
            )
        }));
        faults
    }

    /// Checks what the small Discord itself answers: a fault here is one of the rehearsal, not of the bot.
    pub(super) fn response(&self, operation: Operation, status: u16, body: &Value) {
        let Some(validator) = self.document.as_ref().and_then(|document| document.response(operation, status)) else {
            return;
        };
        if let Some(error) = validator.iter_errors(body).next() {
            let text = format!("{operation} {status}: {error} at {}", error.instance_path());
            lock(&self.own_faults).push(text.chars().take(600).collect());
        }
    }

    pub(super) fn remember(&self, violation: Violation) {
        lock(&self.violations).push(violation);
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        lock(&self.violations).clone()
    }

    pub(super) fn own_faults(&self) -> Vec<String> {
        lock(&self.own_faults).clone()
    }

    /// Whether the document is there to judge by.
    pub(super) fn has_document(&self) -> bool {
        self.document.is_some()
    }

    /// How many distinct operations had a body judged by the document.
    pub(super) fn operations_judged(&self) -> usize {
        lock(&self.judged).len()
    }

    fn hand_written(&self, operation: Operation, body: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        match operation {
            Operation::CommandsPut | Operation::GuildCommandsPut => commands::all(body, &mut faults),
            Operation::CommandCreate | Operation::GuildCommandCreate => commands::one(body, "", &mut faults),
            Operation::CommandEdit | Operation::GuildCommandEdit => commands::edited(body, &mut faults),
            Operation::Callback => messages::callback(body, &mut faults),
            Operation::MessageCreate => messages::created(body, &mut faults),
            Operation::FollowupCreate => messages::followed_up(body, &mut faults),
            Operation::OriginalEdit | Operation::FollowupEdit | Operation::MessageEdit => {
                messages::edited(body, &mut faults);
            }
            Operation::PrivateChannel => {
                fields::only(body, &["recipient_id", "access_tokens", "nicks"], "", &mut faults)
            }
            Operation::Gateway
            | Operation::GatewayBot
            | Operation::Me
            | Operation::Application
            | Operation::Oauth2Application
            | Operation::CommandsList
            | Operation::CommandShow
            | Operation::CommandDelete
            | Operation::GuildCommandsList
            | Operation::GuildCommandShow
            | Operation::GuildCommandDelete
            | Operation::OriginalShow
            | Operation::OriginalDelete
            | Operation::FollowupShow
            | Operation::FollowupDelete
            | Operation::MessageShow
            | Operation::MessageDelete => {}
        }
        faults
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
