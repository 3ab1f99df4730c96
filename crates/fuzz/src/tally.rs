//! What was tried, so that a run that tried nothing cannot look like a run that found nothing.

use std::collections::BTreeMap;

/// How a payload came about. The order is that of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A command as its registration allows it, or with options that it does not have.
    Command,
    /// Typing into an option.
    Typing,
    /// A button that a reply had.
    Press,
    /// A menu that a reply had.
    Menu,
    /// A form that a reply opened.
    Form,
    /// A button, menu or form that no reply had.
    Forged,
    /// Any of these with damage done to its text.
    Mutated,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 7] =
        [Self::Command, Self::Typing, Self::Press, Self::Menu, Self::Form, Self::Forged, Self::Mutated];

    const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Typing => "typing",
            Self::Press => "press",
            Self::Menu => "menu",
            Self::Form => "form",
            Self::Forged => "forged",
            Self::Mutated => "mutated",
        }
    }
}

/// How a payload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// serenity could not read it.
    Undecoded,
    /// It was read, and is nothing that the bot serves.
    Unserved,
    /// Answered, with nothing done.
    Answered,
    /// Answered with a reason why not.
    Refused,
    /// Told to wait.
    Slowed,
    /// Answered, and something was written beside the count of requests.
    Wrote,
}

impl End {
    const ALL: [Self; 6] = [Self::Answered, Self::Refused, Self::Slowed, Self::Wrote, Self::Undecoded, Self::Unserved];

    const fn name(self) -> &'static str {
        match self {
            Self::Undecoded => "undecoded",
            Self::Unserved => "unserved",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Slowed => "slowed",
            Self::Wrote => "wrote",
        }
    }
}

/// The counts of one run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Payloads, or texts that were read as moments.
    pub cases: u64,
    /// Scenes that they stood in.
    pub scenes: u64,
    kinds: BTreeMap<String, BTreeMap<Kind, u64>>,
    ends: BTreeMap<String, BTreeMap<End, u64>>,
    notes: BTreeMap<String, u64>,
}

impl Tally {
    /// One payload for a command (by the name it asked for), and how it ended.
    pub fn count(&mut self, command: &str, kind: Kind, end: End) {
        self.cases += 1;
        *self.kinds.entry(command.to_owned()).or_default().entry(kind).or_default() += 1;
        *self.ends.entry(command.to_owned()).or_default().entry(end).or_default() += 1;
    }

    /// Anything else that is worth a number.
    pub fn note(&mut self, what: &str) {
        match self.notes.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.notes.insert(what.to_owned(), 1);
            }
        }
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.scenes += other.scenes;
        for (command, kinds) in other.kinds {
            let own = self.kinds.entry(command).or_default();
            kinds.into_iter().for_each(|(kind, count)| *own.entry(kind).or_default() += count);
        }
        for (command, ends) in other.ends {
            let own = self.ends.entry(command).or_default();
            ends.into_iter().for_each(|(end, count)| *own.entry(end).or_default() += count);
        }
        for (note, count) in other.notes {
            *self.notes.entry(note).or_default() += count;
        }
    }

    /// How many payloads of a kind there were for a command, or for all.
    #[must_use]
    pub fn of(&self, command: Option<&str>, kind: Kind) -> u64 {
        let rows = self.kinds.iter().filter(|(name, _)| command.is_none_or(|command| *name == command));
        rows.filter_map(|(_, kinds)| kinds.get(&kind)).sum()
    }

    /// How often something was noted.
    #[must_use]
    pub fn noted(&self, what: &str) -> u64 {
        self.notes.get(what).copied().unwrap_or_default()
    }

    /// A row for each command, a column for each kind and each end, and the notes below.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = Vec::new();
        if !self.kinds.is_empty() {
            lines.push(line("command", Kind::ALL.map(Kind::name), End::ALL.map(End::name)));
            lines.push("-".repeat(lines[0].len()));
        }
        for (command, kinds) in &self.kinds {
            let ended = |end| self.ends.get(command).and_then(|ends| ends.get(&end)).copied().unwrap_or_default();
            let kinds = Kind::ALL.map(|kind| kinds.get(&kind).copied().unwrap_or_default());
            lines.push(line(command, kinds, End::ALL.map(ended)));
        }
        lines.extend(self.notes.iter().map(|(note, count)| format!("{count:>9}  {note}")));
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

fn line<T: ToString, const N: usize, const M: usize>(name: &str, kinds: [T; N], ends: [T; M]) -> String {
    let cells = |list: Vec<String>| list.iter().map(|cell| format!(" {cell:>9}")).collect::<String>();
    let [kinds, ends] = [kinds.iter().map(T::to_string).collect(), ends.iter().map(T::to_string).collect()].map(cells);
    format!("{name:<11}{kinds} |{ends}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_runs_counted_is_added() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        one.count("tag", Kind::Form, End::Wrote);
        two.count("tag", Kind::Form, End::Refused);
        two.count("help", Kind::Command, End::Answered);
        two.note("a late one");
        one.add(two);
        assert_eq!((one.cases, one.of(Some("tag"), Kind::Form), one.of(None, Kind::Command)), (3, 2, 1));
        assert_eq!((one.of(None, Kind::Press), one.noted("a late one")), (0, 1));
        assert!(one.table().contains("help") && one.table().contains("1  a late one"), "{}", one.table());
    }
}
