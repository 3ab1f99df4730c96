//! The small EC2 behaves as the real one where the watchdog can tell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::act::InstanceState;
use relais_watchdog::ports::{Machine, MachineId, Standby, StandbyError};
use relais_world::ec2::{Call, Ec2Config, Ec2Event, Ec2Mode, Fault, MachineEnd, MachineHooks, NoHooks, SmallEc2};
use relais_world::pace::Pace;
use tokio::time::{advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Writes down what it is told; its shutdown takes a while.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    shutdown: Duration,
}

impl Told {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

#[async_trait]
impl MachineHooks for Told {
    async fn pod(&self, machine: &MachineId) {
        self.lines.lock().unwrap().push(format!("pod {machine}"));
    }

    async fn ended(&self, machine: &MachineId, how: MachineEnd) {
        if how == MachineEnd::Ordered {
            sleep(self.shutdown).await;
        }
        self.lines.lock().unwrap().push(format!("{how:?} {machine}"));
    }
}

fn ec2(mode: Ec2Mode) -> (SmallEc2, Arc<Told>) {
    let told = Arc::new(Told::default());
    (SmallEc2::new(Ec2Config { mode, ..Ec2Config::default() }, told.clone()), told)
}

async fn only(ec2: &SmallEc2) -> Machine {
    let [machine] = ec2.describe().await.unwrap().try_into().unwrap();
    machine
}

async fn state(ec2: &SmallEc2) -> InstanceState {
    only(ec2).await.state
}

fn events(ec2: &SmallEc2) -> Vec<Ec2Event> {
    ec2.log().into_iter().map(|entry| entry.what).collect()
}

/// Lets `duration` pass and everything due in it happen.
async fn pass(duration: Duration) {
    sleep(duration).await;
    advance(Duration::from_millis(1)).await;
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_launched_machine_goes_through_its_states_and_starts_the_pod() {
    let (ec2, told) = ec2(Ec2Mode::Launch);
    assert_eq!(ec2.describe().await.unwrap(), []);
    ec2.start("token").await.unwrap();
    assert_eq!(state(&ec2).await, InstanceState::Pending);
    pass(15 * SECOND).await;
    assert_eq!(state(&ec2).await, InstanceState::Pending);
    pass(SECOND).await;
    assert_eq!(state(&ec2).await, InstanceState::Running);
    pass(19 * SECOND).await;
    assert_eq!(told.lines(), [""; 0]);
    pass(SECOND).await;
    let machine = only(&ec2).await;
    assert_eq!(told.lines(), [format!("pod {}", machine.id)]);
    assert_eq!(machine.launched_for.as_secs(), 36);
    ec2.stop(&machine.id).await.unwrap();
    assert_eq!(state(&ec2).await, InstanceState::Stopping);
    pass(11 * SECOND).await;
    assert_eq!(state(&ec2).await, InstanceState::Terminated);
    assert_eq!(told.lines()[1..], [format!("Ordered {}", machine.id)]);
    let expected = [Ec2Event::Pending, Ec2Event::Running, Ec2Event::Pod, Ec2Event::Stopping, Ec2Event::Terminated];
    assert_eq!(events(&ec2), expected);
    assert_eq!((ec2.starts(), ec2.stops()), (1, 1));
    pass(3601 * SECOND).await;
    assert_eq!(ec2.describe().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_same_token_never_makes_a_second_machine_not_even_after_its_end() {
    let (ec2, _) = ec2(Ec2Mode::Launch);
    ec2.start("one").await.unwrap();
    ec2.start("one").await.unwrap();
    pass(40 * SECOND).await;
    ec2.stop(&only(&ec2).await.id).await.unwrap();
    pass(20 * SECOND).await;
    ec2.start("one").await.unwrap();
    assert_eq!(state(&ec2).await, InstanceState::Terminated);
    assert_eq!(ec2.starts(), 1);
    assert_eq!(events(&ec2).iter().filter(|event| **event == Ec2Event::StartRepeated).count(), 2);
    ec2.start("two").await.unwrap();
    assert_eq!(ec2.describe().await.unwrap().len(), 2);
    assert_eq!(ec2.starts(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_one_machine_is_started_and_stopped_and_refuses_what_its_state_forbids() {
    let (ec2, told) = ec2(Ec2Mode::StartStop);
    let id = only(&ec2).await.id;
    assert_eq!(state(&ec2).await, InstanceState::Stopped);
    for round in 1..=2 {
        ec2.start("same").await.unwrap();
        assert_eq!(ec2.stop(&id).await, Err(StandbyError::IncorrectInstanceState), "pending cannot be stopped");
        pass(37 * SECOND).await;
        assert_eq!(state(&ec2).await, InstanceState::Running);
        ec2.start("same").await.unwrap();
        ec2.stop(&id).await.unwrap();
        ec2.stop(&id).await.unwrap();
        assert_eq!(ec2.start("same").await, Err(StandbyError::IncorrectInstanceState), "stopping cannot be started");
        pass(11 * SECOND).await;
        assert_eq!(state(&ec2).await, InstanceState::Stopped);
        assert_eq!((ec2.starts(), ec2.stops()), (round, round));
    }
    assert_eq!(told.lines().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_machine_stopped_before_its_pod_never_starts_it() {
    let (ec2, told) = ec2(Ec2Mode::Launch);
    ec2.start("t").await.unwrap();
    pass(20 * SECOND).await;
    let id = only(&ec2).await.id;
    ec2.stop(&id).await.unwrap();
    pass(60 * SECOND).await;
    assert_eq!(told.lines(), [format!("Ordered {id}")]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_stopping_until_its_processes_have_ended() {
    let told = Arc::new(Told { shutdown: 30 * SECOND, ..Told::default() });
    let ec2 = SmallEc2::new(Ec2Config::default(), told.clone());
    let id = ec2.preset_running(SECOND).await;
    ec2.stop(&id).await.unwrap();
    ec2.start("next").await.unwrap();
    pass(29 * SECOND).await;
    assert_eq!(ec2.describe().await.unwrap()[0].state, InstanceState::Stopping);
    pass(60 * SECOND).await;
    assert_eq!(ec2.describe().await.unwrap()[0].state, InstanceState::Terminated);
    let order: Vec<String> = told.lines().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(order, ["pod", "Ordered", "pod"], "the next machine's pod waits for the end of this one's");
}

#[tokio::test(start_paused = true)]
async fn scripted_errors_come_in_order_and_then_stop() {
    let (ec2, _) = ec2(Ec2Mode::Launch);
    ec2.script(Call::Start, Fault::Refuse(StandbyError::InsufficientCapacity), 2);
    ec2.script(Call::Start, Fault::Refuse(StandbyError::Throttled), 1);
    ec2.script(Call::Describe, Fault::Refuse(StandbyError::Unauthorized), 1);
    assert_eq!(ec2.describe().await, Err(StandbyError::Unauthorized));
    assert_eq!(ec2.describe().await, Ok(vec![]));
    for error in [StandbyError::InsufficientCapacity, StandbyError::InsufficientCapacity, StandbyError::Throttled] {
        assert_eq!(ec2.start("t").await, Err(error));
    }
    assert_eq!(ec2.starts(), 0);
    ec2.start("t").await.unwrap();
    assert_eq!(ec2.starts(), 1);
    ec2.script(Call::Start, Fault::Refuse(StandbyError::LimitExceeded), u32::MAX);
    assert_eq!(ec2.start("u").await, Err(StandbyError::LimitExceeded));
    ec2.unscript();
    ec2.start("u").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_happened_and_the_same_token_asks_again_in_vain() {
    let (ec2, _) = ec2(Ec2Mode::Launch);
    ec2.script(Call::Start, Fault::LoseAnswer, 1);
    assert!(matches!(ec2.start("t").await, Err(StandbyError::Unanswered(_))));
    assert_eq!(state(&ec2).await, InstanceState::Pending);
    ec2.start("t").await.unwrap();
    assert_eq!((ec2.starts(), ec2.describe().await.unwrap().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn billing_runs_from_running_to_stopping_with_a_least_amount() {
    let (ec2, _) = ec2(Ec2Mode::Launch);
    ec2.start("short").await.unwrap();
    pass(15 * SECOND).await;
    assert_eq!(ec2.bill().billed, Duration::ZERO);
    pass(5 * SECOND).await;
    ec2.stop(&only(&ec2).await.id).await.unwrap();
    pass(100 * SECOND).await;
    assert_eq!(ec2.bill().billed.as_secs(), 60);
    let id = ec2.preset_running(Duration::from_secs(3600)).await;
    pass(100 * SECOND).await;
    ec2.stop(&id).await.unwrap();
    pass(1000 * SECOND).await;
    let bill = ec2.bill();
    assert_eq!(bill.billed.as_secs(), 3760);
    assert!((bill.dollars - 3760.0 / 3600.0 * 0.0188).abs() < 1e-4, "{bill:?}");
}

#[tokio::test(start_paused = true)]
async fn a_preset_machine_has_its_age_and_its_pod_and_counts_as_no_start() {
    for mode in [Ec2Mode::Launch, Ec2Mode::StartStop] {
        let (ec2, told) = ec2(mode);
        let id = ec2.preset_running(700 * SECOND).await;
        let machine = only(&ec2).await;
        assert_eq!((machine.id, machine.state), (id.clone(), InstanceState::Running));
        assert_eq!(machine.launched_for.as_secs(), 700);
        assert_eq!(told.lines(), [format!("pod {id}")]);
        assert_eq!(ec2.starts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vanished_machine_is_gone_at_once_and_none_of_its_timers_fires() {
    for (mode, left) in [(Ec2Mode::Launch, InstanceState::Terminated), (Ec2Mode::StartStop, InstanceState::Stopped)] {
        let (ec2, told) = ec2(mode);
        assert_eq!(ec2.vanish().await, 0);
        ec2.start("t").await.unwrap();
        pass(20 * SECOND).await;
        assert_eq!(ec2.vanish().await, 1);
        assert_eq!(state(&ec2).await, left);
        pass(100 * SECOND).await;
        assert_eq!(told.lines(), [format!("Lost {}", only(&ec2).await.id)]);
        assert_eq!(ec2.stops(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_an_earlier_life_does_nothing_to_the_next() {
    let (ec2, _) = ec2(Ec2Mode::StartStop);
    ec2.start("a").await.unwrap();
    pass(10 * SECOND).await;
    ec2.vanish().await;
    ec2.start("b").await.unwrap();
    pass(10 * SECOND).await;
    assert_eq!(state(&ec2).await, InstanceState::Pending, "the first life's timer was due 4 s ago");
    pass(7 * SECOND).await;
    assert_eq!(state(&ec2).await, InstanceState::Running);
}

#[tokio::test(start_paused = true)]
async fn no_hook_runs_after_the_close() {
    let (ec2, told) = ec2(Ec2Mode::Launch);
    ec2.start("t").await.unwrap();
    pass(20 * SECOND).await;
    ec2.close();
    assert!(matches!(ec2.describe().await, Err(StandbyError::Unavailable(_))));
    pass(100 * SECOND).await;
    assert_eq!(told.lines(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_paced_machine_is_faster_and_bills_protocol_time() {
    let config = Ec2Config { pace: Pace::new(10.0).unwrap(), ..Ec2Config::default() };
    let ec2 = SmallEc2::new(config, Arc::new(NoHooks));
    ec2.start("t").await.unwrap();
    pass(Duration::from_millis(1590)).await;
    assert_eq!(state(&ec2).await, InstanceState::Pending);
    pass(Duration::from_millis(20)).await;
    assert_eq!(state(&ec2).await, InstanceState::Running);
    pass(10 * SECOND).await;
    assert!((99..=101).contains(&ec2.bill().billed.as_secs()), "{:?}", ec2.bill());
    assert_eq!(only(&ec2).await.launched_for.as_secs(), 11, "what the watchdog sees is the rehearsal's time");
}

#[tokio::test]
async fn a_stop_of_an_unknown_machine_is_an_error() {
    let (ec2, _) = ec2(Ec2Mode::Launch);
    assert!(ec2.stop(&MachineId("i-none".to_owned())).await.is_err());
    assert!(matches!(events(&ec2)[..], [Ec2Event::Refused { call: Call::Stop, .. }]));
}
