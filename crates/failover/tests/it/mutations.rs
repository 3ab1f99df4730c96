//! Designs that are known to be wrong, each as one option of the test world. The checkers that pass the sound design
//! must reject every one of them; what does not fail here would prove nothing there.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::laws::{config, plans};
use super::world::{Belief, Design, World};

const RUNS: u32 = 400;

/// The laws that break in the first bad run, and the number of runs it took.
fn first_break(design: Design, skew: u64, law: &str) -> (u32, String) {
    let mut runner = TestRunner::new(config(RUNS));
    let plans = plans(skew);
    for run in 1..=RUNS {
        let plan = plans.new_tree(&mut runner).unwrap().current();
        if let Some(broken) = World::run(&plan, design).broken.iter().find(|broken| broken.starts_with(law)) {
            return (run, broken.clone());
        }
    }
    panic!("{design:?} went through {RUNS} runs without breaking {law}");
}

fn rejected(design: Design, skew: u64, law: &str) {
    let (run, broken) = first_break(design, skew, law);
    println!("{law} broke in run {run}: {broken}");
}

#[test]
fn a_clock_that_stands_still_in_sleep_makes_two_speakers() {
    rejected(Design { monotonic: true, ..Design::default() }, 90_000, "S3 SingleSpeaker");
}

#[test]
fn writes_without_a_fence_land_in_a_newer_term() {
    rejected(Design { no_fence: true, ..Design::default() }, 90_000, "S1 FenceOrder");
}

#[test]
fn a_lease_without_margin_makes_two_speakers_when_clocks_slip() {
    rejected(Design { zero_margin: true, ..Design::default() }, 90_000, "S3 SingleSpeaker");
}

#[test]
fn a_lease_aged_from_the_answer_makes_two_speakers() {
    rejected(Design { belief: Belief::FromReceipt, ..Design::default() }, 90_000, "S3 SingleSpeaker");
}

#[test]
fn adopting_a_record_from_a_read_makes_two_speakers() {
    let design = Design { belief: Belief::FromRead, ..Design::default() };
    rejected(design, 90_000, "S4 NoActFromRead");
    rejected(design, 90_000, "S3 SingleSpeaker");
}

#[test]
fn a_direct_transfer_makes_a_speaker_without_a_write() {
    let design = Design { belief: Belief::FromRead, direct_transfer: true, ..Design::default() };
    rejected(design, 90_000, "S4 NoActFromRead");
}

#[test]
fn messages_without_a_nonce_are_shown_twice() {
    rejected(Design { no_nonce: true, ..Design::default() }, 90_000, "S8 ExactlyOnce");
}
