//! What each mode does with what it finds, and that it finds its own only.

use relais_ec2::Market;
use relais_failover::act::InstanceState;
use relais_watchdog::{MachineId, Standby as _, StandbyError};

use crate::errors::running;
use crate::little_ec2::{Answer, Instance, LittleEc2, launch, stopped};

fn in_state(state: &'static str) -> Instance {
    Instance { state, ..running("i-1", "relais") }
}

#[tokio::test]
async fn machines_of_others_are_neither_seen_nor_stopped() {
    for config in [launch(Market::OnDemand), stopped()] {
        let ec2 = LittleEc2::start().await;
        ec2.with(|account| account.instances.extend([running("i-1", "somebody"), running("i-2", "relais")]));
        let standby = ec2.standby(config);
        let seen = standby.describe().await.unwrap();
        assert_eq!(seen.iter().map(|machine| machine.id.0.as_str()).collect::<Vec<_>>(), ["i-2"]);
        let stopped = standby.stop(&MachineId("i-1".to_owned())).await;
        assert_eq!(stopped, Err(StandbyError::IncorrectInstanceState));
        assert!(ec2.calls().is_empty());
    }
}

#[tokio::test]
async fn every_state_of_ec2_has_its_word() {
    for (state, word) in [
        ("pending", Some(InstanceState::Pending)),
        ("running", Some(InstanceState::Running)),
        ("stopping", Some(InstanceState::Stopping)),
        ("shutting-down", Some(InstanceState::Stopping)),
        ("stopped", Some(InstanceState::Stopped)),
        ("terminated", None),
    ] {
        let ec2 = LittleEc2::start().await;
        ec2.with(|account| account.instances.push(in_state(state)));
        let seen = ec2.standby(stopped()).describe().await.unwrap();
        assert_eq!(seen.first().map(|machine| machine.state), word, "{state}");
    }
}

#[tokio::test]
async fn launching_leaves_a_machine_alone_that_somebody_stopped() {
    let ec2 = LittleEc2::start().await;
    ec2.with(|account| account.instances.push(in_state("stopped")));
    let standby = ec2.standby(launch(Market::OnDemand));
    assert!(standby.describe().await.unwrap().is_empty());
    standby.start("t").await.unwrap();
    assert_eq!(ec2.calls(), ["RunInstances small a t-0"]);
}

#[tokio::test]
async fn the_one_machine_is_started_from_stopped_only() {
    for (state, calls, told) in
        [("stopped", vec!["StartInstances i-1"], Ok(())), ("pending", vec![], Ok(())), ("running", vec![], Ok(()))]
    {
        let ec2 = LittleEc2::start().await;
        ec2.with(|account| account.instances.push(in_state(state)));
        assert_eq!(ec2.standby(stopped()).start("t").await, told, "{state}");
        assert_eq!(ec2.calls(), calls, "{state}");
    }
    let ec2 = LittleEc2::start().await;
    ec2.with(|account| account.instances.push(in_state("stopping")));
    ec2.script(&[Answer::No(400, "IncorrectInstanceState")]);
    assert_eq!(ec2.standby(stopped()).start("t").await, Err(StandbyError::IncorrectInstanceState));
}

#[tokio::test]
async fn a_full_zone_is_tried_twice_and_then_told() {
    let ec2 = LittleEc2::start().await;
    ec2.with(|account| account.instances.push(in_state("stopped")));
    ec2.script(&[Answer::No(500, "InsufficientInstanceCapacity"); 2]);
    assert_eq!(ec2.standby(stopped()).start("t").await, Err(StandbyError::InsufficientCapacity));
    assert_eq!(ec2.calls().len(), 2);
}

#[tokio::test]
async fn a_machine_that_was_never_made_is_told_with_the_way_out() {
    let ec2 = LittleEc2::start().await;
    let Err(StandbyError::Unavailable(why)) = ec2.standby(stopped()).start("t").await else {
        panic!("started nothing")
    };
    assert!(why.contains("Project=relais") && why.contains("terraform apply"), "{why}");
}
