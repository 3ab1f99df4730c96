//! What a command answers, as data.

/// The answer to an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A message.
    Say(Message),
    /// A new content for the message that the pressed button or menu sits on.
    Update(Message),
    /// What could be typed: value and shown text of each, at most 25.
    Suggest(Vec<(String, String)>),
    /// A form with one text.
    Ask(Form),
}

/// A message. Mentions are always off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The text, at most 2,000 characters.
    pub content: String,
    /// Whether only the asker sees it.
    pub private: bool,
    /// Buttons below it, at most 5.
    pub buttons: Vec<Button>,
    /// A menu below it.
    pub menu: Option<Menu>,
    /// A poll in it.
    pub poll: Option<Poll>,
    /// A file with it: name and content.
    pub file: Option<(String, Vec<u8>)>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// `command:verb:argument`, at most 100 characters.
    pub id: String,
    /// What stands on it, at most 80 characters.
    pub label: String,
    /// Whether it destroys something.
    pub danger: bool,
}

/// A menu from which several may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// `command:verb:argument`, at most 100 characters.
    pub id: String,
    /// What stands in it before a choice.
    pub hint: String,
    /// Value and shown text of each, 1 to 25.
    pub options: Vec<(String, String)>,
}

/// A form with one long text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// `command:verb:argument`, at most 100 characters.
    pub id: String,
    /// At most 45 characters.
    pub title: String,
    /// What the text is; at most 45 characters.
    pub label: String,
    /// What stands in it already.
    pub text: String,
    /// The most characters it may have, at most 4,000.
    pub most: u16,
}

/// A poll of Discord's own: its votes live there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// At most 300 characters.
    pub question: String,
    /// 2 to 10, at most 55 characters each.
    pub answers: Vec<String>,
    /// 1 to 768.
    pub hours: u16,
    /// Whether several may be chosen.
    pub several: bool,
}

impl Reply {
    /// A text that only the asker sees.
    #[must_use]
    pub fn private(content: impl Into<String>) -> Self {
        Self::Say(Message { content: content.into(), private: true, ..Message::default() })
    }

    /// A text that everybody in the channel sees.
    #[must_use]
    pub fn public(content: impl Into<String>) -> Self {
        Self::Say(Message { content: content.into(), ..Message::default() })
    }

    /// A text in place of the message with the button, which goes away with it.
    #[must_use]
    pub fn update(content: impl Into<String>) -> Self {
        Self::Update(Message { content: content.into(), private: true, ..Message::default() })
    }

    /// The text that is shown, where there is one.
    #[must_use]
    pub fn content(&self) -> &str {
        match self {
            Self::Say(message) | Self::Update(message) => &message.content,
            Self::Suggest(_) | Self::Ask(_) => "",
        }
    }
}

/// The text with at most so many characters, an ellipsis in place of the rest.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
