//! What a run must have tried to count as one.

use crate::{
    interactions::{Catalogue, refusals},
    moments,
    tally::{Kind, Tally},
};

/// What a run on interactions did not try, each in words.
#[must_use]
pub fn of_interactions(tally: &Tally, catalogue: &Catalogue) -> Vec<String> {
    let each = catalogue.commands.iter().flat_map(|command| {
        let typing = catalogue.suggests(command).then_some(Kind::Typing);
        [Kind::Command, Kind::Forged, Kind::Mutated].into_iter().chain(typing).map(move |kind| (Some(command), kind))
    });
    let all = Kind::ALL.into_iter().map(|kind| (None, kind));
    let missing = each.chain(all).filter(|(command, kind)| tally.of(command.map(String::as_str), *kind) == 0);
    let kinds = missing.map(|(command, kind)| match command {
        Some(command) => format!("no {kind:?} of /{command}"),
        None => format!("no {kind:?}"),
    });
    let events = ["records were spoilt", "reminders came due", "users were erased"];
    kinds.chain(not_noted(tally, &events)).collect()
}

/// Which refusals a long run never met, each in words.
#[must_use]
pub fn of_refusals(tally: &Tally) -> Vec<String> {
    let notes = refusals::IDS.iter().map(|id| refusals::note(id));
    notes.filter(|note| tally.noted(note) == 0).map(|note| format!("never {note}")).collect()
}

/// What a run on moments did not try.
#[must_use]
pub fn of_moments(tally: &Tally) -> Vec<String> {
    not_noted(tally, moments::ENDS).collect()
}

fn not_noted(tally: &Tally, notes: &[&'static str]) -> impl Iterator<Item = String> {
    notes.iter().filter(|note| tally.noted(note) == 0).map(|note| format!("never: {note}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::End;

    #[test]
    fn a_run_that_tried_nothing_is_no_run() {
        let catalogue = Catalogue::of_bot().unwrap();
        let nothing = of_interactions(&Tally::default(), &catalogue);
        assert!(nothing.len() > 3 * catalogue.commands.len() + Kind::ALL.len(), "{nothing:?}");
        assert_eq!(of_moments(&Tally::default()).len(), moments::ENDS.len());
    }

    #[test]
    fn a_command_that_was_never_tried_is_named() {
        let catalogue = Catalogue::of_bot().unwrap();
        let mut tally = Tally::default();
        for command in catalogue.commands.iter().filter(|name| *name != "poll") {
            Kind::ALL.iter().for_each(|kind| tally.count(command, *kind, End::Answered));
        }
        ["records were spoilt", "reminders came due", "users were erased"].iter().for_each(|note| tally.note(note));
        let missing = of_interactions(&tally, &catalogue);
        assert_eq!(missing, ["no Command of /poll", "no Forged of /poll", "no Mutated of /poll"]);
    }
}
