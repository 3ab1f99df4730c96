//! A user of the small Discord who tries commands on a real bot process.

use relais_world::discord::{
    Answered, Autocomplete, ButtonPress, CommandOption, FormSubmit, InteractionUser, OptionValue, Outcome,
    SlashCommand, UserAction,
};

use crate::bot_process::Site;

const GUILD: u64 = 100;
const CHANNEL: u64 = 201;

/// A user who may do everything in the server.
pub(crate) struct Person<'a> {
    pub(crate) site: &'a Site,
    pub(crate) locale: &'static str,
    pub(crate) id: u64,
}

impl Person<'_> {
    fn user(&self) -> InteractionUser {
        InteractionUser { permissions: u64::MAX >> 1, ..InteractionUser::new(self.id, format!("user-{}", self.id)) }
    }

    pub(crate) fn slash(&self, name: &str, options: Vec<CommandOption>) -> SlashCommand {
        let (user, locale) = (self.user(), self.locale.to_owned());
        SlashCommand { name: name.to_owned(), options, user, guild: Some(GUILD), channel: CHANNEL, locale }
    }

    pub(crate) async fn does(&self, action: impl Into<UserAction>) -> Answered {
        let handle = self.site.discord.interact(action);
        let outcome = self.site.discord.outcome(handle.id).await;
        let answered = match outcome {
            Outcome::Answered(answered) => Some(answered),
            Outcome::Expired | Outcome::Unfinished { .. } | Outcome::Unknown => None,
        };
        assert!(answered.is_some(), "nobody answered {}", self.locale);
        answered.unwrap()
    }

    pub(crate) async fn says(&self, name: &str, options: Vec<CommandOption>) -> Answered {
        self.does(self.slash(name, options)).await
    }

    pub(crate) async fn types(&self, name: &str, option: &str, typed: &str) -> Vec<String> {
        let option = CommandOption { focused: true, ..CommandOption::text(option, typed) };
        let answered = self.does(Autocomplete(self.slash(name, vec![option]))).await;
        let choices = answered.data["choices"].as_array().cloned().unwrap_or_default();
        choices.iter().map(|choice| choice["value"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn presses(&self, on: &Answered, custom_id: &str, values: Option<Vec<String>>) -> Answered {
        let (user, locale) = (self.user(), self.locale.to_owned());
        let (message, custom_id) = (on.message.unwrap(), custom_id.to_owned());
        self.does(ButtonPress { message, custom_id, values, user, guild: Some(GUILD), locale }).await
    }

    pub(crate) async fn sends(&self, custom_id: &str, text: &str) -> Answered {
        let fields = vec![("text".to_owned(), text.to_owned())];
        let (user, locale) = (self.user(), self.locale.to_owned());
        let custom_id = custom_id.to_owned();
        self.does(FormSubmit { custom_id, fields, user, guild: Some(GUILD), channel: CHANNEL, locale }).await
    }
}

pub(crate) fn text(name: &str, value: &str) -> CommandOption {
    CommandOption::text(name, value)
}

pub(crate) fn number(name: &str, value: i64) -> CommandOption {
    CommandOption { name: name.to_owned(), value: OptionValue::Integer(value), focused: false }
}

/// The ids of the buttons and the menu of a message.
pub(crate) fn parts(answered: &Answered) -> Vec<String> {
    let rows = answered.data["components"].as_array().cloned().unwrap_or_default();
    let parts = rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
    parts.map(|part| part["custom_id"].as_str().unwrap().to_owned()).collect()
}
