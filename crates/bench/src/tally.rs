//! What was asked, when it was due, and what came back: the pure part of the measurement.

use std::time::Duration;

use serde::Serialize;

use crate::ask::Ask;

/// The longest that Discord waits for an answer; later ones fail for the user
/// (Discord: "Interaction Callback", within 3 seconds).
pub const PATIENCE: Duration = Duration::from_secs(3);

/// One question.
#[derive(Debug, Clone, Copy)]
struct Question {
    ask: Ask,
    due: Duration,
    answered: Option<Duration>,
    again: u32,
    wrong: bool,
}

/// Every question of a run, by its number. Times count from the start of the run's server.
#[derive(Debug, Default)]
pub struct Tally {
    questions: Vec<Question>,
}

/// What a stretch of questions came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Questions.
    pub asked: usize,
    /// Never answered.
    pub lost: usize,
    /// Answers beyond the first, all together.
    pub doubled: usize,
    /// Answered with something else than was asked for.
    pub wrong: usize,
    /// Answered after [`PATIENCE`].
    pub late: usize,
    /// From the moment a question was due to its answer, microseconds; `None` where that one was lost.
    pub p50_us: Option<u64>,
    /// As above.
    pub p90_us: Option<u64>,
    /// As above.
    pub p99_us: Option<u64>,
    /// As above.
    pub max_us: Option<u64>,
}

impl Summary {
    /// Whether each question has one right answer.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        (self.lost, self.doubled, self.wrong) == (0, 0, 0)
    }
}

impl Tally {
    /// Notes a question; its number.
    pub fn asked(&mut self, ask: Ask, due: Duration) -> usize {
        self.questions.push(Question { ask, due, answered: None, again: 0, wrong: false });
        self.questions.len() - 1
    }

    /// How many questions there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.questions.len()
    }

    /// Notes an answer; false if nothing of that number was asked.
    pub fn answered(&mut self, number: usize, at: Duration, content: &str) -> bool {
        let Some(question) = self.questions.get_mut(number) else {
            return false;
        };
        match question.answered {
            Some(_) => question.again += 1,
            None => question.answered = Some(at),
        }
        question.wrong |= !content.starts_with(question.ask.begins());
        true
    }

    /// When a question was answered for the first time.
    #[must_use]
    pub fn answered_at(&self, number: usize) -> Option<Duration> {
        self.questions.get(number)?.answered
    }

    /// Whether each question from number `first` on has an answer.
    #[must_use]
    pub fn is_answered_from(&self, first: usize) -> bool {
        self.questions.iter().skip(first).all(|question| question.answered.is_some())
    }

    /// The questions from number `first` on.
    #[must_use]
    pub fn summary(&self, first: usize) -> Summary {
        let questions = self.questions.get(first..).unwrap_or_default();
        let taken = |question: &Question| question.answered.map(|at| at.saturating_sub(question.due));
        let mut times: Vec<Option<Duration>> = questions.iter().map(taken).collect();
        // Whoever was never answered waited longest.
        times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
        let at = |percent| {
            let time = times.get(rank(times.len(), percent)?).copied().flatten()?;
            u64::try_from(time.as_micros()).ok()
        };
        Summary {
            asked: questions.len(),
            lost: questions.iter().filter(|question| question.answered.is_none()).count(),
            doubled: questions.iter().map(|question| question.again as usize).sum(),
            wrong: questions.iter().filter(|question| question.wrong).count(),
            late: times.iter().flatten().filter(|time| **time > PATIENCE).count(),
            p50_us: at(50),
            p90_us: at(90),
            p99_us: at(99),
            max_us: at(100),
        }
    }
}

/// The index of a percentile by the nearest-rank method; nothing of nothing.
fn rank(count: usize, percent: usize) -> Option<usize> {
    (count * percent).div_ceil(100).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn right(ask: Ask) -> String {
        format!("{} and more", ask.begins())
    }

    #[test]
    fn percentiles_are_by_nearest_rank_and_counted_from_the_due_moment() {
        let mut tally = Tally::default();
        for i in 1..=200_u32 {
            let number = tally.asked(Ask::Help, MS * 1000);
            assert!(tally.answered(number, MS * (1000 + i), &right(Ask::Help)));
        }
        let summary = tally.summary(0);
        let (p50, p90, p99, max) = (Some(100_000), Some(180_000), Some(198_000), Some(200_000));
        assert_eq!((summary.p50_us, summary.p90_us, summary.p99_us, summary.max_us), (p50, p90, p99, max));
        assert!(summary.is_whole());
        assert_eq!(tally.summary(150).p50_us, Some(175_000));
        assert_eq!(tally.summary(200), Summary::default());
    }

    #[test]
    fn lost_doubled_wrong_and_late_answers_are_seen() {
        let mut tally = Tally::default();
        let numbers: Vec<_> = Ask::ALL.iter().map(|&ask| tally.asked(ask, Duration::ZERO)).collect();
        tally.answered(numbers[0], MS, &right(Ask::ALL[0]));
        tally.answered(numbers[0], MS * 2, &right(Ask::ALL[0]));
        tally.answered(numbers[1], MS * 3, "Slow down");
        tally.answered(numbers[2], PATIENCE + MS, &right(Ask::ALL[2]));
        assert!(!tally.answered(99, MS, "?"));
        assert!(!tally.is_answered_from(0));
        let summary = tally.summary(0);
        assert_eq!((summary.asked, summary.lost, summary.doubled, summary.wrong, summary.late), (4, 1, 1, 1, 1));
        assert_eq!((summary.p50_us, summary.p99_us, summary.max_us), (Some(3_000), None, None));
        assert_eq!(tally.answered_at(numbers[0]), Some(MS));
        assert!(!summary.is_whole());
    }
}
