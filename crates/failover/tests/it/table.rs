//! The decision table of the watchdog, enumerated whole and compared with the table of the protocol, which stands here a
//! second time as text. The conditions are written anew: nothing of the crate judges itself.

use relais_failover::act::{Action, Budget, InstanceState, Plan, plan};
use relais_failover::decide::{Alert, Desired, desired};
use relais_failover::sighting::{History, LeaseSight, ProbeSight, Sighting};
use relais_failover::{ControlMode, Mode, Site};

/// Stage 1, mode lease, no override: docs/protocol.md. `keep -> X if Y` is "as it is, X once Y".
const STAGE_1: &str = "
| lease \\ probe          | ok                          | degraded             | unreachable                |
| fresh laptop            | off                         | keep -> on if degraded-long | off !public-path-down if unreached-long |
| fresh cloud             | on                          | on                   | on                         |
| offer cloud             | on                          | on                   | on                         |
| offer laptop            | on                          | on                   | on                         |
| free                    | keep                        | on                   | on                         |
| free lingers            | on                          | on                   | on                         |
| stale laptop            | keep                        | keep -> on if confirmed | keep -> on if confirmed |
| stale laptop expired    | on !heartbeat-gone          | keep -> on if confirmed | keep -> on if confirmed |
| stale cloud             | keep !cloud-silent          | on !cloud-silent     | on !cloud-silent           |
| stale cloud expired     | keep !cloud-silent          | on !cloud-silent     | on !cloud-silent           |
| missing                 | keep !lease-missing         | keep !lease-missing  | keep !lease-missing        |
| unreadable              | keep !store-unreadable      | keep !store-unreadable | keep !store-unreadable   |
";

/// Stage 2: docs/protocol.md.
const STAGE_2: &str = "
| desired \\ instance | none    | stopped | stopping | pending | running         |
| on                  | launch  | start   | wait     | wait    | recycle-if-due  |
| off                 | nothing | nothing | nothing  | wait    | stop-if-safe    |
| hold                | nothing | nothing | nothing  | nothing | nothing         |
";

fn cell<'a>(table: &'a str, row: &str, column: &str) -> &'a str {
    let cells = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let mut lines = table.lines().filter(|line| line.starts_with('|')).map(cells);
    let head = lines.next().unwrap();
    let at = head.iter().position(|name| *name == column).unwrap_or_else(|| panic!("no column {column}"));
    lines.find(|line| line.first() == Some(&row)).unwrap_or_else(|| panic!("no row {row}"))[at]
}

fn row_of(lease: LeaseSight) -> String {
    match lease {
        LeaseSight::Fresh(site) => format!("fresh {site}"),
        LeaseSight::Offer(site) => format!("offer {site}"),
        LeaseSight::Stale { site, expired: false } => format!("stale {site}"),
        LeaseSight::Stale { site, expired: true } => format!("stale {site} expired"),
        LeaseSight::Free { lingers: false } => "free".to_owned(),
        LeaseSight::Free { lingers: true } => "free lingers".to_owned(),
        LeaseSight::Missing => "missing".to_owned(),
        LeaseSight::Unreadable => "unreadable".to_owned(),
    }
}

fn column_of(probe: ProbeSight) -> &'static str {
    match probe {
        ProbeSight::Ok => "ok",
        ProbeSight::Degraded => "degraded",
        ProbeSight::Unreachable(_) | ProbeSight::Forged => "unreachable",
    }
}

/// What the text says for a sighting: the wish, and the one alert that belongs to the cell.
fn by_text(sighting: &Sighting) -> (Desired, Option<String>) {
    let text = cell(STAGE_1, &row_of(sighting.lease), column_of(sighting.probe));
    let (wish, alert) = match text.split_once('!') {
        Some((wish, alert)) => (wish.trim(), Some(alert.trim().to_owned())),
        None => (text, None),
    };
    let wish = match wish {
        "on" => Desired::On,
        "off" => Desired::Off,
        "keep" => Desired::Hold,
        "keep -> on if degraded-long" if sighting.history.degraded_long => Desired::On,
        "keep -> on if confirmed" if sighting.history.confirmed => Desired::On,
        "keep -> on if degraded-long" | "keep -> on if confirmed" => Desired::Hold,
        other => panic!("the table says {other:?}"),
    };
    let alert = match alert.as_deref().and_then(|alert| alert.split_once(" if ")) {
        Some((alert, "unreached-long")) => sighting.history.unreached_long.then(|| alert.to_owned()),
        Some((_, other)) => panic!("the table says {other:?}"),
        None => alert,
    };
    (wish, alert)
}

fn histories() -> impl Iterator<Item = History> {
    (0..1_u16 << 9).map(|bits| {
        let bit = |at: u16| bits & (1 << at) != 0;
        History {
            confirmed: bit(0),
            settled: bit(1),
            degraded_long: bit(2),
            laptop_renewed_twice: bit(3),
            min_run_passed: bit(4),
            leaseless_long: bit(5),
            may_recycle: bit(6),
            parked: bit(7),
            unreached_long: bit(8),
        }
    })
}

fn sightings() -> impl Iterator<Item = Sighting> {
    LeaseSight::ALL.into_iter().flat_map(|lease| {
        ProbeSight::ALL.into_iter().flat_map(move |probe| {
            ControlMode::ALL
                .into_iter()
                .flat_map(move |control| histories().map(move |history| Sighting { lease, probe, control, history }))
        })
    })
}

const fn instance_name(instance: InstanceState) -> &'static str {
    match instance {
        InstanceState::Terminated => "none",
        InstanceState::Stopped => "stopped",
        InstanceState::Stopping => "stopping",
        InstanceState::Pending => "pending",
        InstanceState::Running => "running",
    }
}

/// S5 in words of its own: home serves for certain, the cloud has no part in the lease, and it ran long enough.
fn stopping_is_safe(sighting: &Sighting, mode: Mode) -> bool {
    if !sighting.history.min_run_passed {
        return false;
    }
    match mode {
        Mode::Lease => {
            let cloud_has_part = match sighting.lease {
                LeaseSight::Fresh(site) | LeaseSight::Stale { site, .. } | LeaseSight::Offer(site) => {
                    site == Site::Cloud
                }
                LeaseSight::Free { .. } => false,
                LeaseSight::Missing | LeaseSight::Unreadable => true,
            };
            let laptop_holds = sighting.lease == LeaseSight::Fresh(Site::Laptop);
            laptop_holds && sighting.history.laptop_renewed_twice && !cloud_has_part
        }
        Mode::ProbeOnly => sighting.history.settled,
    }
}

/// The state that an act leads to.
const fn after(action: Action, instance: InstanceState) -> InstanceState {
    match action {
        Action::Launch | Action::Start => InstanceState::Pending,
        Action::Stop | Action::Recycle => InstanceState::Stopping,
        Action::Nothing | Action::Wait => instance,
    }
}

const fn acts(action: Action) -> bool {
    match action {
        Action::Launch | Action::Start | Action::Stop | Action::Recycle => true,
        Action::Nothing | Action::Wait => false,
    }
}

fn expected_action(cell: &str, sighting: &Sighting, budget: Budget, mode: Mode) -> Action {
    let spent = budget != Budget::Left;
    match cell {
        "nothing" => Action::Nothing,
        "wait" => Action::Wait,
        "launch" | "start" if spent => Action::Nothing,
        "launch" => Action::Launch,
        "start" => Action::Start,
        "recycle-if-due" if sighting.history.leaseless_long && sighting.history.may_recycle && !spent => {
            Action::Recycle
        }
        "stop-if-safe" if stopping_is_safe(sighting, mode) => Action::Stop,
        "recycle-if-due" | "stop-if-safe" => Action::Nothing,
        other => panic!("the table says {other:?}"),
    }
}

#[test]
fn stage_one_is_the_table_of_the_protocol() {
    for sighting in sightings() {
        let verdict = desired(&sighting, Mode::Lease);
        let (wish, alert) = by_text(&sighting);
        let forced = match sighting.control {
            ControlMode::Auto => Some(wish),
            ControlMode::ForceCloud => Some(Desired::On),
            ControlMode::ForceLaptop if sighting.lease == LeaseSight::Fresh(Site::Laptop) => Some(Desired::Off),
            ControlMode::ForceLaptop | ControlMode::Maintenance => Some(Desired::Hold),
        };
        assert_eq!(Some(verdict.desired), forced, "{sighting:?}");
        let names: Vec<String> = verdict
            .alerts
            .iter()
            .map(|alert| serde_json::to_value(alert).unwrap().as_str().unwrap().to_owned())
            .collect();
        if sighting.control == ControlMode::Auto {
            let mut due: Vec<String> = alert.into_iter().collect();
            if sighting.lease == LeaseSight::Fresh(Site::Cloud) && sighting.history.parked {
                due.push("flapping".to_owned());
            }
            if sighting.probe == ProbeSight::Forged {
                due.push("forged".to_owned());
            }
            let (mut found, mut due) = (names.clone(), due);
            found.sort();
            due.sort();
            assert_eq!(found, due, "{sighting:?}");
        }
        // Whatever the operator wants: a missing lease, an unreadable store and a forged answer are told.
        assert_eq!(verdict.alerts.contains(&Alert::LeaseMissing), sighting.lease == LeaseSight::Missing);
        assert_eq!(verdict.alerts.contains(&Alert::StoreUnreadable), sighting.lease == LeaseSight::Unreadable);
        assert_eq!(verdict.alerts.contains(&Alert::Forged), sighting.probe == ProbeSight::Forged);
    }
}

#[test]
fn every_combination_is_decided_once_and_safely() {
    let mut combinations = 0_u64;
    let stage_2 = Desired::ALL
        .map(|wish| InstanceState::ALL.map(|instance| cell(STAGE_2, wish.as_str(), instance_name(instance))));
    for mode in [Mode::Lease, Mode::ProbeOnly] {
        for sighting in sightings() {
            let verdict = desired(&sighting, mode);
            assert_eq!(verdict, desired(&sighting, mode), "the same sighting gave two verdicts: {sighting:?}");
            for instance in InstanceState::ALL {
                for budget in Budget::ALL {
                    combinations += 1;
                    let case = (sighting, instance, budget, mode);
                    let told: Plan = plan(&verdict, &sighting, instance, budget, mode);
                    assert_eq!(told, plan(&verdict, &sighting, instance, budget, mode), "two plans: {case:?}");
                    let due =
                        expected_action(stage_2[verdict.desired as usize][instance as usize], &sighting, budget, mode);
                    assert_eq!(told.action, due, "{case:?}");
                    if told.action == Action::Stop {
                        assert!(stopping_is_safe(&sighting, mode), "S5: {case:?}");
                    }
                    if budget != Budget::Left {
                        let starts = matches!(told.action, Action::Launch | Action::Start | Action::Recycle);
                        assert!(!starts, "S6: a start with a spent budget: {case:?}");
                    }
                    if verdict.desired == Desired::Hold {
                        assert_eq!(told.action, Action::Nothing, "{case:?}");
                    }
                    if acts(told.action) {
                        let next = after(told.action, instance);
                        let second = plan(&verdict, &sighting, next, budget, mode).action;
                        assert!(!acts(second), "S7: {:?} and then {second:?}: {case:?}", told.action);
                    }
                    let spent_alert =
                        told.alerts.contains(&Alert::StartsSpent) || told.alerts.contains(&Alert::HoursSpent);
                    let off = matches!(instance, InstanceState::Terminated | InstanceState::Stopped);
                    if verdict.desired == Desired::On && budget != Budget::Left && off {
                        assert!(spent_alert, "a spent budget turns On into an alert: {case:?}");
                    }
                    assert!(told.alerts.is_sorted_by(|one, next| one < next), "alerts in order, each once: {case:?}");
                }
            }
        }
    }
    assert_eq!(combinations, 12 * 9 * 4 * 512 * 5 * 3 * 2);
    println!("{combinations} combinations decided");
}

#[test]
fn without_a_shared_store_the_probe_alone_decides() {
    for sighting in sightings().filter(|sighting| sighting.control == ControlMode::Auto) {
        let wish = match column_of(sighting.probe) {
            "unreachable" if sighting.history.confirmed => Desired::On,
            "ok" if sighting.history.settled => Desired::Off,
            _ => Desired::Hold,
        };
        assert_eq!(desired(&sighting, Mode::ProbeOnly).desired, wish, "{sighting:?}");
    }
}
