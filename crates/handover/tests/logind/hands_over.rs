//! Sleep and shutdown wait for the hand-over, and for nothing longer than logind waits.

use std::process::Child;
use std::time::Duration;

use relais_failover::{ControlMode, Site};
use relais_handover::wish;
use tokio::net::TcpListener;

use crate::bots;
use crate::machine::{Machine, is_held};

const BOTH: [&str; 2] = ["shutdown", "sleep"];

#[tokio::test]
async fn a_service_that_is_ready_holds_both_locks() {
    let machine = Machine::with_agent().await;
    assert_eq!(machine.locks().await, BOTH);
}

#[tokio::test]
async fn a_service_that_is_nobody_holds_both_locks() {
    let mut machine = Machine::start(|policy| policy.inhibit).await;
    machine.agents_are_nobody().await;
    machine.start_agent().await;
    assert_eq!(machine.locks().await, BOTH);
    machine.ask_for("Suspend").await;
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    assert!(!machine.manager.has_started());
}

#[tokio::test]
async fn a_sleep_waits_until_the_cloud_has_the_lease() {
    let mut machine = Machine::with_agent().await;
    bots::watchdog(machine.policy.clone(), machine.store.clone());
    machine.ask_for("Suspend").await;
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    assert_eq!(machine.let_go().await, "suspend.target");
    let lease = machine.board().await.lease.unwrap();
    assert!(is_held(&lease, Site::Cloud) || lease.offer == Some(Site::Cloud), "{lease:?}");
    assert!(!machine.lost_patience());
    machine.until_locks(&[]).await;

    machine.manager.job_is_done("suspend.target").await;
    machine.until_locks(&BOTH).await;
    machine.until_board("our override is gone", |board| board.control == Some(wish::taken_back())).await;
    machine.until_lease("the cloud speaks on", |lease| is_held(lease, Site::Cloud)).await;
}

#[tokio::test]
async fn the_network_stays_until_the_bot_is_handed_over() {
    let mut machine = Machine::with_agent().await;
    let mut idle = machine.start_keeping_the_network();
    assert!(ends(&mut idle).await, "somebody unplugs the cable: nothing to wait for");

    machine.ask_for("Suspend").await;
    let mut keeping = machine.start_keeping_the_network();
    machine.until_board("the cloud is asked for", |board| board.control.as_ref().is_some_and(wish::is_ours)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(keeping.try_wait().unwrap().is_none(), "the network is gone before the bot is");
    assert_eq!(machine.let_go().await, "suspend.target");
    assert!(ends(&mut keeping).await, "the machine sleeps and the network is still waited for");
}

/// Whether it ends, in good order.
async fn ends(child: &mut Child) -> bool {
    for _ in 0..1_000 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

#[tokio::test]
async fn a_shutdown_without_a_cloud_gives_the_lease_away_in_time() {
    let mut machine = Machine::with_agent().await;
    machine.ask_for("PowerOff").await;
    assert_eq!(machine.let_go().await, "poweroff.target");
    let board = machine.board().await;
    assert_eq!((board.lease.unwrap().offer, machine.lost_patience()), (Some(Site::Cloud), false));
    assert!(board.control.as_ref().is_some_and(wish::is_ours), "the next start takes it back");

    // Another boot: a logind that knows of nothing, and an agent that does not either.
    machine.kill_agent();
    machine.start_logind().await;
    machine.start_agent().await;
    assert_eq!(machine.locks().await, BOTH);
    machine.until_board("our override is gone", |board| board.control == Some(wish::taken_back())).await;
}

#[tokio::test]
async fn a_logind_with_its_own_five_seconds_is_enough_to_give_the_lease_away() {
    // At this pace a second: less than one request and a drain would like to have.
    let mut machine = Machine::start(|policy| policy.inhibit / 18).await;
    machine.start_agent().await;
    assert!(machine.log("agent.log").contains("logind waits too briefly for the cloud to come"));
    machine.ask_for("Suspend").await;
    assert_eq!(machine.let_go().await, "suspend.target");
    machine.until_lease("the lease is offered", |lease| lease.offer == Some(Site::Cloud)).await;
    assert!(!machine.lost_patience());
}

#[tokio::test]
async fn a_bot_that_hangs_does_not_hold_the_machine() {
    let mut machine = Machine::start(|policy| policy.inhibit).await;
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let speaks = machine.replace_port(format!("http://{}", deaf.local_addr().unwrap()));
    machine.start_agent().await;
    machine.ask_for("Suspend").await;
    assert_eq!(machine.let_go().await, "suspend.target");
    assert!(!machine.lost_patience());
    machine.until_lease("nobody was told", |lease| is_held(lease, Site::Laptop)).await;
    drop(speaks);
}

#[tokio::test]
async fn a_bot_that_died_is_not_waited_for() {
    let mut machine = Machine::with_agent().await;
    machine.kill_bot();
    machine.ask_for("Suspend").await;
    assert_eq!(machine.let_go().await, "suspend.target");
    assert!(!machine.lost_patience());
    assert!(machine.log("agent.log").contains("nobody renews the lease"));
    assert_eq!(machine.mode().await, Some(ControlMode::ForceCloud), "the cloud comes all the same");
}

#[tokio::test]
async fn an_operators_override_is_neither_replaced_nor_taken_back() {
    for mode in [ControlMode::Maintenance, ControlMode::ForceLaptop] {
        let mut machine = Machine::with_agent().await;
        let wanted = machine.operator_wants(mode).await;
        machine.ask_for("Suspend").await;
        assert_eq!(machine.let_go().await, "suspend.target");
        let board = machine.board().await;
        assert_eq!((board.lease.unwrap().offer, board.control), (Some(Site::Cloud), Some(wanted.clone())));
        machine.manager.job_is_done("suspend.target").await;
        machine.until_locks(&BOTH).await;
        tokio::time::sleep(machine.policy.request_timeout * 4).await;
        assert_eq!(machine.board().await.control, Some(wanted));
    }
}

#[tokio::test]
async fn a_laptop_without_the_lease_sleeps_at_once() {
    let mut machine = Machine::with_agent().await;
    machine.kill_bot();
    let _cloud = bots::start(Site::Cloud, &machine.policy, machine.store.clone()).await;
    machine.until_lease("the cloud speaks", |lease| is_held(lease, Site::Cloud)).await;
    machine.ask_for("Suspend").await;
    assert_eq!(machine.let_go().await, "suspend.target");
    assert!(!machine.lost_patience());
    assert_eq!(machine.mode().await, None, "nobody was asked for anything");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
