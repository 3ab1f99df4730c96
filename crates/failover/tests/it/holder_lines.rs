//! Timelines of one site: events in words to exact commands, role, right to act, and the next wake-up.

use std::collections::BTreeMap;

use relais_failover::{
    Board, Command, Event, Holder, Incarnation, LeaseOp, LeaseRecord, Node, Policy, SavedSession, Site, Timestamp,
    Version, WallClock, WriteOutcome,
};

use super::scenarios::{Lines, name, record, request, seconds, session, wish};

pub(crate) struct HolderLines {
    site: Site,
    policy: Policy,
    runs: u128,
    holder: Holder,
    /// The lease as the store has it.
    current: Option<LeaseRecord>,
    read_sent: Timestamp,
    /// The writes of this file: `w1` is the first.
    writes: Vec<(LeaseOp, Timestamp)>,
    written: BTreeMap<String, LeaseRecord>,
    labels: BTreeMap<Version, String>,
    last: u64,
    peer_writes: u128,
}

impl HolderLines {
    pub(crate) fn new(site: Site, policy: &Policy) -> Self {
        Self {
            site,
            policy: policy.clone(),
            runs: 1,
            holder: holder(site, policy, 1, Timestamp::ORIGIN),
            current: None,
            read_sent: Timestamp::ORIGIN,
            writes: Vec::new(),
            written: BTreeMap::new(),
            labels: BTreeMap::new(),
            last: 0,
            peer_writes: 100,
        }
    }

    /// The peer renews and this site reads it, every 5 s since the last line; what it does beside reading.
    fn peer_renews(&mut self, at: u64) -> Vec<String> {
        let mut told = Vec::new();
        for at in (self.last + 5_000..=at).step_by(5_000) {
            let now = Timestamp::from_millis(at);
            self.peer_writes += 1;
            self.current.as_mut().expect("a lease").version = Version::new(0xf000 + self.peer_writes);
            let board = Some(Board { lease: self.current.clone(), ..Board::default() });
            for event in [Event::Wakeup, Event::BoardRead { sent: now, board }] {
                let commands = self.holder.handle(event, now, WallClock(at));
                let words = commands.into_iter().map(|command| self.told(command, now));
                told.extend(words.filter(|word| word != "read").map(|word| format!("{} {word}", seconds(at))));
            }
        }
        told
    }

    fn label(&self, version: Version) -> String {
        let given = || format!("v{}", version.bits().wrapping_sub(0xf000));
        self.labels.get(&version).cloned().unwrap_or_else(given)
    }

    /// The operation called `w2`, or the last one.
    fn write(&self, label: &str) -> (LeaseOp, Timestamp) {
        let found = if label.is_empty() {
            self.writes.last()
        } else {
            self.writes.iter().find(|(op, _)| self.label(op.version()) == label)
        };
        found.cloned().unwrap_or_else(|| panic!("no write {label}"))
    }

    /// The store runs it; a write that has landed before gives what it gave then.
    fn land(&mut self, op: &LeaseOp) -> LeaseRecord {
        let label = self.label(op.version());
        if let Some(record) = self.written.get(&label) {
            return record.clone();
        }
        let record = op.apply(self.current.as_ref().expect("a lease")).unwrap_or_else(|refusal| panic!("{refusal}"));
        self.current = Some(record.clone());
        self.written.insert(label, record.clone());
        record
    }

    fn board(&mut self, words: &str) -> Option<Board> {
        let mut parts = words.split("; ");
        match parts.next().unwrap() {
            "unreadable" => return None,
            "missing" => self.current = None,
            "the same" => {}
            words => self.current = Some(record(words)),
        }
        let mut board = Board { lease: self.current.clone(), ..Board::default() };
        for part in parts {
            if let Some(words) = part.strip_prefix("asked by ") {
                board.handback = Some(request(words));
            } else if let Some(words) = part.strip_prefix("wish ") {
                board.control = wish(words);
            } else {
                panic!("not a part of a board: {part:?}");
            }
        }
        Some(board)
    }

    fn event(&mut self, words: &str, now: Timestamp) -> Event {
        if let Some(words) = words.strip_prefix("read ") {
            return Event::BoardRead { sent: self.read_sent, board: self.board(words) };
        }
        if let Some(label) = words.strip_prefix("written") {
            let (op, sent) = self.write(label.trim());
            let outcome = WriteOutcome::Written(self.land(&op));
            return Event::WriteDone { op, sent, outcome };
        }
        if let Some(label) = words.strip_prefix("lost, but landed") {
            let (op, sent) = self.write(label.trim());
            self.land(&op);
            return Event::WriteDone { op, sent, outcome: WriteOutcome::Unknown };
        }
        if let Some(words) = words.strip_prefix("refused: ") {
            let (op, sent) = self.write("");
            match words {
                "missing" => self.current = None,
                "as it is" => {}
                words => self.current = Some(record(words)),
            }
            return Event::WriteDone { op, sent, outcome: WriteOutcome::Refused(self.current.clone()) };
        }
        if let Some(word) = words.strip_prefix("session ") {
            return Event::SessionMoved(session(word));
        }
        if let Some(site) = words.strip_prefix("hand over to ") {
            return Event::HandoverRequested { to: site.parse().unwrap() };
        }
        if let Some(count) = words.strip_prefix("flips ") {
            return Event::Flips(count.parse().unwrap());
        }
        match words {
            "wake" => Event::Wakeup,
            "lost" => {
                let (op, sent) = self.write("");
                Event::WriteDone { op, sent, outcome: WriteOutcome::Unknown }
            }
            "pulse bad" => Event::Pulse { healthy: false },
            "pulse good" => Event::Pulse { healthy: true },
            "drained" => Event::Drained,
            "stop" => Event::StopRequested,
            "clock jumps" => Event::ClockJumped,
            "restart" => {
                self.runs += 1;
                self.holder = holder(self.site, &self.policy, self.runs, now);
                Event::Wakeup
            }
            other => panic!("not an event: {other:?}"),
        }
    }

    fn told(&mut self, command: Command, now: Timestamp) -> String {
        match command {
            Command::ReadBoard => {
                self.read_sent = now;
                "read".to_owned()
            }
            Command::WriteLease(op) => {
                let next = format!("w{}", self.labels.len() + 1);
                self.labels.entry(op.version()).or_insert(next);
                self.writes.push((op.clone(), now));
                let new = self.label(op.version());
                match &op {
                    LeaseOp::AcquireFree { expected, .. } => format!("acquire free {}=>{new}", self.label(*expected)),
                    LeaseOp::AcquireStale { expected, .. } => format!("acquire stale {}=>{new}", self.label(*expected)),
                    LeaseOp::Renew { expected, session, .. } => {
                        format!("renew {}=>{new}{}", self.label(*expected), saved(session.as_ref()))
                    }
                    LeaseOp::Offer { expected, to, session, .. } => {
                        format!("offer to {to} {}=>{new}{}", self.label(*expected), saved(session.as_ref()))
                    }
                    LeaseOp::Release { expected, session, .. } => {
                        format!("release {}=>{new}{}", self.label(*expected), saved(session.as_ref()))
                    }
                }
            }
            Command::PutHandback(record) => format!("ask, stable {} s", seconds(record.stable_ms)),
            Command::ClearHandback(site) => format!("take back the request of {}", name(site)),
            Command::Activate { fence, session, planned } => {
                let how = if planned { "planned" } else { "unplanned" };
                format!("activate term {}, {how}{}", fence.term, saved(session.as_ref()))
            }
            Command::Drain { within } => format!("drain within {} s", seconds(within.as_millis() as u64)),
            Command::Fence { reason } => format!("FENCE: {reason}"),
            Command::Exit => "exit".to_owned(),
        }
    }
}

impl Lines for HolderLines {
    fn line(&mut self, at: u64, words: &str) -> String {
        let now = Timestamp::from_millis(at);
        let told: Vec<String> = if words == "the peer has renewed" {
            self.peer_renews(at)
        } else {
            let event = self.event(words, now);
            let commands = self.holder.handle(event, now, WallClock(at));
            commands.into_iter().map(|command| self.told(command, now)).collect()
        };
        self.last = at;
        let told = if told.is_empty() { "-".to_owned() } else { told.join("; ") };
        let speaks = if self.holder.may_act(now) { "speaks" } else { "silent" };
        let wake = self.holder.next_wakeup().map_or("never".to_owned(), |at| seconds(at.as_millis()));
        format!("{told} | {} {speaks}, wake {wake}", self.holder.role().as_str())
    }
}

fn holder(site: Site, policy: &Policy, run: u128, now: Timestamp) -> Holder {
    Holder::new(Node { site, incarnation: Incarnation::new(run), preferred: Site::Laptop }, policy, run, now)
}

fn saved(session: Option<&SavedSession>) -> String {
    session.map_or(String::new(), |session| format!(", session {}@{}", session.session_id, session.sequence))
}
