//! What users were promised, and what the store must still have of it.

/// What is left of the promises.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Acknowledged writes that are gone.
    pub lost: u64,
    /// Writes that happened more often than they were asked for.
    pub duplicates: u64,
}

/// One name's writes, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    /// Texts sent, oldest first.
    pub(super) sent: Vec<String>,
    /// How many of `sent`, counted from the start, the last acknowledged one is.
    pub(super) acknowledged: usize,
    /// How many of `sent` were acknowledged.
    pub(super) promised: u64,
    pub(super) in_flight: bool,
}

impl Name {
    /// What a text and a revision in the store say of the promises. A write that nobody acknowledged may have been
    /// applied, so a later text than the last acknowledged one is as good.
    pub(super) fn judge(&self, text: Option<&str>, revision: u64) -> Kept {
        let standing = text.and_then(|text| self.sent.iter().position(|sent| sent == text)).map_or(0, |at| at + 1);
        // Everything acknowledged after the text that stands is gone; so is what a later write covers up, if the store
        // made fewer writes than were acknowledged.
        let behind = self.acknowledged.saturating_sub(standing) as u64;
        let lost = behind.max(self.promised.saturating_sub(revision));
        Kept { lost, duplicates: revision.saturating_sub(self.sent.len() as u64) }
    }
}
