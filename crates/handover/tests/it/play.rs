//! An agent whose time and whose news a test decides.

use std::time::Duration;

use relais_failover::{
    Board, Claim, ControlMode, ControlRecord, Incarnation, LeaseRecord, Policy, Site, Timestamp, Version, WallClock,
};
use relais_handover::{Agent, Cause, Command, Event, Outcome, Phase, Terms, Told, Written};

pub(crate) const WALL: u64 = 1_790_000_000_000;

pub(crate) struct Play {
    pub(crate) agent: Agent,
    pub(crate) now: Timestamp,
    /// REALTIME is ahead of where BOOTTIME says it is by this, ms.
    pub(crate) stepped: u64,
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Play {
    /// Awake, with the locks held, nothing of ours left in the record.
    pub(crate) fn awake() -> Self {
        Self::with(Policy::embedded(), ms(90_000))
    }

    /// The same where logind waits for `patience`.
    pub(crate) fn with(policy: Policy, patience: Duration) -> Self {
        let mut play = Self::started(policy, None);
        let locked = play.feed(Event::Locked { held: true, limit: Some(patience) });
        assert_eq!(locked, [Command::ReadBoard]);
        play.reads(board(there(), None));
        play.pass(6_000);
        assert_eq!(play.feed(Event::Wakeup), [Command::ReadBoard]);
        assert_eq!(play.reads(board(there(), None)), []);
        assert_eq!(play.agent.next_wakeup(), None);
        play
    }

    pub(crate) fn started(policy: Policy, preparing: Option<Cause>) -> Self {
        let now = Timestamp::from_millis(50_000);
        let agent = Agent::new(Terms { site: Site::Laptop, policy }, preparing, now);
        Self { agent, now, stepped: 0 }
    }

    /// The machine wants to go and the board says this.
    pub(crate) fn announced(&mut self, cause: Cause, board: Board) -> Vec<Command> {
        assert_eq!(self.feed(Event::Announced(cause)), [Command::AskBot, Command::ReadBoard]);
        assert_eq!(self.feed(Event::BotSaid(Some(true))), []);
        self.reads(board)
    }

    pub(crate) fn wall(&self) -> WallClock {
        WallClock(WALL + self.now.as_millis() + self.stepped)
    }

    pub(crate) fn feed(&mut self, event: Event) -> Vec<Command> {
        self.agent.handle(event, self.now, self.wall())
    }

    /// A read that was sent now ends now.
    pub(crate) fn reads(&mut self, board: Board) -> Vec<Command> {
        self.feed(Event::BoardRead { sent: self.now, board: Some(Box::new(board)) })
    }

    pub(crate) fn cannot_read(&mut self) -> Vec<Command> {
        self.feed(Event::BoardRead { sent: self.now, board: None })
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now = self.now + ms(millis);
    }

    /// Time passes, the agent is woken when it asked to be, each of its reads shows `board` with a lease that is renewed as
    /// it should be, and writes and orders hang. Answers what it commanded beside reads, and when it did.
    pub(crate) fn hang(&mut self, millis: u64, board: &Board) -> Vec<(u64, Command)> {
        let (began, end) = (self.now, self.now + ms(millis));
        let (mut said, mut renewed) = (Vec::new(), board.clone());
        let mut woken = 0;
        while let Some(at) = self.agent.next_wakeup().filter(|at| *at <= end) {
            woken += 1;
            assert!(woken < 1_000, "woken again and again for nothing: {said:?}");
            self.now = self.now.max(at);
            let age = self.now.since(began).as_millis();
            if let Some(lease) = &mut renewed.lease {
                lease.version = Version::new(age / 5_000);
            }
            let mut commands = self.feed(Event::Wakeup);
            while commands.contains(&Command::ReadBoard) {
                commands.retain(|command| *command != Command::ReadBoard);
                commands.extend(self.reads(renewed.clone()));
            }
            said.extend(commands.into_iter().map(|command| (age as u64, command)));
        }
        self.now = end;
        said
    }

    pub(crate) fn writes(&mut self, written: Written) -> Vec<Command> {
        self.feed(Event::ControlWritten(written))
    }

    pub(crate) fn told(&mut self, told: Told) -> Vec<Command> {
        self.feed(Event::Told(told))
    }

    pub(crate) fn phase(&self) -> Phase {
        self.agent.phase()
    }

    /// How the hand-over ended after so many milliseconds, with the locks dropped.
    #[track_caller]
    pub(crate) fn ended(&self, commands: &[Command], cause: Cause, outcome: Outcome, took: u64) {
        assert_eq!(commands, [Command::Ended { cause, outcome, took: ms(took) }, Command::DropLocks]);
        assert_eq!((self.phase(), self.agent.is_locked()), (Phase::Asleep, false));
    }

    /// The override of ours that is written now for that cause.
    pub(crate) fn ours(&self, cause: Cause) -> ControlRecord {
        relais_handover::wish::made(cause, self.wall(), ms(90_000 + 180_000))
    }

    /// The order to write it, in place of `expected`.
    pub(crate) fn wish(&self, cause: Cause, expected: Option<ControlRecord>) -> Command {
        Command::PutControl { record: self.ours(cause), expected }
    }
}

fn lease(holder: Option<Site>, offer: Option<Site>) -> Option<LeaseRecord> {
    let mut record = LeaseRecord::initial(Version::new(77), ms(30_000), WallClock(WALL));
    record.holder = holder.map(|site| Claim { site, incarnation: Incarnation::new(5) });
    record.offer = offer;
    Some(record)
}

pub(crate) fn here() -> Option<LeaseRecord> {
    lease(Some(Site::Laptop), None)
}

pub(crate) fn there() -> Option<LeaseRecord> {
    lease(Some(Site::Cloud), None)
}

pub(crate) fn offered(to: Site) -> Option<LeaseRecord> {
    lease(None, Some(to))
}

pub(crate) fn free() -> Option<LeaseRecord> {
    lease(None, None)
}

pub(crate) fn board(lease: Option<LeaseRecord>, control: Option<ControlRecord>) -> Board {
    Board { lease, handback: None, control }
}

/// What an operator asks for, for ever.
pub(crate) fn operator(mode: ControlMode) -> ControlRecord {
    ControlRecord { schema: 1, mode, until: WallClock(u64::MAX), reason: "I said so".to_owned(), by: Some(9) }
}
