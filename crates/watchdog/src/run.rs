//! The loop around [`tick`]: the schedule of a machine that stays up.

use core::future::Future;

use relais_failover::{Policy, Timestamp};

use crate::ports::Ports;
use crate::tick::{TickReport, tick};

/// Looks again and again, at the pace each report asks for, until `shutdown` ends. `clock` gives Unix milliseconds.
pub async fn run(
    ports: &Ports<'_>,
    policy: &Policy,
    clock: impl Fn() -> Timestamp,
    mut report: impl FnMut(&TickReport),
    shutdown: impl Future<Output = ()>,
) {
    tokio::pin!(shutdown);
    loop {
        let began = clock();
        let looked = tokio::select! {
            looked = tick(ports, policy, began) => looked,
            () = &mut shutdown => return,
        };
        report(&looked);
        // The pace counts from look to look, so slow looks do not stretch it.
        let rest = looked.next_look.saturating_sub(clock().since(began));
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = &mut shutdown => return,
        }
    }
}
