//! Which images stay and which go. Pure: what is known goes in, a fate for each image comes out.

use std::collections::{BTreeMap, BTreeSet};

use relais_ec2::images::{Ami, Life, Machine, Tags};

use crate::settings::{PROJECT, ROLE, STANDBY};

/// What is known when it is decided.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The image that was just published.
    pub new: String,
    /// Tags that every image of ours has.
    pub ours: Tags,
    /// How many of the latest stay.
    pub keep: usize,
    /// A machine has booted from the new one.
    pub booted: bool,
    /// Whoever runs this asked that old images go in any case.
    pub asked: bool,
    /// Images that a machine uses now, and which machine.
    pub used: BTreeMap<String, String>,
    /// Images that the parameter named until now: a machine may be about to be made from one.
    pub named: BTreeSet<String>,
    /// Images that a launch template names.
    pub templates: BTreeSet<String>,
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays, for the first reason that holds.
    Stays(Reason),
    /// It goes, with its snapshots.
    Goes,
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It lacks our tags.
    NotOurs,
    /// It was just published.
    New,
    /// A machine uses it.
    Used(String),
    /// The parameter named it until now.
    Named,
    /// A launch template names it.
    InTemplate,
    /// It is one of the latest.
    Latest(usize),
    /// Nothing has booted from the new one yet.
    NewNotBooted,
}

impl core::fmt::Display for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotOurs => f.write_str("it lacks our tags"),
            Self::New => f.write_str("it was just published"),
            Self::Used(machine) => write!(f, "{machine} uses it"),
            Self::Named => f.write_str("the parameter named it until now"),
            Self::InTemplate => f.write_str("a launch template names it"),
            Self::Latest(keep) => write!(f, "it is one of the last {keep}"),
            Self::NewNotBooted => {
                f.write_str("nothing has booted from the new one yet; publish it again after that, or use --prune")
            }
        }
    }
}

/// A fate for each image, the latest first.
#[must_use]
pub fn decide(mut images: Vec<Ami>, known: &Known) -> Vec<(Ami, Fate)> {
    images.sort_by(|one, other| (&other.created, &other.id).cmp(&(&one.created, &one.id)));
    // The new one is always among the latest: it may be not listed yet, or have been made long ago and published again.
    let mut latest = 1;
    let mut fates = Vec::new();
    for image in images {
        let ours = has(&image.tags, &known.ours);
        let is_new = image.id == known.new;
        if ours && !is_new {
            latest += 1;
        }
        let fate = if !ours {
            Fate::Stays(Reason::NotOurs)
        } else if is_new {
            Fate::Stays(Reason::New)
        } else if latest <= known.keep {
            Fate::Stays(Reason::Latest(known.keep))
        } else if let Some(machine) = known.used.get(&image.id) {
            Fate::Stays(Reason::Used(machine.clone()))
        } else if known.named.contains(&image.id) {
            Fate::Stays(Reason::Named)
        } else if known.templates.contains(&image.id) {
            Fate::Stays(Reason::InTemplate)
        } else if known.booted || known.asked {
            Fate::Goes
        } else {
            Fate::Stays(Reason::NewNotBooted)
        };
        fates.push((image, fate));
    }
    fates
}

/// Whether all of `wanted` are among the tags.
#[must_use]
pub fn has(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, value)| tags.get(name) == Some(value))
}

/// Images that a machine uses at this moment, and which.
#[must_use]
pub fn used(machines: &[Machine]) -> BTreeMap<String, String> {
    let alive = machines.iter().filter(|machine| matches!(machine.life, Life::Coming | Life::There));
    alive.map(|machine| (machine.image.clone(), machine.id.clone())).collect()
}

/// Whether a standby of the project has booted from the image: one runs or ran, or EC2 has noted a launch.
#[must_use]
pub fn booted(image: &Ami, machines: &[Machine], project: &str) -> bool {
    let standby = |tags: &Tags| {
        tags.get(PROJECT).is_some_and(|value| value == project) && tags.get(ROLE).is_some_and(|value| value == STANDBY)
    };
    image.last_launched.is_some()
        || machines.iter().any(|machine| {
            machine.image == image.id && standby(&machine.tags) && matches!(machine.life, Life::There | Life::Ran)
        })
}

#[cfg(test)]
pub(crate) mod tests {
    use relais_ec2::images::AmiState;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn ours() -> Tags {
        tags(&[("Project", "relais"), ("Role", "image")])
    }

    pub(crate) fn ami(day: u32) -> Ami {
        Ami {
            id: format!("ami-{day}"),
            name: format!("relais-{day}"),
            created: format!("2026-11-{day:02}T00:00:00.000Z"),
            state: AmiState::Available,
            architecture: "x86_64".to_owned(),
            boot_mode: "uefi".to_owned(),
            snapshots: vec![format!("snap-{day}")],
            tags: ours(),
            last_launched: None,
        }
    }

    fn known() -> Known {
        Known { new: "ami-9".to_owned(), ours: ours(), keep: 2, ..Known::default() }
    }

    /// The images that go, of four from ami-1 to ami-9.
    fn gone(change: impl FnOnce(&mut Known)) -> Vec<String> {
        let mut known = known();
        change(&mut known);
        let images = [1, 9, 5, 7].map(ami).to_vec();
        decide(images, &known).into_iter().filter(|(_, fate)| *fate == Fate::Goes).map(|(image, _)| image.id).collect()
    }

    #[test]
    fn nothing_goes_before_the_new_one_has_booted_unless_it_is_asked_for() {
        assert_eq!(gone(|_| {}), Vec::<String>::new());
        assert_eq!(gone(|known| known.booted = true), ["ami-5", "ami-1"]);
        assert_eq!(gone(|known| known.asked = true), ["ami-5", "ami-1"]);
    }

    #[test]
    fn the_last_ones_stay_and_the_new_one_is_one_of_them() {
        let asked = |keep| move |known: &mut Known| (known.asked, known.keep) = (true, keep);
        assert_eq!(gone(asked(1)), ["ami-7", "ami-5", "ami-1"]);
        assert_eq!(gone(asked(3)), ["ami-1"]);
        assert_eq!(gone(asked(9)), Vec::<String>::new());
        // An old one was published again: it and the latest stay.
        let again = |known: &mut Known| (known.asked, known.new) = (true, "ami-1".to_owned());
        assert_eq!(gone(again), ["ami-7", "ami-5"]);
    }

    #[test]
    fn what_is_used_or_named_stays_whatever_is_asked() {
        let ami = || "ami-1".to_owned();
        let used = |known: &mut Known| known.used = [(ami(), "i-1".to_owned())].into();
        let named = |known: &mut Known| known.named = [ami()].into();
        let template = |known: &mut Known| known.templates = [ami()].into();
        let cases: [&dyn Fn(&mut Known); 3] = [&used, &named, &template];
        for case in cases {
            let both = |known: &mut Known| {
                (known.asked, known.booted) = (true, true);
                case(known);
            };
            assert_eq!(gone(both), ["ami-5"]);
        }
    }

    #[test]
    fn what_lacks_our_tags_stays_and_does_not_count() {
        let foreign = [tags(&[("Project", "relais")]), tags(&[("Project", "other"), ("Role", "image")]), tags(&[])];
        for foreign in foreign {
            let images = vec![ami(9), Ami { tags: foreign.clone(), ..ami(8) }, ami(5), Ami { tags: foreign, ..ami(1) }];
            let fates: Vec<Fate> =
                decide(images, &Known { asked: true, ..known() }).into_iter().map(|(_, fate)| fate).collect();
            let not_ours = Fate::Stays(Reason::NotOurs);
            let expected = [Fate::Stays(Reason::New), not_ours.clone(), Fate::Stays(Reason::Latest(2)), not_ours];
            assert_eq!(fates, expected);
        }
    }

    #[test]
    fn booted_is_a_standby_of_the_project_that_ran() {
        let standby = tags(&[("Project", "relais"), ("Role", "standby")]);
        let machine = |image: &str, tags: &Tags, life| Machine {
            id: "i-1".to_owned(),
            image: image.to_owned(),
            tags: tags.clone(),
            life,
        };
        let holds = |machine: Machine| booted(&ami(9), &[machine], "relais");
        assert!(holds(machine("ami-9", &standby, Life::There)));
        assert!(holds(machine("ami-9", &standby, Life::Ran)));
        assert!(!holds(machine("ami-9", &standby, Life::Coming)));
        assert!(!holds(machine("ami-9", &standby, Life::NeverRan)));
        assert!(!holds(machine("ami-7", &standby, Life::There)));
        assert!(!holds(machine("ami-9", &tags(&[("Project", "other"), ("Role", "standby")]), Life::There)));
        assert!(!holds(machine("ami-9", &tags(&[("Project", "relais")]), Life::There)));
        assert!(booted(&Ami { last_launched: Some("2026-11-09".to_owned()), ..ami(9) }, &[], "relais"));
    }

    #[test]
    fn a_machine_uses_its_image_until_it_is_terminated() {
        let machine =
            |id: &str, life| Machine { id: id.to_owned(), image: id.replace('i', "ami"), tags: Tags::new(), life };
        let machines = [
            machine("i-1", Life::Coming),
            machine("i-2", Life::There),
            machine("i-3", Life::Ran),
            machine("i-4", Life::NeverRan),
        ];
        assert_eq!(used(&machines).into_keys().collect::<Vec<_>>(), ["ami-1", "ami-2"]);
    }
}
