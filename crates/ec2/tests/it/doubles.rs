//! The schedule delivers at least once, and deliveries overlap.

use std::sync::Arc;

use relais_ec2::Market;
use relais_watchdog::Memory;
use relais_watchdog::tick::Outcome;

use crate::little_ec2::{LittleEc2, launch};
use crate::watched::Gone;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_ticks_delivered_twice_start_one_machine() {
    let (gone, ec2) = (Arc::new(Gone::laptop().await), LittleEc2::start().await);
    // Two sandboxes, each with a client and a memory of its own.
    let sandboxes: Vec<_> =
        (0..2).map(|_| Arc::new((ec2.standby(launch(Market::OnDemand)), Memory::default()))).collect();
    let (mut done, mut overtaken) = (0, 0);
    for number in 0..100 {
        let both = sandboxes.iter().map(|sandbox| {
            let (gone, sandbox) = (Arc::clone(&gone), Arc::clone(sandbox));
            tokio::spawn(async move { gone.look(&sandbox.0, &sandbox.1, number * 3).await })
        });
        for delivery in both.collect::<Vec<_>>() {
            match delivery.await.unwrap().outcome {
                Outcome::Done => done += 1,
                Outcome::Overtaken => overtaken += 1,
                Outcome::Idle => {}
                other => panic!("tick {number}: {other:?}"),
            }
        }
    }
    assert_eq!(ec2.with(|account| account.instances.len()), 1);
    // A tick that read the memory before the machine could be seen may ask again; every call has the same token.
    let calls = ec2.calls();
    assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
    assert!((1..=2).contains(&done), "{done} acts");
    assert!(overtaken > 0, "no two deliveries ever met, so nothing was shown");
    println!("200 deliveries: {done} acted, {overtaken} were overtaken, 1 machine");
}
