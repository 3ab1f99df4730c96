//! Makes cases, plays them, and makes one that fails smaller. Cases come in batches with a seed each, so that any batch
//! can be repeated alone.

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};

use crate::{
    interactions::{Player, scenes},
    moments,
    tally::Tally,
};

/// How much of a batch is one run of proptest: scenes, or texts.
const BATCH: u32 = 128;
/// How often a failing case is made smaller, at most.
const SHRINKS: u32 = 4_000;
/// Most steps of one scene.
const STEPS: usize = 24;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// At least so many payloads or texts; the last batch is finished.
    pub cases: u64,
    /// Of the first batch; each next one has the next number.
    pub seed: u64,
    /// Threads.
    pub jobs: usize,
    /// Whether the way is shown on stderr.
    pub shown: bool,
}

/// A rule that was broken, or a panic.
#[derive(Debug)]
pub struct Failure {
    /// `interactions` or `moments`.
    pub target: &'static str,
    /// The seed of its batch.
    pub seed: u64,
    /// What is wrong, and the smallest case that shows it.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, seed, text } = self;
        write!(f, "{text}\n\nagain with: cargo xtask fuzz --target {target} --seed {seed} --cases 1")
    }
}

impl std::error::Error for Failure {}

thread_local! {
    /// Whether this thread plays a case, whose panics are told with the case and not one by one.
    static PLAYING: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: Cell<String> = const { Cell::new(String::new()) };
}

static QUIET: Once = Once::new();

/// Keeps the panics of cases from being printed: there are thousands while one is made smaller.
fn quieten_panics() {
    QUIET.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match PLAYING.get() {
            true => PANICKED_AT.set(info.to_string()),
            false => others(info),
        }));
    });
}

/// Plays scenes until so many payloads were answered.
///
/// # Errors
/// The first [`Failure`].
pub fn interactions(player: &Player, order: Order) -> Result<Tally, Failure> {
    drive(
        "interactions",
        order,
        || scenes(STEPS),
        |scene, tally| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
            runtime.block_on(player.play(scene, tally))
        },
    )
}

/// Reads texts as moments until there were so many.
///
/// # Errors
/// The first [`Failure`].
pub fn moments(order: Order) -> Result<Tally, Failure> {
    let zones = moments::Zones::new();
    drive("moments", order, moments::cases, |case, tally| moments::play(case, &zones, tally))
}

fn drive<S: Strategy>(
    target: &'static str,
    order: Order,
    strategy: impl Fn() -> S + Sync,
    play: impl Fn(&S::Value, &mut Tally) -> Result<(), String> + Sync,
) -> Result<Tally, Failure> {
    quieten_panics();
    let (done, batches, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let whole = Mutex::new((Tally::default(), None));
    std::thread::scope(|scope| {
        for _ in 0..order.jobs.max(1) {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) && done.load(Ordering::Relaxed) < order.cases {
                    let seed = order.seed.wrapping_add(batches.fetch_add(1, Ordering::Relaxed));
                    let (tally, failure) = batch(target, seed, &strategy(), &play);
                    let before = done.fetch_add(tally.cases, Ordering::Relaxed);
                    tell(target, order, before, tally.cases);
                    let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
                    whole.0.add(tally);
                    if failure.is_some() {
                        over.store(true, Ordering::Relaxed);
                        whole.1 = whole.1.take().or(failure);
                    }
                }
            });
        }
    });
    let (tally, failure) = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(tally), Err)
}

fn batch<S: Strategy>(
    target: &'static str,
    seed: u64,
    strategy: &S,
    play: &impl Fn(&S::Value, &mut Tally) -> Result<(), String>,
) -> (Tally, Option<Failure>) {
    let config = Config {
        cases: BATCH,
        max_shrink_iters: SHRINKS,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let tally = RefCell::new(Tally::default());
    let result = TestRunner::new(config).run(strategy, |case| {
        PLAYING.set(true);
        let played = catch_unwind(AssertUnwindSafe(|| play(&case, &mut tally.borrow_mut())));
        PLAYING.set(false);
        played.unwrap_or_else(|cause| Err(panicked(&*cause))).map_err(TestCaseError::fail)
    });
    let failure = result.err().map(|error| {
        let text = match error {
            TestError::Fail(reason, case) => format!("{reason}\n\nthe smallest case:\n{case:#?}"),
            TestError::Abort(reason) => reason.to_string(),
        };
        Failure { target, seed, text }
    });
    (tally.into_inner(), failure)
}

/// A panic in words, with its place where [`quieten_panics`] keeps that.
fn panicked(cause: &(dyn std::any::Any + Send)) -> String {
    let place = PANICKED_AT.take();
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("panicked: {}", if place.is_empty() { text } else { place })
}

/// A line for every twentieth of the way.
fn tell(target: &str, order: Order, before: u64, more: u64) {
    let part = |done: u64| done.saturating_mul(20).checked_div(order.cases.max(1)).unwrap_or_default().min(20);
    if order.shown && part(before + more) > part(before) {
        eprintln!("{target}: {} of {}", before + more, order.cases);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(cases: u64) -> Order {
        Order { cases, seed: 7, jobs: 2, shown: false }
    }

    fn judged(cases: u64, judge: fn(u32)) -> Result<Tally, Failure> {
        drive(
            "numbers",
            order(cases),
            || 0..1_000_u32,
            |number, tally| {
                tally.cases += 1;
                judge(*number);
                if *number > 700 { Err(format!("{number} is too large")) } else { Ok(()) }
            },
        )
    }

    #[test]
    fn a_broken_rule_is_told_with_its_seed_and_the_smallest_case() {
        let failure = judged(100_000, |_| ()).unwrap_err();
        assert!(failure.text.starts_with("701 is too large") && failure.text.ends_with("701"), "{failure}");
        let again = drive(
            "numbers",
            Order { seed: failure.seed, cases: 1, ..order(1) },
            || 0..1_000_u32,
            |number, _| {
                if *number > 700 { Err(String::new()) } else { Ok(()) }
            },
        );
        assert_eq!(again.unwrap_err().seed, failure.seed);
    }

    #[test]
    fn a_panic_is_a_failure() {
        let failure = judged(100_000, |number| assert!(number < 300, "a panic")).unwrap_err();
        assert!(failure.text.contains("a panic") && failure.text.ends_with("300"), "{failure}");
    }

    #[test]
    fn all_that_was_asked_for_is_tried() {
        let tally = drive(
            "numbers",
            order(1_000),
            || 0..9_u32,
            |_, tally| {
                tally.cases += 1;
                Ok(())
            },
        );
        assert!(tally.unwrap().cases >= 1_000);
    }
}
