//! On waking, and in a new process: new locks, our override out of the record, the clocks compared.

use relais_failover::{ControlMode, Policy};
use relais_handover::{Cause, Command, Event, Outcome, Phase, Written, wish};

use crate::play::{Play, board, here, ms, operator, there};

/// Asleep, with our override in the record.
fn asleep() -> (Play, relais_failover::ControlRecord) {
    let mut play = Play::awake();
    let ours = play.ours(Cause::Sleep);
    let _ = play.announced(Cause::Sleep, board(here(), None));
    let _ = play.writes(Written::Yes);
    let commands = play.reads(board(there(), Some(ours.clone())));
    play.ended(&commands, Cause::Sleep, Outcome::Taken, 0);
    (play, ours)
}

#[test]
fn waking_takes_new_locks_and_takes_our_override_back() {
    let (mut play, ours) = asleep();
    play.pass(3_600_000);
    assert_eq!(play.feed(Event::Back), [Command::TakeLocks, Command::ReadBoard]);
    assert_eq!(play.feed(Event::Locked { held: true, limit: Some(ms(90_000)) }), []);
    assert_eq!(play.phase(), Phase::Idle);
    let put = Command::PutControl { record: wish::taken_back(), expected: Some(ours.clone()) };
    assert_eq!(play.reads(board(there(), Some(ours))), [put]);
    assert_eq!(play.writes(Written::Yes), [Command::TakenBack]);
    assert_eq!(play.agent.next_wakeup(), None);
}

#[test]
fn taking_back_goes_on_until_the_store_is_there() {
    let (mut play, ours) = asleep();
    let _ = play.feed(Event::Back);
    let _ = play.feed(Event::Locked { held: true, limit: None });
    assert_eq!(play.cannot_read(), []);
    play.pass(5_000);
    assert_eq!(play.feed(Event::Wakeup), [Command::ReadBoard]);
    let put = Command::PutControl { record: wish::taken_back(), expected: Some(ours.clone()) };
    assert_eq!(play.reads(board(there(), Some(ours.clone()))), std::slice::from_ref(&put));
    assert_eq!(play.writes(Written::Unknown), [Command::ReadBoard]);
    assert_eq!(play.reads(board(there(), Some(ours))), [put]);
    assert_eq!(play.writes(Written::Refused), [Command::ReadBoard], "an operator was quicker");
    assert_eq!(play.reads(board(there(), Some(operator(ControlMode::Maintenance)))), []);
    play.pass(6_000);
    assert_eq!(play.feed(Event::Wakeup), [Command::ReadBoard], "once more, for a write that comes late");
    assert_eq!(play.reads(board(there(), Some(operator(ControlMode::Maintenance)))), []);
    assert_eq!(play.agent.next_wakeup(), None);
}

#[test]
fn a_new_process_takes_back_what_the_last_one_left() {
    for cause in Cause::ALL {
        let mut play = Play::started(Policy::embedded(), None);
        let _ = play.feed(Event::Locked { held: true, limit: None });
        let ours = play.ours(cause);
        let put = Command::PutControl { record: wish::taken_back(), expected: Some(ours.clone()) };
        assert_eq!(play.reads(board(here(), Some(ours))), [put]);
    }
}

#[test]
fn an_operators_override_is_not_taken_back() {
    for mode in ControlMode::ALL {
        let (mut play, _) = asleep();
        let _ = play.feed(Event::Back);
        let _ = play.feed(Event::Locked { held: true, limit: None });
        assert_eq!(play.reads(board(there(), Some(operator(mode)))), [], "{mode:?}");
    }
}

#[test]
fn a_sleep_that_follows_at_once_does_not_take_the_taking_back_for_its_own_write() {
    let (mut play, ours) = asleep();
    let _ = play.feed(Event::Back);
    let _ = play.feed(Event::Locked { held: true, limit: None });
    let _ = play.reads(board(here(), Some(ours.clone())));
    assert_eq!(play.feed(Event::Announced(Cause::Sleep)), [Command::AskBot, Command::ReadBoard]);
    assert_eq!(play.writes(Written::Yes), [], "the read that is under way comes too early");
    assert_eq!(
        play.reads(board(here(), Some(wish::taken_back()))),
        [play.wish(Cause::Sleep, Some(wish::taken_back()))]
    );
}

#[test]
fn a_step_of_the_wall_clock_is_told_and_a_sleep_is_none() {
    for (stepped, told) in [(0, None), (2_000, None), (2_001, Some(2_001)), (7_200_000, Some(7_200_000))] {
        let (mut play, _) = asleep();
        play.pass(40_000);
        play.stepped = stepped;
        let commands = play.feed(Event::Back);
        let steps = commands.iter().find_map(|command| match command {
            Command::ClockStepped { by_ms } => Some(*by_ms),
            _ => None,
        });
        assert_eq!(steps, told);
    }
}

#[test]
fn locks_that_were_refused_are_asked_for_again() {
    let (mut play, _) = asleep();
    let _ = play.feed(Event::Back);
    assert_eq!(play.feed(Event::Locked { held: false, limit: None }), []);
    play.pass(5_000);
    assert!(play.feed(Event::Wakeup).contains(&Command::TakeLocks));
}

#[test]
fn a_logind_that_was_restarted_is_asked_for_new_locks() {
    let mut play = Play::awake();
    assert_eq!(play.feed(Event::Restarted { preparing: None }), [Command::TakeLocks]);
    assert_eq!(play.feed(Event::Locked { held: true, limit: Some(ms(90_000)) }), []);
    assert!(play.agent.is_locked());
}

#[test]
fn a_logind_that_forgot_the_sleep_that_it_announced_calls_it_off() {
    for away in [true, false] {
        let mut play = if away { asleep().0 } else { Play::awake() };
        if !away {
            let _ = play.announced(Cause::Sleep, board(here(), None));
        }
        assert_eq!(play.feed(Event::Restarted { preparing: Some(Cause::Sleep) }), [], "it goes on");
        let commands = play.feed(Event::Restarted { preparing: None });
        assert_eq!(commands, [Command::TakeLocks, Command::ReadBoard]);
        assert_eq!(play.phase(), Phase::Idle);
    }
}

#[test]
fn a_sleep_that_was_announced_to_nobody_is_heeded() {
    let mut play = Play::awake();
    assert_eq!(play.feed(Event::Restarted { preparing: Some(Cause::Shutdown) }), [Command::AskBot, Command::ReadBoard]);
    assert_eq!(play.reads(board(here(), None)), [play.wish(Cause::Shutdown, None)]);
}

#[test]
fn locks_that_come_too_late_are_dropped() {
    let mut play = Play::awake();
    let _ = play.feed(Event::Restarted { preparing: None });
    let commands = play.announced(Cause::Sleep, board(there(), None));
    play.ended(&commands, Cause::Sleep, Outcome::NothingHere, 0);
    assert_eq!(play.feed(Event::Locked { held: true, limit: None }), [Command::DropLocks]);
    assert!(!play.agent.is_locked());
}

#[test]
fn a_sleep_that_is_called_off_leaves_the_locks_held() {
    let mut play = Play::awake();
    let _ = play.announced(Cause::Shutdown, board(here(), None));
    assert_eq!(play.feed(Event::Back), [Command::ReadBoard]);
    assert_eq!((play.phase(), play.agent.is_locked()), (Phase::Idle, true));
}
