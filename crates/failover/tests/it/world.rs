//! A small world around the core, in simulated true time: two sites with clocks of their own, a store that is slow,
//! forgetful and ambiguous, a Discord, users, a watchdog and an EC2. Its options break it on purpose.

mod process;
mod services;
mod store;

use std::collections::BTreeMap;

use relais_failover::damping::flips;
use relais_failover::{
    ControlMode, ControlRecord, Event, EventRecord, Holder, Incarnation, Node, Policy, Site, Timestamp, WallClock,
};

pub(crate) use process::{Belief, Process};
use services::{Discord, Standby};
use store::{Reply, Store};

/// True time, ms.
pub(crate) type Millis = u64;

/// How the world is broken on purpose. The default is the sound design.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Design {
    /// The sites' clocks stand still during a suspend, and nobody tells.
    pub(crate) monotonic: bool,
    /// State writes are not checked against the lease.
    pub(crate) no_fence: bool,
    /// The lease may be used until the very ttl.
    pub(crate) zero_margin: bool,
    /// What makes a process believe that it may speak.
    pub(crate) belief: Belief,
    /// An offer writes the peer's name into the record.
    pub(crate) direct_transfer: bool,
    /// Messages carry no nonce.
    pub(crate) no_nonce: bool,
}

/// Something that goes wrong, or that people do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    Kill(Site),
    Twin(Site),
    Suspend(Site, Millis),
    Pause(Site, Millis),
    StoreCut(Site, Millis),
    AnswersLost(Site, Millis),
    Slow(Site, Millis),
    Sick(Site, Millis),
    PublicPathCut(Millis),
    Stop(Site),
    HandOver(Site),
    Wish(ControlMode, Millis),
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Clock rates, millionths.
    pub(crate) rates: [u64; 2],
    pub(crate) troubles: Vec<(Millis, Trouble)>,
    /// The laptop dies for good at the end of the troubles.
    pub(crate) laptop_dies: bool,
}

/// Until when troubles happen, and until when a run lasts.
pub(crate) const QUIET_FROM: Millis = 200_000;
pub(crate) const END: Millis = 620_000;

/// What can wait in the queue.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Trouble(Trouble),
    Boot(Site),
    Wake(usize, u64),
    Awake(Site, bool),
    Tell(usize, Event),
    /// A request reaches the store; the reply goes to the process, unless it is lost.
    Arrive(usize, store::Request, Option<Millis>),
    Answer(usize, Reply),
    Act(usize),
    Message(usize, u64),
    Look,
    PowerStep,
}

/// A machine: its clock and its links.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    rate: u64,
    /// Time the local clock did not count.
    uncounted: Millis,
    asleep_until: Millis,
    cut_until: Millis,
    forgetful_until: Millis,
    slow_until: Millis,
    sick_until: Millis,
}

/// The world.
pub(crate) struct World {
    pub(crate) design: Design,
    pub(crate) policy: Policy,
    now: Millis,
    order: u64,
    queue: BTreeMap<(Millis, u64), Happening>,
    dice: u64,
    machines: [Machine; 2],
    pub(crate) processes: Vec<Process>,
    pub(crate) store: Store,
    discord: Discord,
    standby: Standby,
    history: Vec<EventRecord>,
    laptop_gone: bool,
    path_cut_until: Millis,
    dies: bool,
    /// Broken laws, by name.
    pub(crate) broken: Vec<String>,
    pub(crate) speakers_seen: u64,
}

const fn index(site: Site) -> usize {
    match site {
        Site::Laptop => 0,
        Site::Cloud => 1,
    }
}

/// The protocol with shorter waits where they would only make runs long: hand-back, minimum run, recycling.
fn brisk(design: Design) -> Policy {
    let mut json: serde_json::Value = serde_json::from_str(relais_failover::policy::EMBEDDED).unwrap();
    for (key, value) in [
        ("handback_after_ms", 20_000),
        ("handback_cap_ms", 40_000),
        ("park_ms", 60_000),
        ("flip_window_ms", 120_000),
        ("min_cloud_run_ms", 60_000),
        ("recycle_after_ms", 60_000),
        ("recycle_every_ms", 120_000),
        ("degraded_grace_ms", 20_000),
        ("free_grace_ms", 20_000),
    ] {
        json[key] = value.into();
    }
    let mut policy = Policy::from_json(&json.to_string()).unwrap();
    if design.zero_margin {
        policy.self_fence = policy.ttl;
        policy.renew_deadline = policy.ttl;
        policy.effect_timeout = core::time::Duration::from_millis(1);
    }
    policy
}

impl World {
    /// Runs the whole plan and returns the world at its end.
    pub(crate) fn run(plan: &Plan, design: Design) -> Self {
        let policy = brisk(design);
        let machine = |at: usize| Machine { rate: plan.rates[at], ..Machine::default() };
        let mut world = Self {
            design,
            now: 1_000,
            // Lower numbers come before all else of their moment: what a machine sees first when it wakes.
            order: 1_000,
            queue: BTreeMap::new(),
            dice: plan.seed,
            machines: [machine(0), machine(1)],
            processes: Vec::new(),
            store: Store::new(&policy),
            discord: Discord::default(),
            standby: Standby::new(),
            history: Vec::new(),
            laptop_gone: false,
            path_cut_until: 0,
            dies: plan.laptop_dies,
            broken: Vec::new(),
            speakers_seen: 0,
            policy,
        };
        world.after(0, Happening::Boot(Site::Laptop));
        world.after(100, Happening::Look);
        for (at, trouble) in &plan.troubles {
            world.after(*at, Happening::Trouble(*trouble));
        }
        while let Some(((at, _), happening)) = world.queue.pop_first() {
            if at > END || !world.broken.is_empty() {
                break;
            }
            world.now = at;
            if world.dies && at >= QUIET_FROM && !world.laptop_gone {
                world.laptop_gone = true;
                world.kill(Site::Laptop);
            }
            world.happen(happening);
            world.judge_speakers();
        }
        if world.broken.is_empty() {
            world.judge_end();
        }
        world
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn after(&mut self, wait: Millis, happening: Happening) {
        self.order += 1;
        self.queue.insert((self.now + wait, self.order), happening);
    }

    fn wall(&self) -> WallClock {
        WallClock(1_700_000_000_000 + self.now)
    }

    /// The site's own clock.
    pub(crate) fn local(&self, site: Site) -> Timestamp {
        let machine = &self.machines[index(site)];
        let counted = self.now.saturating_sub(machine.uncounted);
        Timestamp::from_millis((index(site) as u64 + 1) * 1_000_000 + counted * machine.rate / 1_000_000)
    }

    /// True time from now until the site's clock shows `at`.
    fn until(&self, site: Site, at: Timestamp) -> Millis {
        let local = at.since(self.local(site)).as_millis() as u64;
        (local * 1_000_000).div_ceil(self.machines[index(site)].rate) + u64::from(local > 0)
    }

    fn asleep(&self, site: Site) -> bool {
        self.machines[index(site)].asleep_until > self.now
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Trouble(trouble) => self.trouble(trouble),
            Happening::Boot(site) => self.boot(site),
            Happening::Wake(who, round) => {
                if self.processes[who].round == round {
                    self.tell(who, Event::Wakeup);
                }
            }
            Happening::Awake(site, paused) => {
                for who in self.alive(site) {
                    // A pause that no clock counts is told first; a suspend is seen by the clock itself.
                    self.tell(who, if paused { Event::ClockJumped } else { Event::Wakeup });
                }
            }
            Happening::Tell(who, event) => self.tell(who, event),
            Happening::Arrive(who, request, back) => self.arrive(who, request, back),
            Happening::Answer(who, reply) => self.answered(who, reply),
            Happening::Act(who) => self.act(who),
            Happening::Message(who, entry) => self.message(who, entry),
            Happening::Look => self.look(),
            Happening::PowerStep => self.power_step(),
        }
    }

    fn boot(&mut self, site: Site) {
        let off = match site {
            Site::Laptop => self.laptop_gone,
            Site::Cloud => !self.standby.is_running(),
        };
        if off {
            return;
        }
        let who = self.processes.len();
        let incarnation = Incarnation::new(0x100 + who as u128);
        let node = Node { site, incarnation, preferred: self.policy.preferred };
        let seed = u128::from(self.roll(u64::MAX)) << 64 | u128::from(self.roll(u64::MAX));
        let holder = Holder::new(node, &self.policy, seed, self.local(site));
        self.processes.push(Process::new(site, incarnation, holder));
        let flips = flips(&self.history, self.wall(), &self.policy);
        self.tell(who, Event::Flips(flips));
    }

    fn kill(&mut self, site: Site) {
        for process in self.processes.iter_mut().filter(|process| process.site == site) {
            process.alive = false;
        }
    }

    fn alive(&self, site: Site) -> Vec<usize> {
        (0..self.processes.len())
            .filter(|who| self.processes[*who].alive && self.processes[*who].site == site)
            .collect()
    }

    fn trouble(&mut self, trouble: Trouble) {
        let now = self.now;
        match trouble {
            Trouble::Kill(site) => {
                self.kill(site);
                let wait = 1_000 + self.roll(60_000);
                self.after(wait, Happening::Boot(site));
            }
            Trouble::Twin(site) => self.after(0, Happening::Boot(site)),
            Trouble::Suspend(site, span) | Trouble::Pause(site, span) => {
                let pause = matches!(trouble, Trouble::Pause(..));
                if self.asleep(site) {
                    return;
                }
                let machine = &mut self.machines[index(site)];
                machine.asleep_until = now + span;
                if pause || self.design.monotonic {
                    machine.uncounted += span;
                }
                let bell = index(site) as u64;
                self.queue.insert((now + span, bell), Happening::Awake(site, pause));
            }
            Trouble::StoreCut(site, span) => self.machines[index(site)].cut_until = now + span,
            Trouble::AnswersLost(site, span) => self.machines[index(site)].forgetful_until = now + span,
            Trouble::Slow(site, span) => self.machines[index(site)].slow_until = now + span,
            Trouble::Sick(site, span) => {
                self.machines[index(site)].sick_until = now + span;
                for who in self.alive(site) {
                    self.after(0, Happening::Tell(who, Event::Pulse { healthy: false }));
                    self.after(span, Happening::Tell(who, Event::Pulse { healthy: true }));
                }
            }
            Trouble::PublicPathCut(span) => self.path_cut_until = now + span,
            Trouble::Stop(site) => {
                for who in self.alive(site) {
                    self.after(0, Happening::Tell(who, Event::StopRequested));
                }
            }
            Trouble::HandOver(site) => {
                for who in self.alive(site) {
                    self.after(0, Happening::Tell(who, Event::HandoverRequested { to: site.other() }));
                }
            }
            Trouble::Wish(mode, span) => {
                let until = WallClock(self.wall().0 + span);
                self.store.control = Some(ControlRecord { schema: 1, mode, until, reason: String::new(), by: None });
            }
        }
    }

    pub(crate) fn break_law(&mut self, law: &str, why: &str) {
        self.broken.push(format!("{law} at {} ms: {why}", self.now));
    }

    /// S3 and S4 at this instant. Who speaks changes only when something happens, so every overlap is seen.
    fn judge_speakers(&mut self) {
        let mut speakers: Vec<usize> = Vec::new();
        for who in 0..self.processes.len() {
            if self.may_act(who) {
                speakers.push(who);
            }
        }
        self.speakers_seen += u64::from(!speakers.is_empty());
        if speakers.len() > 1 {
            let names: Vec<String> = speakers.iter().map(|who| self.processes[*who].name()).collect();
            self.break_law("S3 SingleSpeaker", &names.join(" and "));
        }
        for who in speakers {
            let process = &self.processes[who];
            let term = process.term();
            if term.is_none_or(|term| !process.acknowledged.contains(&term)) {
                let why = format!("{} speaks under {term:?} without an acknowledged write", process.name());
                self.break_law("S4 NoActFromRead", &why);
            }
            let incarnation = self.processes[who].incarnation;
            if let Some(term) = term
                && *self.store.named.entry(term).or_insert(incarnation) != incarnation
            {
                self.break_law("S2 TermUnique", &format!("term {term} names two incarnations"));
            }
        }
    }
}
