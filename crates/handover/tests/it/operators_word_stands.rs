//! An operator's override is never overwritten, and what it forbids is not done.

use relais_failover::{ControlMode, WallClock};
use relais_handover::{Cause, Command, Outcome, Phase, Told, Written};

use crate::play::{Play, board, free, here, operator, there};

#[test]
fn where_nothing_may_be_started_the_bot_gives_the_lease_away() {
    for mode in [ControlMode::Maintenance, ControlMode::ForceLaptop] {
        let mut play = Play::awake();
        let kept = board(here(), Some(operator(mode)));
        assert_eq!(play.announced(Cause::Sleep, kept.clone()), [Command::GiveAway], "{mode:?}");
        assert_eq!(play.told(Told::Begun), [Command::ReadBoard]);
        assert_eq!(play.hang(60_000, &kept), [], "{mode:?}");
        let commands = play.reads(board(there(), Some(operator(mode))));
        play.ended(&commands, Cause::Sleep, Outcome::Taken, 60_000);
    }
}

#[test]
fn a_free_lease_in_maintenance_is_left_free() {
    let mut play = Play::awake();
    let commands = play.announced(Cause::Sleep, board(free(), Some(operator(ControlMode::Maintenance))));
    play.ended(&commands, Cause::Sleep, Outcome::NothingHere, 0);
}

#[test]
fn an_operator_who_asked_for_the_cloud_already_has_it() {
    let mut play = Play::awake();
    let asked = board(here(), Some(operator(ControlMode::ForceCloud)));
    assert_eq!(play.announced(Cause::Sleep, asked.clone()), []);
    assert_eq!(play.phase(), Phase::Waiting);
    assert_eq!(play.hang(30_000, &asked), [], "no write of ours in its place");
}

#[test]
fn an_override_that_has_ended_is_replaced_as_it_was_read() {
    let mut play = Play::awake();
    let mut ended = operator(ControlMode::Maintenance);
    ended.until = play.wall();
    let wish = play.wish(Cause::Sleep, Some(ended.clone()));
    assert_eq!(play.announced(Cause::Sleep, board(here(), Some(ended))), [wish]);
}

#[test]
fn an_operator_who_comes_between_is_heeded() {
    for mode in ControlMode::ALL {
        let mut play = Play::awake();
        let _ = play.announced(Cause::Sleep, board(here(), None));
        assert_eq!(play.writes(Written::Refused), [Command::ReadBoard]);
        let commands = play.reads(board(here(), Some(operator(mode))));
        match mode {
            ControlMode::ForceCloud => assert_eq!(commands, []),
            ControlMode::Maintenance | ControlMode::ForceLaptop => assert_eq!(commands, [Command::GiveAway]),
            // Nobody's wish stands in the way of ours, and the next try names what it replaces.
            ControlMode::Auto => {
                assert_eq!(commands, [play.wish(Cause::Sleep, Some(operator(mode)))]);
            }
        }
    }
}

#[test]
fn an_operator_who_takes_our_override_back_is_not_overruled() {
    for mode in [ControlMode::Auto, ControlMode::Maintenance, ControlMode::ForceLaptop] {
        let mut play = Play::awake();
        let _ = play.announced(Cause::Sleep, board(here(), None));
        let _ = play.writes(Written::Yes);
        assert_eq!(play.reads(board(here(), Some(operator(mode)))), [Command::GiveAway], "{mode:?}");
    }
}

#[test]
fn an_override_of_ours_that_ends_too_soon_is_renewed() {
    let mut play = Play::awake();
    let mut ours = play.ours(Cause::Sleep);
    ours.until = WallClock(play.wall().0 + 60_000);
    let wish = play.wish(Cause::Sleep, Some(ours.clone()));
    assert_eq!(play.announced(Cause::Sleep, board(here(), Some(ours))), [wish]);
}
