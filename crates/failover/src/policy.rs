//! The numbers of the protocol, and the refusal of numbers that contradict each other.
//!
//! They live in one file, `policy.json`, read here, by Nix and by Terraform. A [`Policy`] whose numbers contradict each
//! other cannot be made.

mod rules;

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::Site;
use crate::timestamp::millis;

/// The file that ships with this crate.
pub const EMBEDDED: &str = include_str!("../policy.json");

/// How the watchdog knows who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// By the lease in the shared store; the probe is the second opinion.
    Lease,
    /// By the probe alone: no shared store (SQLite on each site). The source design; it cannot keep one speaker.
    ProbeOnly,
}

/// A policy file that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not the JSON of a policy: a syntax error, a missing key, an unknown key.
    #[error("the policy is not readable: {0}")]
    Unreadable(String),
    /// Written for another form.
    #[error("the policy has schema {0}, this Relais reads 1")]
    Schema(u32),
    /// Two numbers contradict each other.
    #[error("the policy contradicts itself: {broken} must hold, but {left} is not {relation} {right} ({why})")]
    Contradiction {
        /// The rule in words.
        broken: &'static str,
        /// The left side, with its value.
        left: String,
        /// `<`, `<=` ….
        relation: &'static str,
        /// The right side, with its value.
        right: String,
        /// What would go wrong.
        why: &'static str,
    },
    /// A number that makes no sense by itself.
    #[error("the policy's {0} must not be zero")]
    Zero(&'static str),
    /// A pace that makes no sense.
    #[error("a pace is a number above 0 and at most 1000, not {0}")]
    Pace(String),
}

macro_rules! policy {
    (
        spans { $($(#[$sdoc:meta])* $span:ident = $skey:ident = $sname:literal;)* }
        counts { $($(#[$cdoc:meta])* $count:ident;)* }
    ) => {
        /// The file's own form: every key is there, none is unknown.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            schema: u32,
            preferred: Site,
            mode: Mode,
            $($skey: u64,)*
            $($count: u32,)*
        }

        /// The numbers of the protocol. Only [`Policy::from_json`] and [`Policy::paced`] make one, and both refuse
        /// contradictions. Spans are durations here and `…_ms` in the file.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Policy {
            /// The site that has the lease when both are well.
            pub preferred: Site,
            /// How the watchdog knows who serves.
            pub mode: Mode,
            $($(#[$sdoc])* pub $span: Duration,)*
            $($(#[$cdoc])* pub $count: u32,)*
        }

        impl Policy {
            fn from_file(file: &File) -> Result<Self, PolicyError> {
                if file.schema != 1 {
                    return Err(PolicyError::Schema(file.schema));
                }
                $(if file.$skey == 0 { return Err(PolicyError::Zero($sname)); })*
                $(if file.$count == 0 { return Err(PolicyError::Zero(stringify!($count))); })*
                let policy = Self {
                    preferred: file.preferred,
                    mode: file.mode,
                    $($span: Duration::from_millis(file.$skey),)*
                    $($count: file.$count,)*
                };
                policy.check()?;
                Ok(policy)
            }

            fn to_file(&self) -> File {
                File {
                    schema: 1,
                    preferred: self.preferred,
                    mode: self.mode,
                    $($skey: millis(self.$span),)*
                    $($count: self.$count,)*
                }
            }

            fn divided(&self, by: f64) -> Self {
                Self {
                    preferred: self.preferred,
                    mode: self.mode,
                    $($span: Duration::from_millis((millis(self.$span) as f64 / by).round().max(1.0) as u64),)*
                    $($count: self.$count,)*
                }
            }
        }
    };
}

policy! {
    spans {
        /// A lease whose version was seen unchanged this long may be taken.
        ttl = ttl_ms = "ttl_ms";
        /// How often the holder renews and a follower reads.
        renew_every = renew_every_ms = "renew_every_ms";
        /// How long one request to the store may take.
        request_timeout = request_timeout_ms = "request_timeout_ms";
        /// Age of the last renewal after which the holder stops trying.
        renew_deadline = renew_deadline_ms = "renew_deadline_ms";
        /// Age of the last renewal at which the holder falls silent by itself.
        self_fence = self_fence_ms = "self_fence_ms";
        /// How long one external effect (an answer, a message) may take; less must not remain when it begins.
        effect_timeout = effect_timeout_ms = "effect_timeout_ms";
        /// A step between REALTIME and BOOTTIME that counts as a suspend.
        clock_jump = clock_jump_ms = "clock_jump_ms";
        /// How often a site that expects an offer looks for it.
        offer_poll_every = offer_poll_every_ms = "offer_poll_every_ms";
        /// How long answers in flight may take to finish at a hand-over.
        drain = drain_ms = "drain_ms";
        /// The heartbeat ACK may be this old while the lease is renewed.
        pulse_ack_max = pulse_ack_max_ms = "pulse_ack_max_ms";
        /// The event loop may run this late while the lease is renewed.
        pulse_lag_max = pulse_lag_max_ms = "pulse_lag_max_ms";
        /// How often session and sequence are saved.
        session_save_every = session_save_every_ms = "session_save_every_ms";
        /// A RESUME without an answer is given up after this.
        resume_watchdog = resume_watchdog_ms = "resume_watchdog_ms";
        /// A session saved longer ago than this is not resumed (Discord keeps one for a minute or two).
        resume_within = resume_within_ms = "resume_within_ms";
        /// Wait before the IDENTIFY that follows an invalid session (Discord: 1 to 5 s).
        reidentify_wait = reidentify_wait_ms = "reidentify_wait_ms";
        /// Least time between two IDENTIFYs that count against each other (Discord documentation, `max_concurrency`).
        identify_spacing = identify_spacing_ms = "identify_spacing_ms";
        /// An interaction older than this cannot be answered in Discord's 3 s and is dropped without side effects.
        interaction_max_age = interaction_max_age_ms = "interaction_max_age_ms";
        /// How often the watchdog looks while all is well.
        probe_every = probe_every_ms = "probe_every_ms";
        /// How often it looks while a failure waits for confirmation.
        confirm_probe_every = confirm_probe_every_ms = "confirm_probe_every_ms";
        /// How long DNS, TCP and TLS may take together.
        probe_connect_timeout = probe_connect_timeout_ms = "probe_connect_timeout_ms";
        /// How long one probe may take in all.
        probe_timeout = probe_timeout_ms = "probe_timeout_ms";
        /// How long the looks of one invocation go on.
        passes = passes_ms = "passes_ms";
        /// The lease must have been unchanged this long before the standby is started for it.
        confirm_after = confirm_after_ms = "confirm_after_ms";
        /// How long a degraded answer is borne before the standby is started.
        degraded_grace = degraded_grace_ms = "degraded_grace_ms";
        /// How long a lease may be free before the standby is started.
        free_grace = free_grace_ms = "free_grace_ms";
        /// How long the preferred site is stable before it asks for the lease.
        handback_after = handback_after_ms = "handback_after_ms";
        /// The longest such wait after doubling.
        handback_cap = handback_cap_ms = "handback_cap_ms";
        /// How far back flips count.
        flip_window = flip_window_ms = "flip_window_ms";
        /// How long the bot stays in the cloud once it flipped too often.
        park = park_ms = "park_ms";
        /// The standby runs at least this long.
        min_cloud_run = min_cloud_run_ms = "min_cloud_run_ms";
        /// A running standby without the lease is replaced after this.
        recycle_after = recycle_after_ms = "recycle_after_ms";
        /// At most once in this long.
        recycle_every = recycle_every_ms = "recycle_every_ms";
        /// The same alert is repeated at most this often.
        alert_every = alert_every_ms = "alert_every_ms";
        /// Standby hours a calendar month, in ms.
        cloud_ms_per_month = cloud_ms_per_month = "cloud_ms_per_month";
        /// How long the lid-close inhibitor may hold sleep back.
        inhibit = inhibit_ms = "inhibit_ms";
    }
    counts {
        /// IDENTIFYs in 24 h (Discord resets the token after 1,000).
        identifies_per_day;
        /// Failed probes in a row before the standby is started.
        confirm_probes;
        /// Flips in the window after which the bot stays in the cloud.
        flips_to_park;
        /// Standby starts in 24 h.
        starts_per_day;
    }
}

impl Policy {
    /// The policy that ships with Relais.
    #[must_use]
    pub fn embedded() -> Self {
        #[expect(clippy::expect_used, reason = "the file is compiled in, and a test of this module reads it")]
        Self::from_json(EMBEDDED).expect("policy.json of this crate is a policy")
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`]: not JSON, a missing or unknown key, another schema, a zero, a contradiction.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let file: File = serde_json::from_str(text).map_err(|error| PolicyError::Unreadable(error.to_string()))?;
        Self::from_file(&file)
    }

    /// The file that [`Policy::from_json`] reads back.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "a struct of numbers and two plain enums always has a JSON form")]
        serde_json::to_string_pretty(&self.to_file()).expect("numbers have a JSON form")
    }

    /// The same protocol, `pace` times as fast: every span divided, every count kept. Used by rehearsals only.
    ///
    /// # Errors
    /// [`PolicyError::Pace`] for a pace that is no such number; [`PolicyError::Contradiction`] if rounding to whole
    /// milliseconds makes numbers meet that must differ.
    pub fn paced(&self, pace: f64) -> Result<Self, PolicyError> {
        if !(pace > 0.0 && pace <= 1000.0) {
            return Err(PolicyError::Pace(pace.to_string()));
        }
        let policy = self.divided(pace);
        policy.check()?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policy_reads_and_round_trips() {
        let policy = Policy::embedded();
        assert_eq!(policy.ttl, Duration::from_secs(30));
        assert_eq!(Policy::from_json(&policy.to_json()).unwrap(), policy);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let text = EMBEDDED.replacen("\"ttl_ms\"", "\"tll_ms\"", 1);
        let error = Policy::from_json(&text).unwrap_err().to_string();
        assert!(error.contains("tll_ms"), "{error}");
    }

    #[test]
    fn a_pace_divides_spans_and_keeps_counts() {
        let policy = Policy::embedded();
        let paced = policy.paced(5.0).unwrap();
        assert_eq!(paced.ttl, Duration::from_secs(6));
        assert_eq!(paced.confirm_probes, policy.confirm_probes);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(policy.paced(wrong), Err(PolicyError::Pace(_))), "{wrong}");
        }
    }

    #[test]
    fn every_rule_refuses_its_own_contradiction() {
        // Each row breaks the named rule alone or first.
        for (key, value, broken) in [
            ("renew_every_ms", 7000, "renew_every x 3 < renew_deadline"),
            ("renew_deadline_ms", 25000, "renew_deadline < self_fence"),
            ("ttl_ms", 26000, "self_fence + effect_timeout < ttl"),
            ("ttl_ms", 27400, "self_fence x 11 <= ttl x 10"),
            ("request_timeout_ms", 5000, "request_timeout < renew_every"),
            ("renew_deadline_ms", 22500, "renew_deadline + request_timeout < self_fence"),
            ("offer_poll_every_ms", 5000, "offer_poll_every < renew_every"),
            ("confirm_after_ms", 30000, "confirm_after < ttl"),
            ("confirm_after_ms", 9999, "renew_every x 2 <= confirm_after"),
            ("confirm_probe_every_ms", 5001, "confirm_probe_every <= probe_every"),
            ("probe_every_ms", 30000, "probe_every < ttl"),
            ("passes_ms", 4999, "probe_every <= passes"),
            ("probe_connect_timeout_ms", 2501, "probe_connect_timeout <= probe_timeout"),
            ("probe_timeout_ms", 3000, "probe_timeout < confirm_probe_every"),
            ("handback_after_ms", 3_600_001, "handback_after <= handback_cap"),
            ("handback_cap_ms", 21_600_001, "handback_cap <= flip_window"),
            ("recycle_after_ms", 3_600_001, "recycle_after <= recycle_every"),
            ("drain_ms", 90000, "drain < inhibit"),
            ("session_save_every_ms", 60000, "session_save_every < resume_within"),
        ] {
            let mut json: serde_json::Value = serde_json::from_str(EMBEDDED).unwrap();
            json[key] = value.into();
            match Policy::from_json(&json.to_string()) {
                Err(PolicyError::Contradiction { broken: found, .. }) => assert_eq!(found, broken, "{key} = {value}"),
                other => panic!("{key} = {value} gave {other:?}"),
            }
        }
    }

    #[test]
    fn zero_is_refused_by_name() {
        let text = EMBEDDED.replacen("\"drain_ms\": 1000", "\"drain_ms\": 0", 1);
        assert_eq!(Policy::from_json(&text).unwrap_err(), PolicyError::Zero("drain_ms"));
    }
}
