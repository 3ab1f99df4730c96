//! Each step of a hand-over follows from what was seen, and from nothing else.

use relais_failover::{Policy, Site, Version, policy::Mode};
use relais_handover::{Cause, Command, Event, Outcome, Phase, Told, Written};

use crate::play::{Play, board, free, here, ms, offered, there};

#[test]
fn the_cloud_is_asked_for_and_takes_the_lease() {
    for cause in Cause::ALL {
        let mut play = Play::awake();
        let wish = play.wish(cause, None);
        let ours = play.ours(cause);
        assert_eq!(play.announced(cause, board(here(), None)), [wish]);
        assert_eq!(play.phase(), Phase::Asking);
        assert_eq!(play.writes(Written::Yes), [Command::ReadBoard]);
        assert_eq!(play.reads(board(here(), Some(ours.clone()))), []);
        assert_eq!(play.phase(), Phase::Waiting);
        assert_eq!(play.hang(40_000, &board(here(), Some(ours.clone()))), []);
        assert_eq!(play.feed(Event::Wakeup), []);
        let commands = play.reads(board(there(), Some(ours)));
        play.ended(&commands, cause, Outcome::Taken, 40_000);
        assert_eq!(play.agent.next_wakeup(), None);
    }
}

#[test]
fn a_lease_that_is_offered_is_enough() {
    let mut play = Play::awake();
    let _ = play.announced(Cause::Sleep, board(here(), None));
    play.pass(700);
    let commands = play.reads(board(offered(Site::Cloud), None));
    play.ended(&commands, Cause::Sleep, Outcome::Offered, 700);
}

#[test]
fn nothing_is_done_where_the_lease_is_elsewhere() {
    for lease in [there(), offered(Site::Cloud), None] {
        let mut play = Play::awake();
        let commands = play.announced(Cause::Sleep, board(lease, None));
        play.ended(&commands, Cause::Sleep, Outcome::NothingHere, 0);
    }
}

#[test]
fn a_lease_on_its_way_here_is_treated_as_ours() {
    let mut play = Play::awake();
    let wish = play.wish(Cause::Sleep, None);
    let ours = play.ours(Cause::Sleep);
    assert_eq!(play.announced(Cause::Sleep, board(offered(Site::Laptop), None)), [wish]);
    let _ = play.writes(Written::Yes);
    let coming = board(offered(Site::Laptop), Some(ours));
    let _ = play.reads(coming.clone());
    assert_eq!(play.hang(20_000, &coming), [], "it is not free: the bot takes it in a moment");
    assert_eq!(play.phase(), Phase::Waiting);
}

#[test]
fn near_the_limit_the_bot_is_told_to_give_it_away() {
    let mut play = Play::awake();
    let ours = play.ours(Cause::Sleep);
    let _ = play.announced(Cause::Sleep, board(here(), None));
    let _ = play.writes(Written::Yes);
    let waiting = board(here(), Some(ours));
    let _ = play.reads(waiting.clone());
    // 90 s less a twentieth, less 1 s to drain and two requests.
    assert_eq!(play.hang(85_400, &waiting), [(78_500, Command::GiveAway)]);
    assert_eq!(play.phase(), Phase::GivingAway);
    assert_eq!(play.told(Told::Begun), [Command::ReadBoard]);
    assert_eq!(play.reads(waiting), []);
    let commands = play.reads(board(offered(Site::Cloud), None));
    play.ended(&commands, Cause::Sleep, Outcome::Offered, 85_400);
}

#[test]
fn at_the_deadline_the_machine_goes_whatever_hangs() {
    for said in [None, Some(Told::Failed), Some(Told::NotHolder), Some(Told::Begun)] {
        let mut play = Play::awake();
        let _ = play.announced(Cause::Shutdown, board(here(), None));
        let _ = play.hang(78_500, &board(here(), None));
        if let Some(said) = said {
            let _ = play.told(said);
        }
        let commands: Vec<_> = play.hang(7_000, &board(here(), None));
        let (at, last) = commands.split_last().unwrap();
        assert_eq!(at.0 + 78_500, 85_500);
        assert_eq!(at.1, Command::DropLocks);
        let ended = Command::Ended { cause: Cause::Shutdown, outcome: Outcome::OutOfTime, took: ms(85_500) };
        assert_eq!(last.last(), Some(&(7_000, ended)), "{said:?}");
    }
}

#[test]
fn an_order_that_failed_is_given_again() {
    let mut play = Play::awake();
    let _ = play.announced(Cause::Sleep, board(here(), None));
    let _ = play.hang(78_500, &board(here(), None));
    assert_eq!(play.told(Told::Failed), [Command::ReadBoard]);
    assert_eq!(play.reads(board(here(), None)), []);
    play.pass(500);
    assert_eq!(play.feed(Event::Wakeup), [Command::GiveAway, Command::ReadBoard]);
}

#[test]
fn a_logind_that_waits_briefly_gets_the_lease_given_away_at_once() {
    let mut play = Play::with(Policy::embedded(), ms(5_000));
    let wish = play.wish(Cause::Sleep, None);
    assert_eq!(
        play.feed(Event::Announced(Cause::Sleep)),
        [Command::AskBot, Command::GiveAway, Command::ReadBoard],
        "no time to look first"
    );
    assert_eq!(play.reads(board(here(), None)), [wish]);
    assert_eq!(play.hang(4_749, &board(here(), None)), []);
    let over = play.hang(1, &board(here(), None));
    assert_eq!(over.last(), Some(&(1, Command::DropLocks)));
}

#[test]
fn a_lease_that_nobody_renews_is_not_waited_for() {
    let mut play = Play::awake();
    let ours = play.ours(Cause::Sleep);
    let _ = play.announced(Cause::Sleep, board(here(), None));
    let _ = play.writes(Written::Yes);
    play.pass(24_999);
    assert_eq!(play.reads(board(here(), Some(ours))), []);
    play.pass(1);
    assert_eq!(play.feed(Event::Wakeup), [Command::GiveAway]);
    let commands = play.told(Told::NotHolder);
    play.ended(&commands, Cause::Sleep, Outcome::Silent, 25_000);
}

#[test]
fn without_the_store_the_bot_is_believed() {
    let mut play = Play::awake();
    let _ = play.feed(Event::Announced(Cause::Sleep));
    assert_eq!(play.feed(Event::BotSaid(Some(false))), [], "the store is asked first");
    let commands = play.cannot_read();
    play.ended(&commands, Cause::Sleep, Outcome::NothingHere, 0);
}

#[test]
fn without_the_store_a_holder_is_told_to_give_away_before_it_falls_silent() {
    let mut play = Play::awake();
    let _ = play.feed(Event::Announced(Cause::Sleep));
    let _ = play.feed(Event::BotSaid(Some(true)));
    assert_eq!(play.cannot_read(), []);
    play.pass(25_000);
    assert_eq!(play.feed(Event::Wakeup), [Command::GiveAway, Command::ReadBoard]);
    let _ = play.cannot_read();
    let commands = play.told(Told::Failed);
    play.ended(&commands, Cause::Sleep, Outcome::Silent, 25_000);
}

#[test]
fn a_free_lease_is_kept_from_a_bot_that_lives_here() {
    let mut play = Play::awake();
    let wish = play.wish(Cause::Sleep, None);
    let ours = play.ours(Cause::Sleep);
    assert_eq!(play.announced(Cause::Sleep, board(free(), None)), [wish]);
    let _ = play.writes(Written::Yes);
    let kept = board(free(), Some(ours));
    assert_eq!(play.reads(kept.clone()), []);
    let commands = play.hang(5_000, &kept);
    let ended = Command::Ended { cause: Cause::Sleep, outcome: Outcome::Released, took: ms(5_000) };
    assert_eq!(commands, [(5_000, ended), (5_000, Command::DropLocks)]);
}

#[test]
fn a_free_lease_without_a_bot_is_nothing_to_wait_for() {
    let mut play = Play::awake();
    let _ = play.feed(Event::Announced(Cause::Sleep));
    assert_eq!(play.reads(board(free(), None)), [], "the bot is heard first");
    let commands = play.feed(Event::BotSaid(None));
    play.ended(&commands, Cause::Sleep, Outcome::NothingHere, 0);
}

#[test]
fn a_bot_that_is_stopped_meanwhile_has_released_it() {
    let mut play = Play::awake();
    let ours = play.ours(Cause::Shutdown);
    let _ = play.announced(Cause::Shutdown, board(here(), None));
    let _ = play.writes(Written::Yes);
    let _ = play.reads(board(here(), Some(ours.clone())));
    play.pass(5_000);
    let commands = play.reads(board(free(), Some(ours)));
    play.ended(&commands, Cause::Shutdown, Outcome::Released, 5_000);
}

#[test]
fn a_write_without_an_answer_is_looked_for_and_sent_again() {
    let mut play = Play::awake();
    let _ = play.announced(Cause::Sleep, board(here(), None));
    play.pass(3_000);
    assert_eq!(play.writes(Written::Unknown), [Command::ReadBoard]);
    let again = play.wish(Cause::Sleep, None);
    assert_eq!(play.reads(board(here(), None)), [again]);
}

#[test]
fn a_read_from_before_the_write_does_not_count() {
    let mut play = Play::awake();
    let _ = play.announced(Cause::Sleep, board(here(), None));
    let sent = play.now;
    play.pass(100);
    let _ = play.writes(Written::Yes);
    let old = Event::BoardRead { sent, board: Some(Box::new(board(here(), None))) };
    assert_eq!(play.feed(old), [], "not taken for an override that somebody took back");
    assert_eq!(play.phase(), Phase::Asking);
}

#[test]
fn without_a_shared_store_the_bot_only_drains() {
    let mut policy = Policy::embedded();
    policy.mode = Mode::ProbeOnly;
    let mut play = Play::with(policy, ms(90_000));
    assert_eq!(play.announced(Cause::Sleep, board(here(), None)), [Command::GiveAway]);
}

#[test]
fn a_process_that_comes_too_late_gives_away_at_once() {
    let mut play = Play::started(Policy::embedded(), Some(Cause::Sleep));
    assert_eq!(play.phase(), Phase::Asking);
    let commands = play.feed(Event::Locked { held: false, limit: Some(ms(90_000)) });
    assert_eq!(commands, [Command::AskBot, Command::GiveAway, Command::ReadBoard]);
    let wish = play.wish(Cause::Sleep, None);
    assert_eq!(play.reads(board(here(), None)), [wish]);
    let commands = play.reads(board(offered(Site::Cloud), None));
    let ended = Command::Ended { cause: Cause::Sleep, outcome: Outcome::Offered, took: ms(0) };
    assert_eq!(commands, [ended], "there is no lock to drop");
    let mut renewed = board(there(), None);
    renewed.lease.as_mut().unwrap().version = Version::new(1);
    assert_eq!(play.reads(renewed), [], "over is over");
}
