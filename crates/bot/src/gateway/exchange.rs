//! One connection from HELLO to its end.

use std::time::Duration;

use relais_failover::{SavedSession, Timestamp};
use tokio::task::JoinSet;

use super::{
    budget::BudgetError,
    conversation::{Conversation, End, ordered, ticks},
    decode::{Heard, decode},
    identifies::Turn,
    link::{Frame, Link, Ticket},
    session::Progress,
};
use crate::leadership::Signal;

/// Close codes after which the session cannot be resumed: invalid sequence, session timed out (Discord documentation,
/// gateway close event codes).
const SESSION_OVER: [u16; 2] = [4007, 4009];

/// Close code of a bot that is in more servers than its shards may serve.
const SHARDING_REQUIRED: u16 = 4011;

/// Close codes that no new connection cures: wrong token, wrong shard, wrong version, wrong intents.
const FATAL: [u16; 5] = [4004, 4010, 4012, 4013, 4014];

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
    /// Opens a connection to `url` and serves it until it ends. `turn` is this shard's place in line, if it has no session.
    pub(super) async fn converse(&mut self, url: &str, mut turn: Option<Turn>) -> End {
        let session = self.for_myself();
        let mut link = Link::new(&self.common.prepared, self.shard, url, session.as_ref());
        let now = self.now();
        let mut course = Course {
            resumes: session.is_some(),
            greeted: false,
            active_since: None,
            overdue: now + self.policy().resume_watchdog,
            saved: None,
            saved_at: now,
        };
        let mut identifying: JoinSet<(Ticket, Turn, Result<(), BudgetError>)> = JoinSet::new();
        let mut ticks = ticks(self.policy().session_save_every);
        let end = loop {
            tokio::select! {
                biased;
                within = ordered(&mut self.common.drained) => {
                    link.close(within / 2).await;
                    metrics::counter!("gateway_close_total", "code" => "4000", "by" => "us").increment(1);
                    // What is in flight may still be answered; the fleet keeps the session after that.
                    return End::Drained;
                }
                _ = ticks.tick() => {
                    if let Some(end) = self.tick(&mut course, &link) {
                        break end;
                    }
                }
                Some(spent) = identifying.join_next(), if !identifying.is_empty() => {
                    let Ok((ticket, turn, spent)) = spent else { break End::Lost { active: Duration::ZERO } };
                    course.overdue = self.now() + self.policy().resume_watchdog;
                    if let Some(end) = self.identify(ticket, turn, spent) {
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
                        let policy = self.policy();
                        course.overdue = self.now() + policy.identify_spacing + policy.resume_watchdog;
                        let (identifies, place) = (self.common.identifies.clone(), turn.take());
                        let (fence, shard) = (self.common.fence, self.shard);
                        identifying.spawn(async move {
                            let turn = match place {
                                Some(turn) => turn,
                                None => identifies.line_up(shard.id).await,
                            };
                            let spent = identifies.spend(&turn, fence, shard.of).await;
                            (ticket, turn, spent)
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
        self.vitals.turned(now);
        self.vitals.set_latency(link.latency());
        if course.active_since.is_none() && now >= course.overdue {
            return Some(if course.resumes && course.greeted {
                End::Stuck
            } else {
                tracing::warn!(shard = %self.shard, greeted = course.greeted, "gateway did not answer");
                self.judge_address(course);
                End::Lost { active: Duration::ZERO }
            });
        }
        let session = self.for_successor();
        let stale = now.since(course.saved_at) >= self.policy().resume_within / 4;
        if course.active_since.is_some() && session.is_some() && (session != course.saved || stale) {
            course.saved = session;
            course.saved_at = now;
            self.save();
        }
        None
    }

    /// An IDENTIFY was written down, or may not leave.
    fn identify(&self, ticket: Ticket, mut turn: Turn, spent: Result<(), BudgetError>) -> Option<End> {
        let reckless = self.tools().permit.reckless();
        if let Err(error) = spent
            && !reckless
        {
            let end = match &error {
                BudgetError::Spent(_) | BudgetError::NoneLeft => End::Spent,
                BudgetError::Fenced => {
                    let _ = self.tools().signals.send(Signal::Doubt);
                    End::Lost { active: Duration::ZERO }
                }
                BudgetError::Store(_) => End::Lost { active: Duration::ZERO },
            };
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::error!(shard = %self.shard, error, "identify refused");
            return Some(end);
        }
        if !self.tools().permit.may_begin() {
            return Some(End::Lost { active: Duration::ZERO });
        }
        metrics::counter!("gateway_identify_total").increment(1);
        tracing::info!(shard = %self.shard, "identifying");
        turn.leaves(self.now());
        // The shard may be gone; then its end is the next frame.
        let _ = ticket.send(());
        None
    }

    /// One gateway message.
    async fn hear(&mut self, text: &str, link: &mut Link, course: &mut Course) -> Option<End> {
        let now = self.now();
        self.vitals.heard(now);
        match decode(text) {
            Ok(Heard::Interaction { sequence, interaction }) => {
                self.counted(sequence, link, course);
                metrics::counter!("events_total", "type" => "INTERACTION_CREATE").increment(1);
                self.common.desk.take(*interaction, sequence, &self.progress);
            }
            Ok(Heard::Event { sequence }) => {
                self.counted(sequence, link, course);
                metrics::counter!("events_total", "type" => "other").increment(1);
            }
            Ok(Heard::HeartbeatAck) => self.vitals.acknowledged(now),
            Ok(Heard::Hello { heartbeat_interval }) => {
                self.vitals.set_heartbeat_interval(heartbeat_interval);
                course.greeted = true;
                course.overdue = now + self.policy().resume_watchdog;
                self.distrusts_since = None;
                // RESUME leaves at the next poll: the last moment to see that the right to it is over.
                if !self.tools().permit.may_begin() {
                    return Some(End::Lost { active: Duration::ZERO });
                }
            }
            Ok(Heard::Reconnect) => {
                tracing::info!(shard = %self.shard, "discord asks for a new connection");
                link.flush(self.policy().drain / 4).await;
                return Some(End::Lost { active: Duration::ZERO });
            }
            Ok(Heard::Invalid { resumable }) => {
                tracing::warn!(shard = %self.shard, resumable, "session invalid");
                metrics::counter!("gateway_invalid_session_total").increment(1);
                link.flush(self.policy().drain / 4).await;
                return Some(if resumable { End::Lost { active: Duration::ZERO } } else { End::Invalid });
            }
            // twilight answers it.
            Ok(Heard::HeartbeatAsked) => {}
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "gateway message not decodable");
                metrics::counter!("events_undecodable_total").increment(1);
                if let Some(session) = link.session() {
                    self.progress.heard(session.sequence);
                }
            }
        }
        None
    }

    /// An event of the session: the first one says that it is up.
    fn counted(&mut self, sequence: u64, link: &Link, course: &mut Course) {
        if course.active_since.is_none() && link.is_active() {
            self.came_up(sequence, link, course);
        }
        self.progress.heard(sequence);
    }

    /// READY or RESUMED.
    fn came_up(&mut self, sequence: u64, link: &Link, course: &mut Course) {
        let now = self.now();
        course.active_since = Some(now);
        self.vitals.set_connected(true, now);
        if course.resumes {
            metrics::counter!("gateway_resume_total").increment(1);
            tracing::info!(shard = %self.shard, sequence, "resumed");
            // A new session shows it by itself; a resumed one shows what the predecessor wanted.
            link.show_presence(&self.common.prepared);
        } else {
            self.session = link.session();
            self.progress = Progress::from(sequence);
            tracing::info!(shard = %self.shard, sequence, "ready");
        }
        self.progress.heard(sequence);
        self.save();
    }

    /// An address where nobody greets is not trusted until another one was asked for.
    fn judge_address(&mut self, course: &Course) {
        if !course.greeted {
            self.distrusts_since = Some(self.now());
        }
    }

    fn closed(&mut self, code: Option<u16>, reason: &str, course: &Course) -> End {
        let label = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        metrics::counter!("gateway_close_total", "code" => label, "by" => "discord").increment(1);
        tracing::warn!(shard = %self.shard, code, reason, "gateway connection over");
        self.judge_address(course);
        match code {
            Some(SHARDING_REQUIRED) => End::TooFewShards,
            Some(code) if SESSION_OVER.contains(&code) => End::Invalid,
            Some(code) if FATAL.contains(&code) => {
                tracing::error!(code, "discord refuses this bot");
                End::Spent
            }
            Some(_) | None => End::Lost { active: Duration::ZERO },
        }
    }
}
