//! The users' side: they act, wait for an answer, and remember what they saw.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    SmallDiscord,
    log::Kind,
    payload::{self, UserAction},
    state::{Interaction, Shared, Stage, made_at},
};

/// One thing a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InteractionHandle {
    /// The interaction's id.
    pub id: u64,
    /// When, in Unix milliseconds: the time inside the id.
    pub created_at: u64,
}

/// What became of an interaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its user saw an answer.
    Answered(Answered),
    /// Nobody answered within the three (paced) seconds: "The application did not respond".
    Expired,
    /// Somebody answered "thinking" and never came back within the token's life.
    Unfinished {
        /// Who.
        by: Arc<str>,
    },
    /// There is no such interaction.
    Unknown,
}

/// An answer as its user saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The source that gave the first answer.
    pub by: Arc<str>,
    /// When the first answer was accepted, in milliseconds of the configured clock.
    pub at: u64,
    /// Discord's callback type (4 message, 5 thinking, 7 update, 8 choices, 9 form).
    pub callback: u8,
    /// The text shown now; empty for choices and forms.
    pub content: String,
    /// The message shown, if one is: what a button of it would be pressed on.
    pub message: Option<u64>,
    /// The `data` of the first answer: choices, form, components.
    pub data: serde_json::Value,
}

/// A message in a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedMessage {
    /// The message's id.
    pub id: u64,
    /// The channel's id.
    pub channel: u64,
    /// The source that sent it.
    pub by: Arc<str>,
    /// Its nonce, if it had one.
    pub nonce: Option<String>,
    /// When, in milliseconds of the configured clock.
    pub at: u64,
    /// The message object.
    pub object: serde_json::Value,
}

impl SmallDiscord {
    /// A user acts: the interaction goes to every session there is.
    pub fn interact(&self, action: impl Into<UserAction>) -> InteractionHandle {
        let shared = &self.shared;
        let mut state = shared.state();
        let parts = action.into().parts(shared, &mut state);
        let id = state.snowflake();
        // As unguessable as a rehearsal needs: unique, and not the id itself.
        let token = format!("aW50ZXJhY3Rpb246{id:x}{:08x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
        let data = payload::interaction(shared, id, &token, &parts);
        let interaction = Interaction {
            token: token.clone(),
            kind: parts.kind,
            channel: parts.channel,
            guild: parts.guild,
            user: parts.user,
            on_message: parts.on_message,
            created: shared.now(),
            answers: Vec::new(),
            original: None,
            stage: watch::Sender::new(Stage::Waiting),
        };
        state.interactions.insert(id, interaction);
        state.tokens.insert(token, id);
        state.pending.push_back(id);
        let sessions = state.dispatch("INTERACTION_CREATE", &data);
        shared.note_own(Kind::Dispatched { interaction: id, sessions });
        InteractionHandle { id, created_at: made_at(id) }
    }

    /// Waits for what becomes of an interaction: an answer its user can read, or none in time.
    pub async fn outcome(&self, interaction: u64) -> Outcome {
        let heard = self.shared.state().interactions.get(&interaction).map(|known| known.stage.subscribe());
        let Some(mut stage) = heard else { return Outcome::Unknown };
        let settled = stage.wait_for(|stage| matches!(stage, Stage::Answered | Stage::Expired));
        let settled = tokio::time::timeout(self.shared.times.interaction_token_life, settled).await;
        let expired = matches!(settled, Ok(Ok(stage)) if *stage == Stage::Expired);
        let Some(answered) = self.answer(interaction) else { return Outcome::Expired };
        match (expired, settled_in_time(&self.shared, interaction)) {
            (true, _) => Outcome::Expired,
            (false, true) => Outcome::Answered(answered),
            (false, false) => Outcome::Unfinished { by: answered.by },
        }
    }

    /// The answer an interaction has by now, "thinking" included, without waiting.
    #[must_use]
    pub fn answer(&self, interaction: u64) -> Option<Answered> {
        let state = self.shared.state();
        let known = state.interactions.get(&interaction)?;
        let first = known.answers.first()?;
        let shown = known.original.and_then(|id| state.messages.get(&id));
        let content = shown.map_or(&first.data["content"], |message| &message.object["content"]);
        Some(Answered {
            by: Arc::clone(&first.by),
            at: first.at,
            callback: first.callback,
            content: content.as_str().unwrap_or_default().to_owned(),
            message: shown.and(known.original),
            data: first.data.clone(),
        })
    }

    /// The source of every accepted first answer of an interaction: more than one is a duplicate.
    #[must_use]
    pub fn answered_by(&self, interaction: u64) -> Vec<Arc<str>> {
        let state = self.shared.state();
        let answers = state.interactions.get(&interaction).map(|known| &known.answers);
        answers.into_iter().flatten().map(|answer| Arc::clone(&answer.by)).collect()
    }

    /// Every message in a channel or private channel that is still there, oldest first.
    #[must_use]
    pub fn messages(&self, channel: u64) -> Vec<PostedMessage> {
        let state = self.shared.state();
        let here = state.messages.iter().filter(|(_, message)| message.channel == channel);
        let mut messages: Vec<PostedMessage> = here
            .map(|(&id, message)| PostedMessage {
                id,
                channel,
                by: Arc::clone(&message.by),
                nonce: message.nonce.clone(),
                at: message.at,
                object: message.object.clone(),
            })
            .collect();
        messages.sort_by_key(|message| message.id);
        messages
    }

    /// The private channel with a user, once the bot opened it.
    #[must_use]
    pub fn private_channel(&self, user: u64) -> Option<u64> {
        self.shared.state().private.get(&user).copied()
    }

    /// Messages ever made beyond the first of the same channel and nonce.
    pub(super) fn duplicate_messages(&self) -> usize {
        self.shared.state().sent.values().map(|count| count - 1).sum()
    }
}

fn settled_in_time(shared: &Shared, interaction: u64) -> bool {
    let state = shared.state();
    state.interactions.get(&interaction).is_some_and(|known| *known.stage.borrow() == Stage::Answered)
}
