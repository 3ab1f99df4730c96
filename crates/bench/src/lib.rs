//! One bot process under load, and the same load on a minimal discord.py bot in the same run.
//!
//! Reading order: what is asked ([`ask`]), what came of it ([`tally`]), the server that asks ([`discord`]), who is
//! measured ([`subject`], [`rival`], [`process`]), how ([`load`]), what is shown ([`report`]). [`mod@lambda`] is the same for the
//! watchdog as a Lambda function, beside a handler in Python.
//!
//! Questions come at even distances whether answers come or not (an open loop), and latency counts from the moment that
//! a question was due: a bot that stalls pays for everyone who waits meanwhile.
//!
//! Deliberately absent: judging requests (the rehearsal does that), a network between the two (loopback measures the
//! process), and absolute goals: what is asked for is a ratio within one run.

pub mod ask;
pub mod discord;
mod gateway;
pub mod lambda;
pub mod load;
pub mod process;
pub mod report;
pub mod rival;
pub mod subject;
pub mod tally;
