use std::{num::NonZeroU32, time::Duration};

use relais_bot::leadership::{Ending, Signal};
use relais_failover::{EventKind, FenceReason, SavedSession, Site};
use relais_store::{
    EventLog as _,
    faulty::{Call, Fault},
};
use tokio::sync::oneshot;

use crate::support::{Laptop, Order, initialised};

fn active(laptop: &Laptop) -> bool {
    matches!(laptop.voice.orders().first(), Some(Order::Activate(..)))
}

#[tokio::test(start_paused = true)]
async fn free_lease_is_acquired_and_the_history_tells() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    assert!(laptop.permit.may_begin());
    let lease = laptop.lease().await;
    assert_eq!((lease.holder.unwrap().site, lease.term.0), (Site::Laptop, 1));
    laptop.pass(Duration::from_secs(60)).await;
    assert!(laptop.permit.may_begin(), "renewed");
    let history = laptop.store.inner().recent(9).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].kind, history[0].term.0), (EventKind::HandedOver, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_before_the_write_is_acknowledged() {
    let store = initialised().await;
    store.next(Call::Apply, Fault::Slow(Duration::from_secs(2)));
    let laptop = Laptop::start(store);
    laptop.pass(Duration::from_millis(1500)).await;
    assert!(laptop.voice.orders().is_empty() && !laptop.permit.may_begin());
    laptop.until(active).await;
}

#[tokio::test(start_paused = true)]
async fn lost_answer_is_recognised_and_costs_no_second_term() {
    let store = initialised().await;
    store.next(Call::Apply, Fault::AnswerLost);
    let laptop = Laptop::start(store);
    laptop.until(active).await;
    assert_eq!(laptop.lease().await.term.0, 1);
}

#[tokio::test(start_paused = true)]
async fn holder_without_its_store_falls_silent_by_itself() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    laptop.store.cut(true);
    laptop.until(|laptop| !laptop.permit.may_begin()).await;
    assert_eq!(laptop.voice.orders().len(), 1, "no new effect already before the fence");
    laptop.until(|laptop| laptop.ending.is_finished()).await;
    assert_eq!(laptop.voice.orders().last(), Some(&Order::Silence(FenceReason::RenewalTooOld)));
    assert_eq!(laptop.ending.await.unwrap(), Ending::Fenced(FenceReason::RenewalTooOld));
}

#[tokio::test(start_paused = true)]
async fn woken_holder_may_not_act_on_its_old_lease() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    laptop.clock.sleep(Duration::from_secs(40));
    assert!(!laptop.permit.may_begin(), "seen at once, before any task ran");
    laptop.until(|laptop| laptop.ending.is_finished()).await;
}

#[tokio::test(start_paused = true)]
async fn step_of_the_wall_clock_stops_acts_until_a_renewal() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    laptop.pass(Duration::from_secs(1)).await;
    laptop.store.next(Call::Apply, Fault::Slow(Duration::from_secs(1)));
    laptop.clock.step(Duration::from_secs(30));
    laptop.until(|laptop| !laptop.permit.may_begin()).await;
    laptop.until(|laptop| laptop.permit.may_begin()).await;
    assert_eq!(laptop.voice.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn wedged_gateway_loses_the_lease() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    // No ACK from here on.
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        laptop.turn();
    }
    assert!(laptop.ending.is_finished());
}

#[tokio::test(start_paused = true)]
async fn handover_offers_only_after_the_drain_and_saves_the_session() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    let (begun, answer) = oneshot::channel();
    laptop.signals.send(Signal::Handover { to: Site::Cloud, begun }).unwrap();
    assert!(answer.await.unwrap());
    laptop.until(|laptop| laptop.voice.orders().last() == Some(&Order::Drain)).await;
    assert!(!laptop.permit.may_begin());
    laptop.pass(Duration::from_millis(500)).await;
    assert!(laptop.lease().await.holder.is_some(), "not before it is drained");
    let session = SavedSession { session_id: "s".into(), sequence: 12, resume_url: None, shards: NonZeroU32::MIN };
    laptop.signals.send(Signal::SessionMoved(session.clone())).unwrap();
    laptop.signals.send(Signal::Drained).unwrap();
    laptop.until(|laptop| laptop.permit.view().fence.is_none()).await;
    let lease = laptop.lease().await;
    assert_eq!((lease.holder, lease.offer, lease.session), (None, Some(Site::Cloud), Some(session)));
}

#[tokio::test(start_paused = true)]
async fn follower_refuses_to_hand_over() {
    let store = initialised().await;
    store.cut(true);
    let laptop = Laptop::start(store);
    let (begun, answer) = oneshot::channel();
    laptop.signals.send(Signal::Handover { to: Site::Cloud, begun }).unwrap();
    assert!(!answer.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn stop_drains_releases_and_ends_well() {
    let laptop = Laptop::start(initialised().await);
    laptop.until(active).await;
    laptop.stop.cancel();
    laptop.until(|laptop| laptop.voice.orders().last() == Some(&Order::Drain)).await;
    laptop.signals.send(Signal::Drained).unwrap();
    laptop.until(|laptop| laptop.ending.is_finished()).await;
    let lease = laptop.lease().await;
    assert_eq!((lease.holder, lease.offer), (None, None));
    assert_eq!(laptop.ending.await.unwrap(), Ending::Stopped);
    assert!(laptop.policy.ttl > Duration::ZERO);
}
