//! How many times faster than life a rehearsal runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The factor between protocol time (what `policy.json` and the reports speak of) and the time that passes while a
/// rehearsal runs: at pace 5 a lease of 30 s lives 6 s. Greater than 0, at most [`Pace::MOST`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// Protocol time as it is.
    pub const REAL: Self = Self(1.0);
    /// The greatest pace: beyond it a paced protocol number is smaller than a scheduler's delay.
    pub const MOST: f64 = 100.0;

    /// A pace of `factor`.
    ///
    /// # Errors
    /// [`PaceError`] if `factor` is not a number, not greater than 0, or greater than [`Pace::MOST`].
    pub fn new(factor: f64) -> Result<Self, PaceError> {
        // Below a millionth even an hour of protocol time leaves the range of a Duration's useful arithmetic.
        if (1e-6..=Self::MOST).contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(PaceError::OutOfRange { given: factor })
        }
    }

    /// The factor itself.
    #[must_use]
    pub fn factor(self) -> f64 {
        self.0
    }

    /// How long a protocol duration takes while the rehearsal runs (divides).
    #[must_use]
    pub fn real(self, protocol: Duration) -> Duration {
        Duration::try_from_secs_f64(protocol.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }

    /// What a measured duration is in protocol time (multiplies).
    #[must_use]
    pub fn protocol(self, measured: Duration) -> Duration {
        Duration::try_from_secs_f64(measured.as_secs_f64() * self.0).unwrap_or(Duration::MAX)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::REAL
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let factor = text.trim().parse().map_err(|_| PaceError::NotANumber { given: text.to_owned() })?;
        Self::new(factor)
    }
}

/// Why a pace is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PaceError {
    /// The number is outside what a rehearsal can run at.
    #[error("run at pace {given}: a pace is greater than 0 and at most {}", Pace::MOST)]
    OutOfRange {
        /// The factor that was asked for.
        given: f64,
    },
    /// The text is no number.
    #[error("read the pace {given:?}: it is not a number")]
    NotANumber {
        /// The text that was given.
        given: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_divides_protocol_time_and_multiplies_measured_time() {
        let pace = Pace::new(5.0).unwrap();
        assert_eq!(pace.real(Duration::from_secs(30)), Duration::from_secs(6));
        assert_eq!(pace.protocol(Duration::from_secs(6)), Duration::from_secs(30));
        assert_eq!(Pace::REAL.real(Duration::from_millis(1234)), Duration::from_millis(1234));
    }

    #[test]
    fn a_pace_that_cannot_be_run_is_refused() {
        for factor in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 100.1, 1e-300] {
            assert!(Pace::new(factor).is_err(), "{factor} was accepted");
        }
        assert!(Pace::new(Pace::MOST).is_ok());
        assert!("fast".parse::<Pace>().is_err());
        assert!("NaN".parse::<Pace>().is_err());
        assert_eq!(" 2.5 ".parse::<Pace>(), Pace::new(2.5));
    }

    #[test]
    fn a_duration_beyond_the_range_saturates() {
        assert_eq!(Pace::new(100.0).unwrap().protocol(Duration::MAX), Duration::MAX);
        assert_eq!(Pace::new(0.001).unwrap().real(Duration::MAX), Duration::MAX);
    }
}
