//! A reply in the form that Discord takes.

use std::time::Duration;

use serenity::{
    all::{ButtonStyle, InputTextStyle},
    builder::{
        AutocompleteChoice, CreateActionRow, CreateAllowedMentions, CreateAttachment, CreateAutocompleteResponse,
        CreateButton, CreateInputText, CreateInteractionResponse, CreateInteractionResponseMessage, CreateModal,
        CreatePoll, CreatePollAnswer, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    },
};

use crate::commands::{Button, Form, Menu, Message, Poll, Reply};

/// The body of the answer.
#[must_use]
pub fn response(reply: &Reply) -> CreateInteractionResponse {
    match reply {
        Reply::Say(content) => CreateInteractionResponse::Message(message(content)),
        Reply::Update(content) => CreateInteractionResponse::UpdateMessage(message(content)),
        Reply::Suggest(choices) => {
            let choices = choices.iter().map(|(value, shown)| AutocompleteChoice::new(shown, value.as_str()));
            CreateInteractionResponse::Autocomplete(CreateAutocompleteResponse::new().set_choices(choices.collect()))
        }
        Reply::Ask(asked) => CreateInteractionResponse::Modal(modal(asked)),
    }
}

/// The files that go with it.
pub(super) fn files(reply: &Reply) -> Vec<CreateAttachment> {
    match reply {
        Reply::Say(Message { file: Some((name, content)), .. }) => {
            vec![CreateAttachment::bytes(content.clone(), name)]
        }
        Reply::Say(_) | Reply::Update(_) | Reply::Suggest(_) | Reply::Ask(_) => Vec::new(),
    }
}

fn message(message: &Message) -> CreateInteractionResponseMessage {
    let buttons =
        (!message.buttons.is_empty()).then(|| CreateActionRow::Buttons(message.buttons.iter().map(button).collect()));
    let menu = message.menu.as_ref().map(|shown| CreateActionRow::SelectMenu(menu(shown)));
    let made = CreateInteractionResponseMessage::new()
        .ephemeral(message.private)
        .allowed_mentions(CreateAllowedMentions::new())
        // An empty list takes the buttons of an updated message away.
        .components(buttons.into_iter().chain(menu).collect());
    let made = if message.content.is_empty() { made } else { made.content(&message.content) };
    match &message.poll {
        Some(asked) => made.poll(poll(asked)),
        None => made,
    }
}

fn button(button: &Button) -> CreateButton {
    let style = if button.danger { ButtonStyle::Danger } else { ButtonStyle::Secondary };
    CreateButton::new(&button.id).label(&button.label).style(style)
}

fn menu(menu: &Menu) -> CreateSelectMenu {
    let options: Vec<_> = menu.options.iter().map(|(value, shown)| CreateSelectMenuOption::new(shown, value)).collect();
    let most = u8::try_from(options.len()).unwrap_or(25);
    CreateSelectMenu::new(&menu.id, CreateSelectMenuKind::String { options })
        .placeholder(&menu.hint)
        .min_values(1)
        .max_values(most)
}

fn modal(form: &Form) -> CreateModal {
    let text = CreateInputText::new(InputTextStyle::Paragraph, &form.label, "text")
        .min_length(1)
        .max_length(form.most)
        .required(true);
    // Discord refuses an empty text where one of length 1 is the least.
    let text = if form.text.is_empty() { text } else { text.value(&form.text) };
    CreateModal::new(&form.id, &form.title).components(vec![CreateActionRow::InputText(text)])
}

fn poll(poll: &Poll) -> CreatePoll<serenity::builder::create_poll::Ready> {
    let answers = poll.answers.iter().map(|answer| CreatePollAnswer::new().text(answer)).collect();
    let open = Duration::from_secs(u64::from(poll.hours) * 3600);
    let made = CreatePoll::new().question(&poll.question).answers(answers).duration(open);
    if poll.several { made.allow_multiselect() } else { made }
}
