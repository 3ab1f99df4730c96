//! The bounded run: what `cargo xtask fuzz` does by the million, by the thousand, with a seed that does not change.

mod bounded;
