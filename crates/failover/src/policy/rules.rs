//! Which numbers must stand in which order, and what would go wrong otherwise.

use super::{Policy, PolicyError};
use crate::timestamp::millis;

impl Policy {
    /// Refuses numbers that contradict each other: the first broken rule, in words.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let rules = [
            (
                "renew_every x 3 < renew_deadline",
                ("renew_every x 3", self.renew_every * 3),
                "<",
                ("renew_deadline", self.renew_deadline),
                "one lost answer would end the term",
            ),
            (
                "renew_deadline < self_fence",
                ("renew_deadline", self.renew_deadline),
                "<",
                ("self_fence", self.self_fence),
                "a renewal could still arrive after the holder fell silent",
            ),
            (
                "self_fence + effect_timeout < ttl",
                ("self_fence + effect_timeout", self.self_fence + self.effect_timeout),
                "<",
                ("ttl", self.ttl),
                "an effect begun in time could end in the next holder's term",
            ),
            (
                "self_fence x 11 <= ttl x 10",
                ("self_fence x 11", self.self_fence * 11),
                "<=",
                ("ttl x 10", self.ttl * 10),
                "clocks whose rates differ by a tenth must not meet",
            ),
            (
                "request_timeout < renew_every",
                ("request_timeout", self.request_timeout),
                "<",
                ("renew_every", self.renew_every),
                "renewals would pile up",
            ),
            (
                "renew_deadline + request_timeout < self_fence",
                ("renew_deadline + request_timeout", self.renew_deadline + self.request_timeout),
                "<",
                ("self_fence", self.self_fence),
                "the last renewal must be answered or given up before the fence",
            ),
            (
                "offer_poll_every < renew_every",
                ("offer_poll_every", self.offer_poll_every),
                "<",
                ("renew_every", self.renew_every),
                "waiting for an offer is the quicker look",
            ),
            (
                "confirm_after < ttl",
                ("confirm_after", self.confirm_after),
                "<",
                ("ttl", self.ttl),
                "power may be switched before the lease is stale, never only after",
            ),
            (
                "renew_every x 2 <= confirm_after",
                ("renew_every x 2", self.renew_every * 2),
                "<=",
                ("confirm_after", self.confirm_after),
                "a healthy holder would look silent between two renewals",
            ),
            (
                "confirm_probe_every <= probe_every",
                ("confirm_probe_every", self.confirm_probe_every),
                "<=",
                ("probe_every", self.probe_every),
                "confirming is the quicker look",
            ),
            (
                "probe_every < ttl",
                ("probe_every", self.probe_every),
                "<",
                ("ttl", self.ttl),
                "the watchdog must see a silent holder while its lease runs",
            ),
            (
                "probe_every <= passes",
                ("probe_every", self.probe_every),
                "<=",
                ("passes", self.passes),
                "an invocation looks at least twice",
            ),
            (
                "probe_connect_timeout <= probe_timeout",
                ("probe_connect_timeout", self.probe_connect_timeout),
                "<=",
                ("probe_timeout", self.probe_timeout),
                "connecting is a part of the probe",
            ),
            (
                "probe_timeout < confirm_probe_every",
                ("probe_timeout", self.probe_timeout),
                "<",
                ("confirm_probe_every", self.confirm_probe_every),
                "looks would pile up",
            ),
            (
                "handback_after <= handback_cap",
                ("handback_after", self.handback_after),
                "<=",
                ("handback_cap", self.handback_cap),
                "the cap is the longest wait",
            ),
            (
                "handback_cap <= flip_window",
                ("handback_cap", self.handback_cap),
                "<=",
                ("flip_window", self.flip_window),
                "a flip must still count while it is waited for",
            ),
            (
                "recycle_after <= recycle_every",
                ("recycle_after", self.recycle_after),
                "<=",
                ("recycle_every", self.recycle_every),
                "a new machine must get its time",
            ),
            (
                "drain < inhibit",
                ("drain", self.drain),
                "<",
                ("inhibit", self.inhibit),
                "the laptop would sleep in the middle of the drain",
            ),
            (
                "session_save_every < resume_within",
                ("session_save_every", self.session_save_every),
                "<",
                ("resume_within", self.resume_within),
                "a saved session would always be too old",
            ),
        ];
        for (broken, left, relation, right, why) in rules {
            let holds = if relation == "<" { left.1 < right.1 } else { left.1 <= right.1 };
            if !holds {
                return Err(PolicyError::Contradiction {
                    broken,
                    left: format!("{} = {} ms", left.0, millis(left.1)),
                    relation,
                    right: format!("{} = {} ms", right.0, millis(right.1)),
                    why,
                });
            }
        }
        Ok(())
    }
}
