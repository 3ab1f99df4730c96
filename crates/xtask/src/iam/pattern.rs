//! Wildcards of policies: `*` stands for any text, `?` for any one character.

/// Whether all of `text` matches.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last `*` stood, and how much it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&expected) if expected == '?' || expected == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                None => return false,
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    read = taken + 1;
                }
            },
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

/// The same for two resource names: each of the six parts between colons by itself, as `ArnLike` and `ArnEquals` do.
pub(crate) fn arn_matches(pattern: &str, text: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::{arn_matches, matches};

    #[test]
    fn stars_take_any_text_and_question_marks_one_character() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "anything"),
            ("a*c", "abbbc"),
            ("a*b*c", "axxbyybc"),
            ("a?c", "abc"),
            ("OPERATION#*", "OPERATION#7"),
            ("**", "x"),
            ("é?", "éà"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a*c", "abd"), ("a?c", "ac"), ("a?c", "abbc"), ("abc", "abcd"), ("WATCH", "watch")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_in_a_resource_name_stays_within_its_part() {
        let ours = "arn:aws:ec2:eu-west-3:123456789012:instance/i-1";
        assert!(arn_matches("arn:aws:ec2:*:123456789012:instance/*", ours));
        assert!(!arn_matches("arn:aws:*:instance/*", ours));
        assert!(!arn_matches("*", ours));
        assert!(!arn_matches(ours, "i-1"));
    }
}
