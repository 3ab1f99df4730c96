//! What is asked of EC2, in which order: spot before on-demand if wanted, each type in each zone, and on from where the last
//! round ended.

use crate::config::{Launch, Market};

/// One way to get a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer<'a> {
    /// Its number in the whole list: a part of its client token.
    pub(crate) number: usize,
    /// At the spot price.
    pub(crate) spot: bool,
    /// The instance type.
    pub(crate) machine_type: &'a str,
    /// The subnet, hence the zone.
    pub(crate) subnet: &'a str,
}

/// All ways, the one that is wanted most first: a zone is changed before a type, because the type decides about money.
pub(crate) fn offers(launch: &Launch) -> Vec<Offer<'_>> {
    let markets: &[bool] = match launch.market {
        Market::OnDemand => &[false],
        Market::SpotFirst => &[true, false],
    };
    let mut all = Vec::new();
    for spot in markets {
        for machine_type in &launch.types {
            for subnet in &launch.subnets {
                all.push(Offer { number: all.len(), spot: *spot, machine_type, subnet });
            }
        }
    }
    all
}

/// What this process remembers between two starts.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// A start whose machine may not be seen yet, and what was asked for it: the same again must ask the same.
    open: Option<(String, usize)>,
    /// Where the next round begins: behind what had no capacity in the last one that ran out of time.
    next: usize,
}

impl Remembered {
    /// Where to begin for this token.
    pub(crate) fn first(&self, token: &str, count: usize) -> usize {
        let first = self.open.as_ref().filter(|(open, _)| open == token).map_or(self.next, |(_, number)| *number);
        if first < count { first } else { 0 }
    }

    /// This was asked for under this token and given, or perhaps given.
    pub(crate) fn asked(&mut self, token: &str, number: usize) {
        self.open = Some((token.to_owned(), number));
        self.next = 0;
    }

    /// Time ran out before this one was tried.
    pub(crate) fn ran_out(&mut self, next: usize) {
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(market: Market) -> Launch {
        Launch {
            project: "relais".to_owned(),
            template: "lt-1".to_owned(),
            types: vec!["small".to_owned(), "large".to_owned()],
            subnets: vec!["a".to_owned(), "b".to_owned()],
            market,
        }
    }

    fn words(launch: &Launch) -> Vec<String> {
        let word = |offer: &Offer<'_>| {
            format!("{}{}{}", if offer.spot { "spot " } else { "" }, offer.machine_type, offer.subnet)
        };
        offers(launch).iter().map(word).collect()
    }

    #[test]
    fn the_zone_changes_before_the_type() {
        assert_eq!(words(&launch(Market::OnDemand)), ["smalla", "smallb", "largea", "largeb"]);
    }

    #[test]
    fn spot_comes_first_where_asked() {
        let all = words(&launch(Market::SpotFirst));
        assert_eq!(all[0], "spot smalla");
        assert_eq!(&all[4..], words(&launch(Market::OnDemand)));
    }

    #[test]
    fn the_same_token_begins_where_it_was_given() {
        let mut remembered = Remembered::default();
        assert_eq!(remembered.first("t", 4), 0);
        remembered.asked("t", 2);
        assert_eq!(remembered.first("t", 4), 2);
        assert_eq!(remembered.first("another", 4), 0);
        // A list that became shorter.
        assert_eq!(remembered.first("t", 2), 0);
    }

    #[test]
    fn a_round_that_ran_out_of_time_goes_on() {
        let mut remembered = Remembered::default();
        remembered.ran_out(3);
        assert_eq!(remembered.first("t", 4), 3);
        remembered.asked("t", 3);
        assert_eq!(remembered.first("u", 4), 0);
    }
}
