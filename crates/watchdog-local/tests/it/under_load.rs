//! The benchmark's own way of asking, at a rate that any machine has: each question has one right answer.

use std::time::Duration;

use relais_bench::{
    load::{Plan, measure},
    subject::Subject,
};

use crate::command::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_under_a_light_load_answers_everything_once_and_rightly() {
    let subject = Subject::Relais { program: PROGRAM.into(), arguments: vec!["bot".to_owned()] };
    let plan = Plan { rates: vec![40, 80], length: Duration::from_secs(1), starts: 2 };
    let measured = measure(&subject, &plan).await.unwrap();
    let asked: Vec<_> = measured.loads.iter().map(|load| (load.rate, load.summary.asked)).collect();
    assert_eq!(asked, [(40, 40), (80, 80)]);
    for load in &measured.loads {
        assert!(load.summary.is_whole(), "{:?}", load.summary);
        assert!(load.summary.p50_us <= load.summary.p99_us && load.summary.p99_us <= load.summary.max_us);
    }
    assert!(measured.start_us > 0 && measured.idle_kib > 0 && measured.idle_kib <= measured.peak_kib);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_does_not_start_is_told_with_its_own_words() {
    let subject = Subject::Relais { program: PROGRAM.into(), arguments: vec!["health".to_owned()] };
    let plan = Plan { rates: vec![1], length: Duration::from_secs(1), starts: 1 };
    let error = format!("{:#}", measure(&subject, &plan).await.unwrap_err());
    assert!(error.starts_with("start relais: the bot ended with exit status: 64: "), "{error}");
}
