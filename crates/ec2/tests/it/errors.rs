//! Every error of the protocol's stage 2, injected once: what was asked, and what the watchdog is told.

use relais_ec2::Market;
use relais_watchdog::{MachineId, Standby as _, StandbyError};

use crate::little_ec2::{Answer, Instance, LittleEc2, launch, stopped};

use Answer::{Lost, No, Yes};

const CAPACITY: Answer = No(500, "InsufficientInstanceCapacity");

/// A start in the mode `launch`: the answers, what is told, and what was asked (without the token).
async fn started(market: Market, answers: &[Answer]) -> (Result<(), StandbyError>, Vec<String>) {
    let ec2 = LittleEc2::start().await;
    ec2.script(answers);
    let told = ec2.standby(launch(market)).start("t").await;
    let asked = ec2.calls().iter().map(|call| call.trim_start_matches("RunInstances ").to_owned()).collect();
    (told, asked)
}

#[tokio::test]
async fn every_error_of_a_launch_has_its_end() {
    let told = |error: StandbyError| Err(error);
    let strange = || told(StandbyError::Unavailable("InvalidAMIID.NotFound: why".to_owned()));
    let gone = || told(StandbyError::Unanswered("InternalError: why".to_owned()));
    type Row = (&'static str, Vec<Answer>, Result<(), StandbyError>, Vec<&'static str>);
    let rows: Vec<Row> = vec![
        ("given", vec![Yes], Ok(()), vec!["small a t-0"]),
        (
            "somebody else did it",
            vec![No(400, "IncorrectInstanceState")],
            told(StandbyError::IncorrectInstanceState),
            vec!["small a t-0"],
        ),
        (
            "the token has its machine already, asked for in other words",
            vec![No(400, "IdempotentParameterMismatch")],
            told(StandbyError::IncorrectInstanceState),
            vec!["small a t-0"],
        ),
        ("capacity comes with the second try", vec![CAPACITY, Yes], Ok(()), vec!["small a t-0", "small a t-0"]),
        (
            "no capacity in a zone: the next one after two tries",
            vec![CAPACITY, CAPACITY, Yes],
            Ok(()),
            vec!["small a t-0", "small a t-0", "small b t-1"],
        ),
        (
            "no capacity of a type: the next type",
            vec![CAPACITY, CAPACITY, CAPACITY, CAPACITY, Yes],
            Ok(()),
            vec!["small a t-0", "small a t-0", "small b t-1", "small b t-1", "large a t-2"],
        ),
        (
            "a type that a zone does not have",
            vec![No(400, "Unsupported"), No(400, "Unsupported"), Yes],
            Ok(()),
            vec!["small a t-0", "small a t-0", "small b t-1"],
        ),
        (
            "no capacity at all",
            vec![CAPACITY; 8],
            told(StandbyError::InsufficientCapacity),
            vec![
                "small a t-0",
                "small a t-0",
                "small b t-1",
                "small b t-1",
                "large a t-2",
                "large a t-2",
                "large b t-3",
                "large b t-3",
            ],
        ),
        (
            "throttled: the same again, three tries at most",
            vec![No(503, "RequestLimitExceeded"); 3],
            told(StandbyError::Throttled),
            vec!["small a t-0"; 3],
        ),
        (
            "throttled twice",
            vec![No(503, "RequestLimitExceeded"), No(503, "RequestLimitExceeded"), Yes],
            Ok(()),
            vec!["small a t-0"; 3],
        ),
        (
            "not allowed: a page at once",
            vec![No(403, "UnauthorizedOperation")],
            told(StandbyError::Unauthorized),
            vec!["small a t-0"],
        ),
        (
            "a limit of the account: a page at once",
            vec![No(400, "VcpuLimitExceeded")],
            told(StandbyError::LimitExceeded),
            vec!["small a t-0"],
        ),
        (
            "a fault of the service: the same once more",
            vec![No(500, "InternalError"), Yes],
            Ok(()),
            vec!["small a t-0"; 2],
        ),
        ("a fault of the service that stays", vec![No(500, "InternalError"); 2], gone(), vec!["small a t-0"; 2]),
        ("a lost answer: the same token again", vec![Lost, Yes], Ok(()), vec!["small a t-0"; 2]),
        ("something else", vec![No(400, "InvalidAMIID.NotFound")], strange(), vec!["small a t-0"]),
    ];
    assert_eq!(rows.len(), 16);
    for (what, answers, expected, asked) in rows {
        assert_eq!(
            started(Market::OnDemand, &answers).await,
            (expected, asked.into_iter().map(str::to_owned).collect()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn spot_that_is_refused_becomes_on_demand() {
    for (code, times) in [("MaxSpotInstanceCountExceeded", 1), ("SpotMaxPriceTooLow", 1), ("VcpuLimitExceeded", 1)] {
        let mut answers = vec![No(400, code); times];
        answers.push(Yes);
        let (told, asked) = started(Market::SpotFirst, &answers).await;
        assert_eq!((told, asked), (Ok(()), vec!["spot small a t-0".to_owned(), "small a t-4".to_owned()]), "{code}");
    }
    let (told, asked) = started(Market::SpotFirst, &[CAPACITY, CAPACITY, Yes]).await;
    assert_eq!(told, Ok(()));
    assert_eq!(asked, ["spot small a t-0", "spot small a t-0", "spot small b t-1"]);
    let (told, asked) = started(Market::SpotFirst, &[CAPACITY; 9]).await;
    assert_eq!((told, asked.len(), asked[9].as_str()), (Ok(()), 10, "small a t-4"));
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_machine() {
    let ec2 = LittleEc2::start().await;
    let standby = ec2.standby(launch(Market::OnDemand));
    // Two types have no capacity; the third is given, and nobody hears of it.
    ec2.script(&[CAPACITY, CAPACITY, CAPACITY, CAPACITY, Lost, Lost]);
    assert!(matches!(standby.start("t").await, Err(StandbyError::Unanswered(_))));
    // The next look does not see the machine yet and starts again: under the same token, the same is asked.
    assert_eq!(standby.start("t").await, Ok(()));
    assert_eq!(ec2.calls().last().unwrap(), "RunInstances large a t-2");
    assert_eq!(ec2.with(|account| account.instances.len()), 1);
}

#[tokio::test]
async fn every_error_of_a_stop_has_its_end() {
    for (answers, expected, times) in [
        (vec![Yes], Ok(()), 1),
        (vec![No(400, "IncorrectInstanceState")], Err(StandbyError::IncorrectInstanceState), 1),
        (vec![No(400, "InvalidInstanceID.NotFound")], Err(StandbyError::IncorrectInstanceState), 1),
        (vec![No(400, "OperationNotPermitted")], Err(StandbyError::Unauthorized), 1),
        (vec![No(403, "UnauthorizedOperation")], Err(StandbyError::Unauthorized), 1),
        (vec![No(503, "RequestLimitExceeded"); 3], Err(StandbyError::Throttled), 3),
        (vec![Lost, Yes], Ok(()), 2),
    ] {
        for (config, action) in [(launch(Market::OnDemand), "TerminateInstances"), (stopped(), "StopInstances")] {
            let ec2 = LittleEc2::start().await;
            ec2.with(|account| account.instances.push(running("i-1", "relais")));
            ec2.script(&answers);
            // A lost stop is repeated on a machine that is stopping already.
            assert_eq!(ec2.standby(config).stop(&MachineId("i-1".to_owned())).await, expected, "{answers:?}");
            assert_eq!(ec2.calls(), vec![format!("{action} i-1"); times]);
        }
    }
}

#[tokio::test]
async fn every_error_of_a_look_has_its_end() {
    for (answers, expected) in [
        (vec![No(503, "RequestLimitExceeded"), Yes], Ok(1)),
        (vec![No(503, "RequestLimitExceeded"); 3], Err(StandbyError::Throttled)),
        (vec![No(500, "InternalError"), Yes], Ok(1)),
        (vec![No(403, "UnauthorizedOperation")], Err(StandbyError::Unauthorized)),
        (vec![No(401, "AuthFailure")], Err(StandbyError::Unauthorized)),
    ] {
        let ec2 = LittleEc2::start().await;
        ec2.with(|account| {
            account.instances.push(running("i-1", "relais"));
            account.looks.extend(&answers);
        });
        let seen = ec2.standby(launch(Market::OnDemand)).describe().await.map(|machines| machines.len());
        assert_eq!(seen, expected, "{answers:?}");
        assert!(ec2.with(|account| account.looks.is_empty()), "{answers:?}: not every answer was asked for");
    }
}

pub(crate) fn running(id: &str, project: &'static str) -> Instance {
    Instance { id: id.to_owned(), token: String::new(), state: "running", project }
}
