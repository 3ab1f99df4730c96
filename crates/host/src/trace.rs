//! The log: tracing to stderr, one line an event.

use std::io;

use tracing_subscriber::EnvFilter;

/// Starts the log on stderr, as JSON lines or for people. `RUST_LOG` chooses what is shown; default `info`.
///
/// A second call in one process changes nothing.
pub fn init(json: bool) {
    init_at(json, "info");
}

/// [`init`] with another default than `info`, for a program whose output is not its log.
pub fn init_at(json: bool, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let outcome = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init()
    };
    if outcome.is_err() {
        tracing::debug!("log was started before");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn second_start_is_harmless() {
        super::init(true);
        super::init(false);
    }
}
