//! Every interaction payload: scenes are made up (`plan`), become dispatches in Discord's words (`payload`, from the
//! `catalogue`), are played against the bot's own code and a store (`play`), and judged (`rules`).

pub(crate) mod catalogue;
pub(crate) mod payload;
pub(crate) mod plan;
pub(crate) mod play;
pub(crate) mod refusals;
pub(crate) mod rules;
pub(crate) mod store;

pub use catalogue::Catalogue;
pub use plan::{Scene, scenes};
pub use play::Player;
