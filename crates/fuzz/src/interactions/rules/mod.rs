//! What holds for every reply, whatever was asked. Each rule gives what is wrong in words, or nothing.

pub(crate) mod answer;
pub(crate) mod kept;
pub(crate) mod privacy;
pub(crate) mod reads;
pub(crate) mod writes;

/// Fails with a text unless something holds.
macro_rules! holds {
    ($what:expr, $($text:tt)+) => {
        if !$what {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use holds;
