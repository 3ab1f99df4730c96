//! The numbers above a timeline that stand for its marks, placed so that none covers another.

use super::{Mark, svg::WIDTH};

const BADGE_ROWS: usize = 5;

/// One badge: the mark it stands for, or several that stand too close together.
pub(super) struct Badge<'a> {
    first: usize,
    pub(super) marks: Vec<&'a Mark>,
    pub(super) row: usize,
    pub(super) centre: f64,
    pub(super) width: f64,
}

impl Badge<'_> {
    pub(super) fn label(&self) -> String {
        match self.marks.len() {
            0 | 1 => self.first.to_string(),
            more => format!("{}–{}", self.first, self.first + more - 1),
        }
    }

    fn fit(&mut self, x: f64) {
        self.width = text_width(&self.label()) + 9.0;
        self.centre = x.clamp(self.width / 2.0, f64::from(WIDTH) - self.width / 2.0);
    }
}

/// Puts each mark's badge into the first row with room; when all rows are full there it joins the badge before it.
/// Marks are numbered from 1 in the order given, which is the order of time.
pub(super) fn place<'a>(marks: &'a [Mark], x: impl Fn(u64) -> f64) -> Vec<Badge<'a>> {
    let mut badges: Vec<Badge<'a>> = Vec::new();
    let mut ends = [f64::NEG_INFINITY; BADGE_ROWS];
    for (index, mark) in marks.iter().enumerate() {
        let mut badge = Badge { first: index + 1, marks: vec![mark], row: 0, centre: 0.0, width: 0.0 };
        badge.fit(x(mark.at_ms));
        let free = ends.iter().position(|end| badge.centre - badge.width / 2.0 > end + 2.0);
        match (free, badges.last_mut()) {
            (None, Some(last)) => {
                last.marks.push(mark);
                last.fit(last.marks.first().map_or(0.0, |mark| x(mark.at_ms)));
                if let Some(end) = ends.get_mut(last.row) {
                    *end = last.centre + last.width / 2.0;
                }
            }
            (row, _) => {
                badge.row = row.unwrap_or(0);
                if let Some(end) = ends.get_mut(badge.row) {
                    *end = badge.centre + badge.width / 2.0;
                }
                badges.push(badge);
            }
        }
    }
    badges
}

/// About how wide text is at 11 px in a sans-serif face; generous, so that labels rather vanish than spill.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.4
}

#[cfg(test)]
mod tests {
    use super::{BADGE_ROWS, place};
    use crate::report::{Mark, MarkKind, svg::WIDTH};

    fn marks(times: &[u64]) -> Vec<Mark> {
        times.iter().map(|&at_ms| Mark { at_ms, kind: MarkKind::Bot, text: "x".to_owned() }).collect()
    }

    #[test]
    fn badges_never_overlap_and_stay_inside() {
        let crowd: Vec<u64> = (0..60).map(|index| 500 + index / 3).chain([0, 900, 900, 900]).collect();
        let crowd = marks(&{
            let mut sorted = crowd;
            sorted.sort_unstable();
            sorted
        });
        let badges = place(&crowd, |at_ms| at_ms as f64);
        assert_eq!(badges.iter().map(|badge| badge.marks.len()).sum::<usize>(), crowd.len());
        for (index, badge) in badges.iter().enumerate() {
            assert!(badge.row < BADGE_ROWS);
            assert!(badge.centre - badge.width / 2.0 >= 0.0 && badge.centre + badge.width / 2.0 <= f64::from(WIDTH));
            for other in badges.iter().skip(index + 1).filter(|other| other.row == badge.row) {
                assert!((badge.centre - other.centre).abs() >= (badge.width + other.width) / 2.0);
            }
        }
    }
}
