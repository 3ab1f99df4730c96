//! How many decisions a second: the watchdog's two stages over every sighting, and the holder's round of a renewal.
#![expect(clippy::panic, reason = "a benchmark may fail loudly")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use relais_failover::act::{Budget, InstanceState, plan};
use relais_failover::decide::desired;
use relais_failover::sighting::{History, LeaseSight, ProbeSight, Sighting};
use relais_failover::{
    Board, Command, ControlMode, Event, Holder, Incarnation, LeaseRecord, Mode, Node, Policy, Role, Site, Timestamp,
    Version, WallClock, WriteOutcome,
};

fn main() {
    divan::main();
}

/// Both stages for every lease, probe, override and standby.
#[divan::bench]
fn desired_and_plan(bencher: Bencher<'_, '_>) {
    let mut cases = Vec::new();
    for lease in LeaseSight::ALL {
        for probe in ProbeSight::ALL {
            for control in ControlMode::ALL {
                for instance in InstanceState::ALL {
                    cases.push((Sighting { lease, probe, control, history: History::default() }, instance));
                }
            }
        }
    }
    bencher.counter(ItemsCount::new(cases.len())).bench(|| {
        for (sighting, instance) in &cases {
            let verdict = desired(black_box(sighting), Mode::Lease);
            black_box(plan(&verdict, sighting, *instance, Budget::Left, Mode::Lease));
        }
    });
}

/// One round: the wake-up that sends the renewal, and its acknowledgement.
#[divan::bench]
fn renewal_round(bencher: Bencher<'_, '_>) {
    let policy = Policy::embedded();
    let (mut holder, mut lease) = active(&policy);
    let mut now = Timestamp::from_millis(20);
    bencher.counter(ItemsCount::new(2_usize)).bench_local(|| {
        now = now + policy.renew_every;
        for command in holder.handle(Event::Wakeup, now, WallClock(0)) {
            match command {
                Command::WriteLease(op) => {
                    lease = op.apply(&lease).unwrap_or_else(|refusal| panic!("{refusal}"));
                    let outcome = WriteOutcome::Written(lease.clone());
                    black_box(holder.handle(Event::WriteDone { op, sent: now, outcome }, now, WallClock(0)));
                }
                Command::ReadBoard => {
                    let board = Some(Board { lease: Some(lease.clone()), ..Board::default() });
                    black_box(holder.handle(Event::BoardRead { sent: now, board }, now, WallClock(0)));
                }
                other => {
                    black_box(other);
                }
            }
        }
        assert_eq!(holder.role(), Role::Active);
    });
}

fn active(policy: &Policy) -> (Holder, LeaseRecord) {
    let node = Node { site: Site::Laptop, incarnation: Incarnation::new(1), preferred: Site::Laptop };
    let (start, wall) = (Timestamp::from_millis(10), WallClock(0));
    let mut holder = Holder::new(node, policy, 7, start);
    let mut lease = LeaseRecord::initial(Version::new(1), policy.ttl, wall);
    let board = Some(Board { lease: Some(lease.clone()), ..Board::default() });
    let _ = holder.handle(Event::Wakeup, start, wall);
    for command in holder.handle(Event::BoardRead { sent: start, board }, start, wall) {
        if let Command::WriteLease(op) = command {
            lease = op.apply(&lease).unwrap_or_else(|refusal| panic!("{refusal}"));
            let outcome = WriteOutcome::Written(lease.clone());
            let _ = holder.handle(Event::WriteDone { op, sent: start, outcome }, start, wall);
        }
    }
    (holder, lease)
}
