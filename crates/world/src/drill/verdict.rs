//! Judging a scene: what all scenes promise, from the logs of those who were spoken to.

use std::sync::PoisonError;
use std::time::Duration;

use relais_failover::Site;

use super::expect::Expectation;
use super::scene::Scene;
use super::stage::Stage;
use crate::discord::{EffectKind, Entry, Kind};
use crate::report::measure::{AcceptedEffect, Measured, UserStream, measure};
use crate::report::{Sample, SceneReport, Timeline};

/// How many violations are told in words.
const TOLD: usize = 20;

impl Stage {
    /// The accepted effects of the scene so far, by whose link they came in.
    pub(super) fn effects(&self) -> Vec<AcceptedEffect> {
        self.with_effects(<[AcceptedEffect]>::to_vec)
    }

    fn with_effects<T>(&self, look: impl FnOnce(&[AcceptedEffect]) -> T) -> T {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.discord.log_since(heard.0);
        heard.0 += news.len();
        heard.1.extend(news.iter().filter_map(|entry| self.effect(entry)));
        look(&heard.1)
    }

    fn effect(&self, entry: &Entry) -> Option<AcceptedEffect> {
        self.attempt(entry).filter(|_| matches!(&entry.kind, Kind::Effect(effect) if effect.accepted()))
    }

    /// An effect that a site asked for, whatever Discord made of it.
    fn attempt(&self, entry: &Entry) -> Option<AcceptedEffect> {
        let Kind::Effect(effect) = &entry.kind else { return None };
        Some(AcceptedEffect {
            at_ms: self.protocol_ms(entry.at),
            site: entry.source.parse().ok()?,
            id: format!("{} {}", effect.operation, effect.subject),
        })
    }

    /// When this site last had an effect accepted, protocol ms.
    pub(super) fn last_effect_ms(&self, site: Site) -> Option<u64> {
        self.with_effects(|effects| effects.iter().rev().find(|effect| effect.site == site).map(|effect| effect.at_ms))
    }

    /// When this site first had an effect accepted, protocol ms.
    pub(super) fn first_effect_ms(&self, site: Site) -> Option<u64> {
        self.first_effect_since_ms(site, 0)
    }

    /// When this site first had an effect accepted after a moment, protocol ms.
    pub(super) fn first_effect_since_ms(&self, site: Site, from: u64) -> Option<u64> {
        let after = |effect: &&AcceptedEffect| effect.site == site && effect.at_ms >= from;
        self.with_effects(|effects| effects.iter().find(after).map(|effect| effect.at_ms))
    }
}

/// Judges one scene after its users have stopped.
pub(super) async fn judge(
    scene: Scene,
    stage: &Stage,
    expectation: Expectation,
    samples: Vec<Sample>,
) -> anyhow::Result<SceneReport> {
    let tally = stage.discord.tally();
    let effects = stage.effects();
    let counts = stage.users.counts();
    let stream = UserStream {
        from_ms: stage.protocol_ms(counts.first_at),
        to_ms: stage.protocol_ms(counts.last_at),
        interval_ms: millis(stage.pace.protocol(stage.users.interval())),
    };
    let measured = measure(&effects, &stage.ledger.grants(), &stream);
    let kept = stage.users.verify(stage.store.as_ref()).await?;
    let violations = stage.discord.violations();

    let mut broken = expectation.broken.clone();
    let mut promise = |holds: bool, text: String| {
        if !holds {
            broken.push(text);
        }
    };
    let (lost, duplicates) = (kept.lost, kept.duplicates + tally.duplicates as u64);
    let (starts, stops) = (stage.machines.starts(), stage.machines.stops());
    promise(measured.speakers_max == 1, format!("{} sites spoke at once, not 1", measured.speakers_max));
    promise(measured.unleased == 0, format!("{} effects came from a site without a term", measured.unleased));
    promise(lost == 0, format!("{lost} acknowledged writes are lost"));
    promise(duplicates == 0, format!("{duplicates} effects happened twice"));
    promise(violations.is_empty(), format!("{} requests broke Discord's rules", violations.len()));
    let own_faults = stage.discord.own_faults();
    promise(
        own_faults.is_empty(),
        format!("the small Discord itself broke Discord's rules: {}", own_faults.join("; ")),
    );
    promise(counts.acknowledged > 0, "no write was acknowledged: the scene shows nothing".to_owned());
    promise(starts == expectation.starts, format!("{starts} starts of the standby, not {}", expectation.starts));
    if let Some(wanted) = expectation.stops {
        promise(stops == wanted, format!("{stops} stops of the standby, not {wanted}"));
    }
    if let Some(most) = expectation.outage_at_most_ms {
        promise(measured.outage_ms <= most, format!("{} ms without a speaker, more than {most}", measured.outage_ms));
    }
    if expectation.nothing_missed {
        promise(counts.missed == 0, format!("{} interactions were not answered in time", counts.missed));
    }
    let attempts: Vec<_> = stage.discord.log().iter().filter_map(|entry| stage.attempt(entry)).collect();
    let dead = spoke_on_dead_lease(stage, &attempts);
    promise(dead.is_none(), dead.unwrap_or_default());

    Ok(SceneReport {
        scene: scene.name().to_owned(),
        pace: stage.pace.factor(),
        speakers_max: measured.speakers_max,
        acknowledged: counts.acknowledged,
        lost,
        duplicates,
        missed: counts.missed,
        outage_ms: measured.outage_ms,
        identifies: tally.identifies as u64,
        starts,
        stops,
        violations: violations.len() as u64,
        passed: broken.is_empty(),
        violation_texts: violations.iter().take(TOLD).map(ToString::to_string).collect(),
        notes: notes(stage, &measured, &tally),
        effects: effects.len() as u64,
        interactions: counts.issued,
        answered: counts.answered,
        resumes: tally.resumes as u64,
        openapi_judged: stage.discord.openapi_judged(),
        real_ms: relais_host::clock::now().as_millis().saturating_sub(stage.began),
        protocol_ms: stage.now_ms(),
        broken,
        timeline: Timeline { samples, marks: Vec::new(), spans: measured.spans },
    })
}

/// The rule behind "one speaker": whoever asks for an effect must have written the lease within `ttl` before it. Attempts
/// that Discord refused count too: that the right site was quicker is luck, not the protocol.
fn spoke_on_dead_lease(stage: &Stage, attempts: &[AcceptedEffect]) -> Option<String> {
    let ttl = millis(stage.pace.protocol(stage.policy.ttl));
    let writes = stage.ledger.writes();
    attempts.iter().find_map(|effect| {
        let renewed = writes
            .iter()
            .take_while(|write| write.at_ms <= effect.at_ms)
            .filter(|write| write.record.holder.is_some_and(|claim| claim.site == effect.site))
            .last();
        match renewed {
            Some(write) if effect.at_ms - write.at_ms <= ttl => None,
            Some(write) => Some(format!(
                "the {} tried to speak {} ms after its last renewal ({})",
                effect.site,
                effect.at_ms - write.at_ms,
                effect.id
            )),
            None => Some(format!("the {} tried to speak without ever holding the lease ({})", effect.site, effect.id)),
        }
    })
}

fn notes(stage: &Stage, measured: &Measured, tally: &crate::discord::Tally) -> Vec<String> {
    let mut notes = measured.findings.clone();
    notes.push(format!("longest silence between two effects: {} ms", measured.silence_ms));
    if tally.refused_double > 0 {
        notes.push(format!("Discord refused {} second answers (40060)", tally.refused_double));
    }
    if tally.refused_late > 0 {
        notes.push(format!("Discord refused {} late answers (10062)", tally.refused_late));
    }
    let operations = stage.discord.operations_judged();
    notes.push(format!("{operations} distinct operations had their bodies judged by the document"));
    if !stage.discord.openapi_judged() {
        notes
            .push("not judged by Discord's OpenAPI document: it was not found; the hand-written rules were".to_owned());
    }
    let effects_of_registration = stage
        .discord
        .log()
        .iter()
        .filter(|entry| matches!(&entry.kind, Kind::Effect(effect) if effect.kind == EffectKind::Registration))
        .count();
    notes.push(format!("registrations of the commands: {effects_of_registration}"));
    notes
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
