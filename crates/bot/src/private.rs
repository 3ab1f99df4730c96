//! The private port: liveness, readiness, metrics, facts for the health server, and the order to hand over.
//!
//! Deliberately absent: anything a stranger may see. The port is bound to a private address.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use relais_failover::{Node, Policy, Role, Site, Timestamp, health::BotFacts, wire::SCHEMA};
use relais_host::{clock::Clock, metrics_page};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use crate::{
    leadership::Signal,
    measures::MEASURES,
    permit::{Permit, View},
    vitals::Vitals,
};

/// What the port tells about.
#[derive(Clone)]
pub struct Facts {
    /// Who this process is.
    pub node: Node,
    /// The numbers.
    pub policy: Policy,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The lease as published.
    pub permit: Permit,
    /// Signs of life.
    pub vitals: Arc<Vitals>,
    /// To leadership.
    pub signals: mpsc::UnboundedSender<Signal>,
}

/// The body of `POST /handover`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handover {
    to: Site,
}

impl Facts {
    /// Everything the health server needs.
    #[must_use]
    pub fn bot_facts(&self) -> BotFacts {
        let (now, view) = (self.clock.now(), self.permit.view());
        let age = view.renewed_at.map(|at| now.since(at));
        let beginning = self.vitals.connected().then(|| self.vitals.proof_age(now));
        let holder = view.fence.is_some() && matches!(view.role, Role::Active | Role::Draining);
        BotFacts {
            schema: SCHEMA,
            site: self.node.site,
            incarnation: self.node.incarnation,
            term: view.fence.map(|fence| fence.term),
            connected: self.vitals.connected(),
            holder,
            lease_age_ms: age.map(millis),
            lease_fresh: age.is_some_and(|age| age < self.policy.self_fence),
            // Discord asks for the first heartbeat up to 41 s after a connection; until its ACK the session's own
            // beginning is the proof that Discord hears this bot.
            ack_age_ms: self.vitals.ack_age(now).or(beginning).map(millis),
            loop_lag_ms: millis(self.vitals.loop_lag(now, &self.policy)),
            role: view.role.as_str().to_owned(),
        }
    }

    /// Why this process should be restarted, if it should: the loop is stuck, or it is the holder, connected and deaf.
    /// A Discord that is down is no reason: restarts would spend IDENTIFYs.
    #[must_use]
    pub fn dead(&self) -> Option<&'static str> {
        let (now, view) = (self.clock.now(), self.permit.view());
        if self.vitals.leadership_silent_for(now) > self.policy.renew_every * 3 {
            return Some("loop stuck");
        }
        // A follower owes nobody a connection.
        view.fence?;
        if self.vitals.connected() && self.vitals.proof_age(now) > self.ack_limit() {
            return Some("connected but deaf");
        }
        // Five minutes of the protocol's time.
        let down = self.vitals.down_for(now).is_some_and(|down| down > self.policy.pulse_ack_max * 5);
        down.then_some("not connected for too long")
    }

    /// Why this process is not ready, if it is not.
    #[must_use]
    pub fn unready(&self) -> Option<&'static str> {
        let (now, view) = (self.clock.now(), self.permit.view());
        if !self.store_seen(&view, now) {
            return Some("store not reachable");
        }
        match view.role {
            Role::Follower | Role::Acquiring => None,
            Role::Active if !self.vitals.connected() => Some("gateway not connected"),
            Role::Active if self.vitals.proof_age(now) > self.ack_limit() => Some("heartbeat not acknowledged"),
            Role::Active => None,
            Role::Draining => Some("draining"),
            Role::Fenced => Some("fenced"),
        }
    }

    fn store_seen(&self, view: &View, now: Timestamp) -> bool {
        view.store_seen.is_some_and(|seen| now.since(seen) < self.policy.renew_every * 3)
    }

    /// Two heartbeats and ten seconds; before a connection told its interval, what the pulse allows.
    fn ack_limit(&self) -> Duration {
        let interval = self.vitals.heartbeat_interval();
        interval.map_or(self.policy.pulse_ack_max, |interval| interval * 2 + self.policy.resume_watchdog)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The routes.
pub fn router(facts: Facts) -> Router {
    metrics_page::declare(MEASURES);
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/facts", get(bot_facts))
        .route("/handover", post(handover))
        .with_state(facts)
}

/// Serves the port until `shutdown`.
///
/// # Errors
/// The socket failed.
pub async fn serve(listener: TcpListener, facts: Facts, shutdown: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(facts)).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

fn verdict(against: Option<&'static str>) -> (StatusCode, &'static str) {
    against.map_or((StatusCode::OK, "ok"), |reason| (StatusCode::SERVICE_UNAVAILABLE, reason))
}

async fn livez(State(facts): State<Facts>) -> (StatusCode, &'static str) {
    verdict(facts.dead())
}

async fn readyz(State(facts): State<Facts>) -> (StatusCode, &'static str) {
    verdict(facts.unready())
}

async fn metrics(State(facts): State<Facts>) -> axum::response::Response {
    let now = facts.clock.now();
    let shards = facts.vitals.shards();
    let up = shards.iter().filter(|shard| shard.connected()).count();
    metrics::gauge!("gateway_connected").set(if facts.vitals.connected() { 1.0 } else { 0.0 });
    metrics::gauge!("gateway_shards").set(shards.len() as f64);
    metrics::gauge!("gateway_shards_connected").set(up as f64);
    if let Some(age) = facts.vitals.ack_age(now) {
        metrics::gauge!("gateway_heartbeat_ack_age_seconds").set(age.as_secs_f64());
    }
    if let Some(age) = facts.vitals.frame_age(now) {
        metrics::gauge!("gateway_last_frame_age_seconds").set(age.as_secs_f64());
    }
    if let Some(latency) = facts.vitals.latency() {
        metrics::gauge!("gateway_latency_seconds").set(latency.as_secs_f64());
    }
    metrics::gauge!("loop_lag_seconds").set(facts.vitals.loop_lag(now, &facts.policy).as_secs_f64());
    metrics_page::page().await
}

async fn bot_facts(State(facts): State<Facts>) -> Json<BotFacts> {
    Json(facts.bot_facts())
}

async fn handover(State(facts): State<Facts>, Json(order): Json<Handover>) -> (StatusCode, &'static str) {
    let (begun, answer) = oneshot::channel();
    let sent = facts.signals.send(Signal::Handover { to: order.to, begun });
    match (sent, answer.await) {
        (Ok(()), Ok(true)) => (StatusCode::ACCEPTED, "handing over"),
        (Ok(()), Ok(false)) => (StatusCode::CONFLICT, "this site does not hold the lease, or has it already"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the process is ending"),
    }
}
