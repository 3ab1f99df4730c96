use std::path::PathBuf;

use relais_fuzz::{
    coverage,
    interactions::Player,
    moments,
    run::{self, Order},
};
use relais_world::discord::AnswerJudge;

const PAYLOADS: u64 = 6_000;
const TEXTS: u64 = 4_000;

fn order(cases: u64) -> Order {
    Order { cases, seed: 0x5e1a15, jobs: 2, shown: false }
}

#[test]
fn no_payload_breaks_a_rule() {
    let shared = std::env::var_os("RELAIS_SHARED").map_or_else(|| PathBuf::from("../../../shared"), PathBuf::from);
    let judge = AnswerJudge::new(Some(&shared.join("data/discord-openapi.json"))).unwrap();
    let player = Player::new(judge).unwrap();
    let tally = run::interactions(&player, order(PAYLOADS)).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} payloads in {} scenes\n{}", tally.cases, tally.scenes, tally.table());
    assert!(tally.cases >= PAYLOADS);
    assert_eq!(coverage::of_interactions(&tally, player.catalogue()), Vec::<String>::new());
}

#[test]
fn no_text_breaks_a_rule() {
    let tally = run::moments(order(TEXTS)).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} texts\n{}", tally.cases, tally.table());
    assert!(tally.cases >= TEXTS);
    // What the clock skips or shows twice is met twice in ten thousand texts: the long run insists on it.
    for end in &moments::ENDS[..5] {
        assert!(tally.noted(end) > 0, "never {end}");
    }
}
