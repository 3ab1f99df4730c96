//! Text as words, numbers and signs. Case, accents, kinds of apostrophe and of space make no difference.

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A whole number and with how many digits it was written.
    Number(u32, usize),
    /// Letters, lower case, without accents.
    Word(String),
    /// Anything else that may stand in a moment.
    Sign(char),
}

/// The pieces of a text; none if it has something in it that no moment has.
pub(crate) fn of(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().flat_map(folded).peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        if letter.is_ascii_digit() {
            let mut digits = String::from(letter);
            while let Some(next) = letters.next_if(char::is_ascii_digit) {
                digits.push(next);
            }
            // Nine digits are more than any moment has; more would not fit.
            let number = (digits.len() <= 9).then(|| digits.parse().ok()).flatten()?;
            tokens.push(Token::Number(number, digits.len()));
        } else if letter.is_ascii_lowercase() {
            let mut word = String::from(letter);
            while let Some(next) = letters.next_if(char::is_ascii_lowercase) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if matches!(letter, ':' | '/' | '.' | ',' | '-' | '\'') {
            tokens.push(Token::Sign(letter));
        } else if !matches!(letter, '!' | '?') {
            return None;
        }
    }
    // The end of a sentence, and the commas that people leave.
    while matches!(tokens.last(), Some(Token::Sign('.' | ','))) {
        tokens.pop();
    }
    Some(tokens)
}

/// A letter as the word lists have it.
pub(crate) fn folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().flat_map(|letter| {
        let plain = match letter {
            'à' | 'â' | 'ä' | 'á' | 'ã' => "a",
            'ç' => "c",
            'è' | 'é' | 'ê' | 'ë' => "e",
            'ì' | 'î' | 'ï' | 'í' => "i",
            'ô' | 'ö' | 'ò' | 'ó' => "o",
            'ù' | 'û' | 'ü' | 'ú' => "u",
            'œ' => "oe",
            '\u{2019}' | '\u{2018}' | '\u{2bc}' | '`' => "'",
            '\u{2010}'..='\u{2015}' => "-",
            // Written for points at the end, and for a comma.
            '\u{2026}' => ".",
            ';' => ",",
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '_' => " ",
            // Accents that stand for themselves after their letter.
            '\u{300}'..='\u{36f}' => "",
            other => return Folded::Other(Some(other)),
        };
        Folded::Plain(plain.chars())
    })
}

enum Folded {
    Plain(core::str::Chars<'static>),
    Other(Option<char>),
}

impl Iterator for Folded {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::Plain(letters) => letters.next(),
            Self::Other(letter) => letter.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let tokens = of(text)?;
        let pieces = tokens.iter().map(|token| match token {
            Token::Number(number, digits) => format!("{number}/{digits}"),
            Token::Word(word) => word.clone(),
            Token::Sign(sign) => sign.to_string(),
        });
        Some(pieces.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn accents_case_and_spaces_make_no_difference() {
        assert_eq!(shown("APRÈS\u{2011}demain\u{a0}à 08h").as_deref(), Some("apres - demain a 8/2 h"));
        assert_eq!(shown("aujourd\u{2019}hui, fe\u{301}vrier.").as_deref(), Some("aujourd ' hui , fevrier"));
    }

    #[test]
    fn what_no_moment_has_in_it_is_refused() {
        assert_eq!(shown("10m 🙂"), None);
        assert_eq!(shown("1234567890m"), None);
        assert_eq!(shown("<@1>"), None);
    }
}
