//! What a scene can make Discord do wrong.

use std::{collections::VecDeque, time::Duration};

use super::{
    SmallDiscord,
    gateway::{Out, Session, Socket},
    log::Kind,
    state::State,
};

/// Faults waiting for the next request or payload they fit.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    stuck_resumes: usize,
    invalid_sessions: VecDeque<bool>,
    refusals: Vec<ScriptedRefusal>,
}

/// The next requests to one route that are refused.
#[derive(Debug, Clone)]
struct ScriptedRefusal {
    route: String,
    left: usize,
    how: Scripted,
}

/// How a script refuses a request.
#[derive(Debug, Clone)]
pub(super) enum Scripted {
    /// 429.
    RateLimit { retry_after: Duration },
    /// Any other error.
    Error { status: u16, code: u32, message: String },
}

impl Scripts {
    pub(super) fn take_stuck_resume(&mut self) -> bool {
        let stuck = self.stuck_resumes > 0;
        self.stuck_resumes = self.stuck_resumes.saturating_sub(1);
        stuck
    }

    pub(super) fn take_invalid_session(&mut self) -> Option<bool> {
        self.invalid_sessions.pop_front()
    }

    /// The refusal waiting for this operation (`post /channels/{channel_id}/messages`), if any.
    pub(super) fn take_refusal(&mut self, operation: &str) -> Option<Scripted> {
        let fits = |waiting: &&mut ScriptedRefusal| waiting.route == "*" || waiting.route == operation;
        let waiting = self.refusals.iter_mut().filter(|waiting| waiting.left > 0).find(fits)?;
        waiting.left -= 1;
        let how = waiting.how.clone();
        self.refusals.retain(|waiting| waiting.left > 0);
        Some(how)
    }
}

impl State {
    fn of_source(&self, tag: &str) -> impl Iterator<Item = &Socket> {
        self.sockets.values().filter(move |socket| &*socket.source == tag)
    }
}

impl SmallDiscord {
    /// Drops every gateway socket of a source without a word; its sessions can be resumed. Returns how many.
    pub fn drop_all_sockets(&self, tag: &str) -> usize {
        self.each_socket(tag, |socket| socket.tell(Out::Drop))
    }

    /// Makes the source's open gateway sockets zombies (`on`): they stay open, but no ACK and no event comes, and nothing
    /// they send arrives. Sockets opened later are well. Off delivers what was held back. Returns how many.
    pub fn zombie(&self, tag: &str, on: bool) -> usize {
        self.each_socket(tag, |socket| socket.set_zombie(on))
    }

    /// Asks the source's sockets to reconnect (op 7). Returns how many.
    pub fn reconnect_request(&self, tag: &str) -> usize {
        self.each_socket(tag, |socket| socket.tell(Out::Payload(r#"{"t":null,"s":null,"op":7,"d":null}"#.into())))
    }

    /// Asks the source's sockets for a heartbeat at once (op 1). Returns how many.
    pub fn heartbeat_request(&self, tag: &str) -> usize {
        self.each_socket(tag, |socket| socket.tell(Out::Payload(r#"{"t":null,"s":null,"op":1,"d":null}"#.into())))
    }

    /// Closes every socket of every source with this code. Returns how many.
    pub fn close_all(&self, code: u16) -> usize {
        let state = self.shared.state();
        state.sockets.values().for_each(|socket| socket.tell(Out::Close(code, "closed by the scene")));
        state.sockets.len()
    }

    /// The bot is in so many servers now that it needs this many shards: it is told so by 4011, and its sessions of fewer
    /// shards are over. Returns how many.
    pub fn require_shards(&self, shards: u32) -> usize {
        let mut state = self.shared.state();
        (state.shards.recommended, state.shards.least) = (shards, shards);
        let few: Vec<String> =
            state.sessions.iter().filter(|(_, session)| session.shard.of < shards).map(|(id, _)| id.clone()).collect();
        for id in &few {
            let Some(session) = state.sessions.get(id) else { continue };
            for socket in session.sockets.iter().filter_map(|socket| state.sockets.get(socket)) {
                socket.tell(Out::Close(4011, "sharding required"));
            }
        }
        few.len()
    }

    /// Kills one shard's sessions, as Discord does when it moves a server's data: open sockets are told "invalid session".
    pub fn invalidate_shard(&self, shard: u32) -> usize {
        self.invalidate_where(|session| session.shard.id == shard)
    }

    /// Kills every session at once, as Discord does in an outage: open sockets are told "invalid session".
    pub fn invalidate_all_sessions(&self) -> usize {
        self.invalidate_where(|_| true)
    }

    fn invalidate_where(&self, which: impl Fn(&Session) -> bool) -> usize {
        let mut state = self.shared.state();
        let chosen = state.sessions.iter().filter(|(_, session)| which(session));
        let sessions: Vec<String> = chosen.map(|(id, _)| id.clone()).collect();
        for session in &sessions {
            state.invalidate(session);
            self.shared.note_own(Kind::SessionGone { session: session.clone() });
        }
        sessions.len()
    }

    /// The next `n` RESUMEs never get an answer; their heartbeats do.
    pub fn stuck_resume(&self, n: usize) {
        self.shared.state().scripts.stuck_resumes += n;
    }

    /// The next IDENTIFY or RESUME is answered by op 9 with this flag. Calls queue up.
    pub fn invalid_session_next(&self, resumable: bool) {
        self.shared.state().scripts.invalid_sessions.push_back(resumable);
    }

    /// The next `n` requests of this operation (`post /channels/{channel_id}/messages`, or `*` for any) get 429 with this
    /// wait, unpaced.
    pub fn next_429(&self, route: &str, n: usize, retry_after: Duration) {
        self.refuse(route, n, Scripted::RateLimit { retry_after });
    }

    /// The next `n` requests of this operation are refused with this status and Discord error code (50013, 500 ...).
    pub fn next_error(&self, route: &str, n: usize, status: u16, code: u32, message: &str) {
        self.refuse(route, n, Scripted::Error { status, code, message: message.to_owned() });
    }

    fn refuse(&self, route: &str, left: usize, how: Scripted) {
        self.shared.state().scripts.refusals.push(ScriptedRefusal { route: route.to_owned(), left, how });
    }

    fn each_socket(&self, tag: &str, act: impl Fn(&Socket)) -> usize {
        let state = self.shared.state();
        state.of_source(tag).inspect(|socket| act(socket)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_fits_its_route_and_runs_out() {
        let mut scripts = Scripts::default();
        let how = Scripted::RateLimit { retry_after: Duration::from_secs(1) };
        scripts.refusals.push(ScriptedRefusal { route: "get /gateway".into(), left: 2, how });
        assert!(scripts.take_refusal("get /users/@me").is_none());
        assert!(scripts.take_refusal("get /gateway").is_some());
        assert!(scripts.take_refusal("get /gateway").is_some());
        assert!(scripts.take_refusal("get /gateway").is_none());
    }

    #[test]
    fn stuck_resumes_are_counted_down() {
        let mut scripts = Scripts { stuck_resumes: 1, ..Scripts::default() };
        assert!(scripts.take_stuck_resume());
        assert!(!scripts.take_stuck_resume());
    }
}
