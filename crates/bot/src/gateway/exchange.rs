//! One connection from HELLO to its end.

use std::time::Duration;

use relais_failover::{SavedSession, Timestamp};
use serenity::model::event::{Event, GatewayEvent};
use tokio::task::JoinSet;

use super::{
    budget::{self, BudgetError},
    conversation::{Conversation, End, ordered, ticks},
    link::{Frame, Link, Ticket},
    session::Progress,
};
use crate::leadership::Signal;

/// Close codes after which the session cannot be resumed: invalid sequence, session timed out (Discord documentation,
/// gateway close event codes).
const SESSION_OVER: [u16; 2] = [4007, 4009];

/// Close codes that no new connection cures: wrong token, wrong shard, wrong intents.
const FATAL: [u16; 6] = [4004, 4010, 4011, 4012, 4013, 4014];

/// What is known of the running connection.
struct Course {
    /// It began with a session.
    resumes: bool,
    /// HELLO came.
    greeted: bool,
    active_since: Option<Timestamp>,
    /// When HELLO, or then READY or RESUMED, is overdue.
    overdue: Timestamp,
    saved: Option<SavedSession>,
    saved_at: Timestamp,
}

impl Conversation {
    /// Opens a connection to `url` and serves it until it ends.
    pub(super) async fn converse(&mut self, url: &str) -> End {
        let session = self.for_myself();
        let mut link = Link::new(&self.prepared, url, session.as_ref());
        let now = self.now();
        let mut course = Course {
            resumes: session.is_some(),
            greeted: false,
            active_since: None,
            overdue: now + self.tools.policy.resume_watchdog,
            saved: None,
            saved_at: now,
        };
        let mut identifying: JoinSet<(Ticket, Result<(), BudgetError>)> = JoinSet::new();
        let mut ticks = ticks(self.tools.policy.session_save_every);
        let end = loop {
            tokio::select! {
                biased;
                within = ordered(&mut self.drained) => {
                    tokio::join!(link.close(within / 2), self.desk.drain(within));
                    self.tools.vitals.set_connected(false, self.now());
                    metrics::counter!("gateway_close_total", "code" => "4000", "by" => "us").increment(1);
                    self.take_leave();
                    return End::Drained;
                }
                _ = ticks.tick() => {
                    if let Some(end) = self.tick(&mut course, &link) {
                        break end;
                    }
                }
                Some(spent) = identifying.join_next(), if !identifying.is_empty() => {
                    let Ok((ticket, spent)) = spent else { break End::Lost { active: Duration::ZERO } };
                    if let Some(end) = self.identify(ticket, spent) {
                        break end;
                    }
                }
                frame = link.next() => match frame {
                    Frame::Text(text) => {
                        if let Some(end) = self.hear(&text, &mut link, &mut course).await {
                            break end;
                        }
                    }
                    Frame::Ticket(ticket) => {
                        let tools = self.tools.clone();
                        let fence = self.fence;
                        identifying.spawn(async move {
                            (ticket, budget::spend(tools.store, tools.clock, tools.policy, fence).await)
                        });
                    }
                    Frame::Undecodable => metrics::counter!("events_undecodable_total").increment(1),
                    Frame::Over(code, reason) => break self.closed(code, &reason, &course),
                },
            }
        };
        // After every close: what was handled until now is what the successor shall not hear again.
        self.save();
        match end {
            End::Lost { .. } => End::Lost { active: self.active_for(&course) },
            other => other,
        }
    }

    fn active_for(&self, course: &Course) -> Duration {
        course.active_since.map_or(Duration::ZERO, |since| self.now().since(since))
    }

    fn tick(&mut self, course: &mut Course, link: &Link) -> Option<End> {
        let now = self.now();
        self.tools.vitals.gateway_turned(now);
        self.tools.vitals.set_latency(link.latency());
        if course.active_since.is_none() && now >= course.overdue {
            return Some(if course.resumes && course.greeted {
                End::Stuck
            } else {
                tracing::warn!(greeted = course.greeted, "gateway did not answer");
                self.distrusts_url |= !course.greeted;
                End::Lost { active: Duration::ZERO }
            });
        }
        let session = self.for_successor();
        let stale = now.since(course.saved_at) >= self.tools.policy.resume_within / 4;
        if course.active_since.is_some() && session.is_some() && (session != course.saved || stale) {
            course.saved = session;
            course.saved_at = now;
            self.save();
        }
        None
    }

    /// An IDENTIFY was written down, or may not leave.
    fn identify(&self, ticket: Ticket, spent: Result<(), BudgetError>) -> Option<End> {
        let reckless = self.tools.permit.reckless();
        if let Err(error) = spent
            && !reckless
        {
            let end = match &error {
                BudgetError::Spent(_) => End::Spent,
                BudgetError::Fenced => {
                    let _ = self.tools.signals.send(Signal::Doubt);
                    End::Lost { active: Duration::ZERO }
                }
                BudgetError::Store(_) => End::Lost { active: Duration::ZERO },
            };
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "identify refused");
            return Some(end);
        }
        if !self.tools.permit.may_begin() {
            return Some(End::Lost { active: Duration::ZERO });
        }
        metrics::counter!("gateway_identify_total").increment(1);
        tracing::info!("identifying");
        // The shard may be gone; then its end is the next frame.
        let _ = ticket.send(());
        None
    }

    /// One gateway message.
    async fn hear(&mut self, text: &str, link: &mut Link, course: &mut Course) -> Option<End> {
        let now = self.now();
        self.tools.vitals.heard(now);
        match serde_json::from_str::<GatewayEvent>(text) {
            Ok(GatewayEvent::Dispatch(sequence, event)) => self.dispatch(sequence, event, link, course),
            Ok(GatewayEvent::HeartbeatAck) => self.tools.vitals.acknowledged(now),
            Ok(GatewayEvent::Hello(interval)) => {
                self.tools.vitals.set_heartbeat_interval(interval);
                course.greeted = true;
                course.overdue = now + self.tools.policy.resume_watchdog;
                self.distrusts_url = false;
                // RESUME leaves at the next poll: the last moment to see that the right to it is over.
                if !self.tools.permit.may_begin() {
                    return Some(End::Lost { active: Duration::ZERO });
                }
            }
            Ok(GatewayEvent::Reconnect) => {
                tracing::info!("discord asks for a new connection");
                link.flush(self.tools.policy.drain / 4).await;
                return Some(End::Lost { active: Duration::ZERO });
            }
            Ok(GatewayEvent::InvalidateSession(resumable)) => {
                tracing::warn!(resumable, "session invalid");
                metrics::counter!("gateway_invalid_session_total").increment(1);
                link.flush(self.tools.policy.drain / 4).await;
                return Some(if resumable { End::Lost { active: Duration::ZERO } } else { End::Invalid });
            }
            // A heartbeat asked for: twilight answers it.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "gateway message not decodable");
                metrics::counter!("events_undecodable_total").increment(1);
                if let Some(session) = link.session() {
                    self.progress.heard(session.sequence);
                }
            }
        }
        None
    }

    fn dispatch(&mut self, sequence: u64, event: Event, link: &Link, course: &mut Course) {
        if course.active_since.is_none() && link.is_active() {
            self.came_up(sequence, link, course);
        }
        self.progress.heard(sequence);
        match event {
            Event::InteractionCreate(created) => {
                metrics::counter!("events_total", "type" => "INTERACTION_CREATE").increment(1);
                self.desk.take(created.interaction, sequence, &self.progress);
            }
            // serenity swallows what it cannot decode: count the kinds that would have been handled.
            Event::Unknown(unknown) if unknown.kind == "INTERACTION_CREATE" => {
                tracing::error!("interaction not decodable");
                metrics::counter!("events_undecodable_total").increment(1);
            }
            _ => metrics::counter!("events_total", "type" => "other").increment(1),
        }
    }

    /// READY or RESUMED.
    fn came_up(&mut self, sequence: u64, link: &Link, course: &mut Course) {
        let now = self.now();
        course.active_since = Some(now);
        self.tools.vitals.set_connected(true, now);
        if course.resumes {
            metrics::counter!("gateway_resume_total").increment(1);
            tracing::info!(sequence, "resumed");
        } else {
            self.session = link.session();
            self.progress = Progress::from(sequence);
            tracing::info!(sequence, "ready");
        }
        self.progress.heard(sequence);
        self.save();
    }

    fn closed(&mut self, code: Option<u16>, reason: &str, course: &Course) -> End {
        let label = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        metrics::counter!("gateway_close_total", "code" => label, "by" => "discord").increment(1);
        tracing::warn!(code, reason, "gateway connection over");
        self.distrusts_url |= !course.greeted;
        match code {
            Some(code) if SESSION_OVER.contains(&code) => End::Invalid,
            Some(code) if FATAL.contains(&code) => {
                tracing::error!(code, "discord refuses this bot");
                End::Spent
            }
            Some(_) | None => End::Lost { active: Duration::ZERO },
        }
    }
}
