//! The signed answer between a site's health server and the prober, and the bot's facts behind it.

use core::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::ids::{Incarnation, Site, Term};
use crate::timestamp::WallClock;

/// The header that carries the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-relais-signature";

/// What the bot says of itself on its private port; the health server turns it into a [`HealthReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotFacts {
    /// Form of the record.
    pub schema: u32,
    /// The bot's site.
    pub site: Site,
    /// The bot's process.
    pub incarnation: Incarnation,
    /// The term it speaks under, if it does.
    pub term: Option<Term>,
    /// Whether the Discord gateway session is up.
    pub connected: bool,
    /// Whether it holds the lease by its own clock.
    pub holder: bool,
    /// Age of the last successful renewal, counted from its sending, ms.
    pub lease_age_ms: Option<u64>,
    /// Whether that age is below `self_fence`.
    pub lease_fresh: bool,
    /// Age of the last heartbeat ACK, ms; before the first one of a connection, age of the session's beginning.
    pub ack_age_ms: Option<u64>,
    /// How late the event loop runs, ms.
    pub loop_lag_ms: u64,
    /// `follower`, `acquiring`, `active`, `draining` or `fenced`.
    pub role: String,
}

/// The body of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// Form of the record.
    pub schema: u32,
    /// The answering site.
    pub site: Site,
    /// The bot's process, if the bot answered.
    pub incarnation: Option<Incarnation>,
    /// `/proc/sys/kernel/random/boot_id` of the machine.
    pub boot_id: String,
    /// The term the bot speaks under, if it does.
    pub term: Option<Term>,
    /// Whether the Discord gateway session is up.
    pub connected: bool,
    /// Whether the bot holds the lease.
    pub holder: bool,
    /// Whether its last renewal is fresh.
    pub lease_fresh: bool,
    /// Age of the last heartbeat ACK, ms.
    pub ack_age_ms: Option<u64>,
    /// Free space where the state lives, percent.
    pub disk_free_percent: u8,
    /// Why this is a 503; empty for a 200.
    pub reasons: Vec<String>,
    /// The health server's wall clock: a hint for people.
    pub issued_wall: WallClock,
}

impl HealthReport {
    /// Whether the site serves: connected, holder, fresh, and no reason against it.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.connected && self.holder && self.lease_fresh && self.reasons.is_empty()
    }
}

/// HMAC-SHA-256 over nonce, a line feed and the body, in hexadecimal. The nonce makes an old answer worthless.
#[must_use]
pub fn sign(key: &[u8], nonce: &str, body: &[u8]) -> String {
    let digest = mac(key, nonce, body).finalize().into_bytes();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether `signature` is [`sign`]'s answer for these; compared in constant time.
#[must_use]
pub fn verify(key: &[u8], nonce: &str, body: &[u8], signature: &str) -> bool {
    let Some(bytes) = unhex(signature) else { return false };
    mac(key, nonce, body).verify_slice(&bytes).is_ok()
}

fn mac(key: &[u8], nonce: &str, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(nonce.as_bytes());
    mac.update(b"\n");
    mac.update(body);
    mac
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() != 64 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_nonce_and_body_only() {
        let signature = sign(b"key", "0123", b"{}");
        assert!(verify(b"key", "0123", b"{}", &signature));
        assert!(!verify(b"key", "0124", b"{}", &signature));
        assert!(!verify(b"key", "0123", b"{ }", &signature));
        assert!(!verify(b"yek", "0123", b"{}", &signature));
        assert!(!verify(b"key", "0123", b"{}", ""));
        assert!(!verify(b"key", "0123", b"{}", &"é".repeat(32)));
    }

    #[test]
    fn the_signature_is_the_standard_one() {
        // HMAC-SHA-256 of "n\nb" under "k", by an independent implementation (Python's hmac).
        assert_eq!(sign(b"k", "n", b"b"), "504e36aa0659c0d6ef89ab7e8cf2f5b645da90ca12edcfbed6cad089722a630c");
    }
}
