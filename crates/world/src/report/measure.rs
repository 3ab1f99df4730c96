//! The honest measuring: who spoke, and for how long nobody did, from the logs of those who were spoken to.
//!
//! The small Discord's log says which effects of which site it accepted, the store's own log says which terms it
//! granted. What a bot believes about itself is deliberately not an input.

use relais_failover::Site;

use super::{SpeakerSpan, seconds};

/// An effect that the small Discord accepted: an answer, a message, a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedEffect {
    /// When it was accepted, in protocol milliseconds since the scene began.
    pub at_ms: u64,
    /// The site whose link it came through.
    pub site: Site,
    /// The interaction or message it belongs to; only for naming it in findings.
    pub id: String,
}

/// A term that the store granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// When the store wrote it, in protocol milliseconds since the scene began.
    pub at_ms: u64,
    /// To whom.
    pub site: Site,
    /// The term.
    pub term: u64,
}

/// When users were talking, so that silence can be told from nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStream {
    /// When the first interaction was sent (the first effect was expected).
    pub from_ms: u64,
    /// When the last interaction was sent, or the scene ended.
    pub to_ms: u64,
    /// Time between two interactions: nobody can be seen to speak more often than this.
    pub interval_ms: u64,
}

/// What the logs show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// From first to last accepted effect of each (site, term), by first effect.
    pub spans: Vec<SpeakerSpan>,
    /// Most sites that spoke at once. An effect of an older term after the first of a newer one counts as a second.
    pub speakers_max: u32,
    /// Longest time of the user stream that no span covers.
    pub outage_ms: u64,
    /// Where that longest time lies, if it is not zero.
    pub outage: Option<(u64, u64)>,
    /// Longest time of the user stream between two accepted effects: unlike `outage_ms` it also sees a speaker that
    /// stayed silent within its own term.
    pub silence_ms: u64,
    /// Accepted effects of a site that had been granted no term before.
    pub unleased: u64,
    /// The worst of the above in words; empty if one site spoke at a time, each under a term.
    pub findings: Vec<String>,
}

/// One span while it is measured: which effects, by position in the log.
struct Span {
    shown: SpeakerSpan,
    first: usize,
    last: usize,
}

/// Measures one scene. The logs need not be sorted; effects of the same millisecond keep their order of arrival, so a
/// hand-over within one millisecond is still no overlap.
#[must_use]
pub fn measure(effects: &[AcceptedEffect], grants: &[Grant], stream: &UserStream) -> Measured {
    let mut log: Vec<&AcceptedEffect> = effects.iter().collect();
    log.sort_by_key(|effect| effect.at_ms);
    let mut measured = Measured::default();
    let mut spans: Vec<Span> = Vec::new();
    let mut newest: Option<(u64, Site)> = None;
    let mut stragglers = 0_u64;
    for (position, effect) in log.iter().enumerate() {
        let term = term_of(effect, grants);
        if term == 0 {
            measured.unleased += 1;
            first_finding(&mut measured.findings, measured.unleased, || {
                format!(
                    "{} spoke at {} s without ever being granted a term ({})",
                    effect.site,
                    seconds(effect.at_ms),
                    effect.id
                )
            });
        }
        match newest {
            Some((newer, by)) if newer > term => {
                stragglers += 1;
                first_finding(&mut measured.findings, stragglers, || {
                    let at = seconds(effect.at_ms);
                    format!(
                        "{} spoke at {at} s under term {term} after {by} had spoken under term {newer} ({})",
                        effect.site, effect.id
                    )
                });
            }
            Some(_) | None => newest = Some((term, effect.site)),
        }
        match spans.iter_mut().find(|span| span.shown.site == effect.site && span.shown.term == term) {
            Some(span) => {
                span.last = position;
                span.shown.to_ms = effect.at_ms;
                span.shown.effects += 1;
            }
            None => spans.push(Span {
                shown: SpeakerSpan { site: effect.site, term, from_ms: effect.at_ms, to_ms: effect.at_ms, effects: 1 },
                first: position,
                last: position,
            }),
        }
    }
    measured.speakers_max = at_once(&spans).max(if stragglers > 0 { 2 } else { 0 });
    if let Some(at_ms) = first_overlap(&spans, &log) {
        measured.findings.push(format!("two sites spoke at once from {} s on", seconds(at_ms)));
    }
    measured.spans = spans.into_iter().map(|span| span.shown).collect();
    measured.outage = longest_gap(measured.spans.iter().map(|span| (span.from_ms, span.to_ms)), stream);
    measured.outage_ms = measured.outage.map_or(0, |(from, to)| to - from);
    measured.silence_ms =
        longest_gap(log.iter().map(|effect| (effect.at_ms, effect.at_ms)), stream).map_or(0, |(from, to)| to - from);
    measured
}

/// Says the first of a sort in words; the counts say the rest.
fn first_finding(findings: &mut Vec<String>, so_far: u64, text: impl FnOnce() -> String) {
    if so_far == 1 {
        findings.push(text());
    }
}

/// The term last granted to the effect's site before it; 0 if none was.
fn term_of(effect: &AcceptedEffect, grants: &[Grant]) -> u64 {
    grants
        .iter()
        .filter(|grant| grant.site == effect.site && grant.at_ms <= effect.at_ms)
        .map(|grant| grant.term)
        .max()
        .unwrap_or(0)
}

/// Sites with a span over `position`.
fn sites_at(spans: &[Span], position: usize) -> u32 {
    [Site::Laptop, Site::Cloud]
        .into_iter()
        .map(|site| {
            let covers = |span: &Span| span.shown.site == site && (span.first..=span.last).contains(&position);
            u32::from(spans.iter().any(covers))
        })
        .sum()
}

/// Overlaps begin where a span begins, so looking there finds the most.
fn at_once(spans: &[Span]) -> u32 {
    spans.iter().map(|span| sites_at(spans, span.first)).max().unwrap_or(0)
}

fn first_overlap(spans: &[Span], log: &[&AcceptedEffect]) -> Option<u64> {
    let begin = spans.iter().map(|span| span.first).find(|first| sites_at(spans, *first) > 1)?;
    log.get(begin).map(|effect| effect.at_ms)
}

/// The longest part of the stream outside `covered` (sorted by start). The end gets one interval of slack: the answer
/// to the last interaction may still have been on its way.
fn longest_gap(covered: impl Iterator<Item = (u64, u64)>, stream: &UserStream) -> Option<(u64, u64)> {
    let mut longest: Option<(u64, u64)> = None;
    let mut consider = |from: u64, to: u64| {
        let to = to.min(stream.to_ms);
        if to > from && longest.is_none_or(|(a, b)| to - from > b - a) {
            longest = Some((from, to));
        }
    };
    let mut reached = stream.from_ms;
    let mut spoken = false;
    for (from, to) in covered {
        consider(reached, from);
        reached = reached.max(to);
        spoken = true;
    }
    let slack = if spoken { stream.interval_ms } else { 0 };
    consider(reached, stream.to_ms.saturating_sub(slack));
    longest
}

#[cfg(test)]
mod tests {
    use relais_failover::Site::{self, Cloud, Laptop};

    use super::{AcceptedEffect, Grant, Measured, UserStream, measure};

    const STREAM: UserStream = UserStream { from_ms: 0, to_ms: 100, interval_ms: 10 };

    fn measured(effects: &[(u64, Site)], grants: &[(u64, Site, u64)]) -> Measured {
        let effects: Vec<_> =
            effects.iter().map(|&(at_ms, site)| AcceptedEffect { at_ms, site, id: format!("i{at_ms}") }).collect();
        let grants: Vec<_> = grants.iter().map(|&(at_ms, site, term)| Grant { at_ms, site, term }).collect();
        measure(&effects, &grants, &STREAM)
    }

    fn every_ten(from: u64, to: u64, site: Site) -> Vec<(u64, Site)> {
        (from..=to).step_by(10).map(|at_ms| (at_ms, site)).collect()
    }

    #[test]
    fn a_clean_hand_over_is_one_speaker_and_one_interval_of_silence() {
        let effects = [every_ten(0, 50, Laptop), every_ten(60, 100, Cloud)].concat();
        let found = measured(&effects, &[(0, Laptop, 1), (55, Cloud, 2)]);
        assert_eq!((found.speakers_max, found.outage_ms, found.outage), (1, 10, Some((50, 60))));
        let spans: Vec<_> = found.spans.iter().map(|s| (s.site, s.term, s.from_ms, s.to_ms, s.effects)).collect();
        assert_eq!(spans, [(Laptop, 1, 0, 50, 6), (Cloud, 2, 60, 100, 5)]);
        assert!(found.findings.is_empty(), "{:?}", found.findings);
    }

    #[test]
    fn a_hand_over_within_one_millisecond_is_judged_by_order_of_arrival() {
        let grants = [(0, Laptop, 1), (50, Cloud, 2)];
        assert_eq!(measured(&[(0, Laptop), (50, Laptop), (50, Cloud), (90, Cloud)], &grants).speakers_max, 1);
        assert_eq!(measured(&[(0, Laptop), (50, Cloud), (50, Laptop), (90, Cloud)], &grants).speakers_max, 2);
    }

    #[test]
    fn overlapping_spans_of_two_sites_are_two_speakers() {
        let effects = [(0, Laptop), (40, Cloud), (50, Laptop), (60, Cloud)];
        let found = measured(&effects, &[(0, Laptop, 1), (30, Cloud, 2)]);
        assert_eq!((found.speakers_max, found.outage_ms), (2, 30));
        assert!(found.findings.iter().any(|text| text.contains("two sites spoke at once")), "{:?}", found.findings);
    }

    #[test]
    fn a_newer_term_that_speaks_inside_an_older_span_is_two_speakers() {
        let found = measured(&[(0, Laptop), (40, Cloud), (50, Laptop)], &[(0, Laptop, 1), (30, Cloud, 2)]);
        assert_eq!(found.speakers_max, 2);
    }

    #[test]
    fn two_sites_that_overlap_under_the_same_term_are_two_speakers() {
        let grants = [(0, Laptop, 1), (0, Cloud, 1)];
        assert_eq!(measured(&[(0, Laptop), (10, Cloud), (20, Laptop)], &grants).speakers_max, 2);
        assert_eq!(measured(&[(0, Laptop), (10, Laptop), (20, Cloud)], &grants).speakers_max, 1);
    }

    #[test]
    fn a_straggler_of_an_old_term_is_a_second_speaker_even_without_overlap() {
        let found = measured(&[(40, Cloud), (60, Cloud), (80, Laptop)], &[(0, Laptop, 1), (30, Cloud, 2)]);
        assert_eq!(found.speakers_max, 2);
        assert!(found.findings[0].contains("laptop spoke at 0.1 s under term 1 after cloud had spoken under term 2"));
    }

    #[test]
    fn a_late_effect_of_an_old_term_before_the_newer_one_spoke_is_no_second_speaker() {
        let found = measured(&[(0, Laptop), (35, Laptop), (40, Cloud)], &[(0, Laptop, 1), (30, Cloud, 2)]);
        assert_eq!(found.speakers_max, 1);
    }

    #[test]
    fn no_effects_at_all_is_an_outage_of_the_whole_stream() {
        let found = measured(&[], &[(0, Laptop, 1)]);
        assert_eq!((found.speakers_max, found.outage_ms, found.silence_ms), (0, 100, 100));
        assert!(found.spans.is_empty());
    }

    #[test]
    fn one_site_with_two_terms_has_two_spans_and_is_one_speaker() {
        let found =
            measured(&[(0, Laptop), (20, Laptop), (50, Laptop), (100, Laptop)], &[(0, Laptop, 1), (40, Laptop, 2)]);
        assert_eq!((found.speakers_max, found.spans.len(), found.outage_ms), (1, 2, 30));
        assert!(found.findings.is_empty());
    }

    #[test]
    fn there_and_back_again_is_one_speaker() {
        let effects = [every_ten(0, 30, Laptop), every_ten(40, 60, Cloud), every_ten(70, 100, Laptop)].concat();
        let found = measured(&effects, &[(0, Laptop, 1), (35, Cloud, 2), (65, Laptop, 3)]);
        assert_eq!((found.speakers_max, found.spans.len(), found.outage_ms), (1, 3, 10));
    }

    #[test]
    fn silence_before_the_first_and_after_the_last_effect_counts() {
        assert_eq!(measured(&every_ten(40, 100, Laptop), &[(0, Laptop, 1)]).outage, Some((0, 40)));
        assert_eq!(measured(&every_ten(0, 40, Laptop), &[(0, Laptop, 1)]).outage, Some((40, 90)));
        assert_eq!(measured(&every_ten(0, 90, Laptop), &[(0, Laptop, 1)]).outage_ms, 0);
    }

    #[test]
    fn silence_within_one_term_is_no_outage_but_is_measured() {
        let found = measured(&[(0, Laptop), (60, Laptop), (90, Laptop)], &[(0, Laptop, 1)]);
        assert_eq!((found.outage_ms, found.silence_ms), (0, 60));
    }

    #[test]
    fn an_effect_without_any_grant_is_told() {
        let found = measured(&[(0, Cloud)], &[(10, Cloud, 1), (0, Laptop, 9)]);
        assert_eq!((found.unleased, found.speakers_max, found.spans[0].term), (1, 1, 0));
        assert!(found.findings[0].contains("without ever being granted a term"));
    }

    #[test]
    fn logs_need_not_be_sorted() {
        let found = measured(&[(60, Cloud), (0, Laptop), (50, Laptop), (90, Cloud)], &[(55, Cloud, 2), (0, Laptop, 1)]);
        assert_eq!((found.speakers_max, found.outage_ms), (1, 10));
    }

    #[test]
    fn effects_outside_the_stream_do_not_stretch_an_outage() {
        let found = measured(&[(0, Laptop), (200, Laptop)], &[(0, Laptop, 1), (150, Laptop, 2)]);
        assert_eq!(found.outage, Some((0, 100)));
    }
}
