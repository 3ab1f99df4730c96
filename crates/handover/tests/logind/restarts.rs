//! Whatever is started again, in whatever moment, the next hand-over works and nothing of the last one stays.

use relais_failover::{ControlMode, Site};
use relais_handover::wish;

use crate::bots;
use crate::machine::{Machine, is_held};

const BOTH: [&str; 2] = ["shutdown", "sleep"];

#[tokio::test]
async fn an_agent_that_is_killed_in_a_hand_over_does_not_hold_the_machine() {
    let mut machine = Machine::with_agent().await;
    machine.ask_for("Suspend").await;
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    assert!(!machine.manager.has_started());
    machine.kill_agent();
    assert_eq!(machine.let_go().await, "suspend.target");

    // Too late for a lock: it still gives away what it can, and says that it is ready.
    machine.start_agent().await;
    assert!(machine.log("agent.log").contains("too late for a lock"));
    machine.until_lease("the lease is offered", |lease| lease.offer == Some(Site::Cloud)).await;

    machine.manager.job_is_done("suspend.target").await;
    machine.until_locks(&BOTH).await;
    machine.until_board("our override is gone", |board| board.control == Some(wish::taken_back())).await;
}

#[tokio::test]
async fn an_agent_that_is_started_again_takes_back_what_was_left() {
    let mut machine = Machine::with_agent().await;
    machine.ask_for("Suspend").await;
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    machine.kill_agent();
    assert_eq!(machine.let_go().await, "suspend.target");
    machine.manager.job_is_done("suspend.target").await;
    machine.start_agent().await;
    assert_eq!(machine.locks().await, BOTH);
    machine.until_board("our override is gone", |board| board.control == Some(wish::taken_back())).await;
}

#[tokio::test]
async fn a_logind_that_was_started_again_waits_again() {
    let mut machine = Machine::with_agent().await;
    machine.start_logind().await;
    machine.until_locks(&BOTH).await;
    bots::watchdog(machine.policy.clone(), machine.store.clone());
    machine.ask_for("Suspend").await;
    assert_eq!(machine.let_go().await, "suspend.target");
    let lease = machine.board().await.lease.unwrap();
    assert!(is_held(&lease, Site::Cloud) || lease.offer == Some(Site::Cloud), "{lease:?}");
    assert!(!machine.lost_patience());
}

#[tokio::test]
async fn a_logind_that_is_started_again_in_a_hand_over_calls_it_off() {
    let mut machine = Machine::with_agent().await;
    machine.ask_for("Suspend").await;
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    machine.start_logind().await;
    machine.until_locks(&BOTH).await;
    machine.until_board("our override is gone", |board| board.control == Some(wish::taken_back())).await;
    machine.until_lease("the laptop speaks on", |lease| is_held(lease, Site::Laptop)).await;
    assert!(!machine.manager.has_started());
}

#[tokio::test]
async fn two_sleeps_in_a_row_are_two_hand_overs() {
    let mut machine = Machine::with_agent().await;
    for _ in 0..2 {
        machine.until_lease("the laptop speaks", |lease| is_held(lease, Site::Laptop)).await;
        machine.ask_for("Suspend").await;
        assert_eq!(machine.let_go().await, "suspend.target");
        assert_eq!(machine.board().await.lease.unwrap().offer, Some(Site::Cloud));
        machine.manager.job_is_done("suspend.target").await;
        machine.until_locks(&BOTH).await;
        machine
            .until_board("our override is gone", |board| {
                board.control.as_ref().is_some_and(|record| record.mode == ControlMode::Auto)
            })
            .await;
    }
    assert!(!machine.lost_patience());
}

#[tokio::test]
async fn a_bus_that_is_gone_ends_the_agent_with_a_failure() {
    let mut machine = Machine::with_agent().await;
    machine.kill_bus();
    assert_eq!(machine.agents_exit_code().await, Some(1));
    assert!(machine.log("agent.log").contains("error: the system bus is gone"));
}
