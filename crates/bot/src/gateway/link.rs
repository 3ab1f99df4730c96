//! One connection to the gateway, and never a second one.
//!
//! twilight's `Shard` reconnects by itself inside `poll_next` (always after a close that was returned, but also at once
//! when a socket ends without a close frame). A reconnect without a look at the lease must not happen, so a [`Link`]
//! watches the shard's state at every poll and ends for good when the first connection does; the caller opens a new one.

use std::{
    fmt,
    num::NonZeroU32,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use relais_failover::SavedSession;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::Stream as _;
use twilight_gateway::{
    CloseFrame, Config, ConfigBuilder, Intents, Message, Session, ShardId, ShardState,
    error::{ReceiveMessageError, ReceiveMessageErrorType},
    queue::Queue,
};
use twilight_model::gateway::{
    OpCode,
    payload::outgoing::{UpdatePresence, update_presence::UpdatePresencePayload},
};

/// Which one of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// From 0 to `of - 1`.
    pub(super) id: u32,
    pub(super) of: NonZeroU32,
}

impl Shard {
    /// Whether its session travels with the lease.
    pub(super) const fn is_first(self) -> bool {
        self.id == 0
    }

    /// As twilight names it. An id that is no id cannot be made by the fleet; it would be the first shard.
    fn named(self) -> ShardId {
        ShardId::new_checked(self.id, self.of.get()).unwrap_or(ShardId::ONE)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.of)
    }
}

/// What a connection brought.
#[derive(Debug)]
pub(super) enum Frame {
    /// One gateway message, JSON text.
    Text(String),
    /// twilight wants to IDENTIFY and waits for leave.
    Ticket(Ticket),
    /// A message that twilight could not read.
    Undecodable,
    /// The connection is over, with Discord's close code if it gave one.
    Over(Option<u16>, String),
}

/// Asks before every IDENTIFY: sending on the ticket lets it leave.
pub(super) type Ticket = oneshot::Sender<()>;

/// twilight's identify queue: every request becomes a ticket for the caller.
#[derive(Debug, Clone)]
pub(super) struct Tickets(mpsc::UnboundedSender<Ticket>);

impl Queue for Tickets {
    fn enqueue(&self, _shard: u32) -> oneshot::Receiver<()> {
        let (ticket, granted) = oneshot::channel();
        // The link that read tickets may be gone; then nobody waits for this one either.
        let _ = self.0.send(ticket);
        granted
    }
}

/// What is the same for every connection; prepared once, because reading the roots of trust takes milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    config: Config<Tickets>,
}

impl Prepared {
    /// Needs a tokio runtime (twilight's default queue, which is replaced at once, starts a task).
    pub(super) fn new(token: &str, presence: Option<UpdatePresencePayload>) -> Self {
        let (unused, _) = mpsc::unbounded_channel();
        // Interactions need no intent; GUILDS tells the bot where it is.
        let builder = ConfigBuilder::new(token.to_owned(), Intents::GUILDS).queue(Tickets(unused));
        let builder = match presence {
            Some(presence) => builder.presence(presence),
            None => builder,
        };
        Self { config: builder.build() }
    }
}

/// One connection.
pub(super) struct Link {
    of: Shard,
    shard: twilight_gateway::Shard<Tickets>,
    tickets: mpsc::UnboundedReceiver<Ticket>,
    opened: bool,
    over: bool,
}

impl Link {
    /// A connection to `url` (nothing is sent before the first [`Link::next`]): RESUME with a session, else IDENTIFY.
    pub(super) fn new(prepared: &Prepared, of: Shard, url: &str, session: Option<&SavedSession>) -> Self {
        let (sender, tickets) = mpsc::unbounded_channel();
        // twilight uses the resume URL first and falls back to the real Discord when it fails; a link has one URL only.
        let mut builder = ConfigBuilder::from(prepared.config.clone())
            .queue(Tickets(sender))
            .proxy_url(url.trim_end_matches('/').to_owned());
        if let Some(session) = session {
            builder = builder.session(Session::new(session.sequence, session.session_id.clone()));
        }
        let shard = twilight_gateway::Shard::with_config(of.named(), builder.build());
        Self { of, shard, tickets, opened: false, over: false }
    }

    /// The next message or request to IDENTIFY; after [`Frame::Over`] only that again. Safe to drop at any moment.
    pub(super) async fn next(&mut self) -> Frame {
        std::future::poll_fn(|context| {
            if let Poll::Ready(Some(ticket)) = self.tickets.poll_recv(context) {
                return Poll::Ready(Frame::Ticket(ticket));
            }
            self.poll_frame(context)
        })
        .await
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Frame> {
        if self.over {
            return Poll::Ready(Frame::Over(None, "the connection is over".to_owned()));
        }
        let polled = Pin::new(&mut self.shard).poll_next(context);
        let down = matches!(self.shard.state(), ShardState::Disconnected { .. });
        self.opened |= !down;
        let frame = match polled {
            Poll::Ready(Some(Ok(Message::Text(text)))) => Frame::Text(text),
            Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                let code = frame.as_ref().map(|frame| frame.code);
                Frame::Over(code, frame.map_or_else(String::new, |frame| frame.reason.into_owned()))
            }
            // The shard lives on after a message it does not know. Its text is not told: it may carry a token.
            Poll::Ready(Some(Err(error)))
                if matches!(error.kind(), ReceiveMessageErrorType::Deserializing { .. }) && !down =>
            {
                Frame::Undecodable
            }
            Poll::Ready(Some(Err(error))) => Frame::Over(None, describe(error)),
            Poll::Ready(None) => Frame::Over(None, "closed for good".to_owned()),
            // The shard went from this connection to opening the next one without a word.
            Poll::Pending if self.opened && down => Frame::Over(None, "the socket ended without a close".to_owned()),
            Poll::Pending => return Poll::Pending,
        };
        self.over |= matches!(frame, Frame::Over(..));
        Poll::Ready(frame)
    }

    /// Whether the session is up: READY or RESUMED came.
    pub(super) fn is_active(&self) -> bool {
        self.shard.state() == ShardState::Active
    }

    /// The session as twilight knows it, with the last sequence it saw.
    pub(super) fn session(&self) -> Option<SavedSession> {
        self.shard.session().map(|session| SavedSession {
            session_id: session.id().to_owned(),
            sequence: session.sequence(),
            resume_url: self.shard.resume_url().map(str::to_owned),
            shards: self.of.of,
        })
    }

    /// Shows the presence, if one is configured.
    pub(super) fn show_presence(&self, prepared: &Prepared) {
        if let Some(presence) = prepared.config.presence() {
            self.shard.command(&UpdatePresence { d: presence.clone(), op: OpCode::PresenceUpdate });
        }
    }

    /// Mean heartbeat latency of this connection.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.shard.latency().average()
    }

    /// Closes with 4000, which keeps the session resumable, and waits that long for the close to be answered. What comes
    /// meanwhile is not read: it is replayed to whoever resumes.
    pub(super) async fn close(&mut self, within: Duration) {
        self.shard.close(CloseFrame::RESUME);
        self.flush(within).await;
    }

    /// Lets a close frame that twilight queued itself (reconnect, invalid session) leave.
    pub(super) async fn flush(&mut self, within: Duration) {
        let over = async { while !matches!(self.next().await, Frame::Over(..)) {} };
        if timeout(within, over).await.is_err() {
            tracing::debug!("close was not answered");
        }
        self.over = true;
    }
}

fn describe(error: ReceiveMessageError) -> String {
    let mut text = match error.kind() {
        ReceiveMessageErrorType::Deserializing { .. } => "a message could not be decoded".to_owned(),
        _ => error.to_string(),
    };
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
