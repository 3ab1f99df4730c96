//! The watchdog as a Lambda function: the same [`tick`](fn@relais_watchdog::tick), several looks within one invocation.
//!
//! In reading order: [`config`] (one variable, `RELAIS_CONFIG`, which `terraform/` writes), [`event`] (why it was called),
//! [`function`] (one invocation: looks until the policy's `passes` or the deadline), [`schedule`] (pure: whether there is time
//! for another look), [`secrets`] (from SSM, kept for a while, read anew when a signature is wrong), [`topic`] (alerts by
//! SNS), [`metrics`] (pure: one line of CloudWatch's embedded metric format), [`answer`] (what the caller is told).
//!
//! Everything that must outlive an invocation stands in the WATCH record, so a frozen, doubled or thrown-away sandbox
//! changes nothing; overlapping invocations meet at its revision. Deliberately absent: reserved concurrency (a new account
//! has none to reserve), any state on disk, and any decision (`relais-failover`).

pub mod answer;
pub mod config;
pub mod event;
pub mod function;
pub mod metrics;
pub mod schedule;
pub mod secrets;
pub mod topic;
