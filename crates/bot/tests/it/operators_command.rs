//! `/failover`: who may, what it means, what it writes.

use relais_bot::commands::{Standing, keys};
use relais_failover::{ControlMode, ControlRecord, EventKind, EventRecord, Site, Term, WallClock};
use serde_json::{Value, json};
use serenity::model::Permissions;

use crate::talk::{Talk, message, unix};

const HOUR_MS: u64 = 3_600_000;

fn operator() -> Talk {
    let mut talk = Talk::new();
    talk.state.operator = true;
    talk.by(3, Permissions::MANAGE_GUILD);
    talk.state.standing = Some(Standing { site: Site::Laptop, term: Term(9), since: WallClock(5_000), latency: None });
    talk
}

fn now() -> u64 {
    u64::try_from(unix(crate::talk::NOW)).unwrap() * 1000
}

fn override_by(user: u64, mode: ControlMode, hours: u64, reason: &str) -> ControlRecord {
    let until = WallClock(now() + hours * HOUR_MS);
    ControlRecord { schema: 1, mode, until, reason: reason.to_owned(), by: Some(user) }
}

#[test]
fn a_move_is_explained_and_then_asked_for_and_then_taken_back() {
    let mut talk = operator();
    let question = talk.command("failover", "move", &[("to", "cloud"), ("hours", "12"), ("reason", " a: b ")]);
    assert!(question.content().starts_with("This starts the cloud machine, moves the bot there"), "{question:?}");
    assert!(question.content().contains("for 12 hours. The machine is paid for"), "{question:?}");
    assert_eq!(talk.state.control, None, "a question writes nothing");
    let ids: Vec<_> = message(&question).buttons.iter().map(|button| button.id.clone()).collect();
    assert_eq!(ids, ["failover:cloud:12:a: b", "failover:leave"]);
    assert!(message(&question).private);

    assert_eq!(talk.press(&ids[1], &[]).content(), "Nothing was changed.");
    assert_eq!(talk.state.control, None);
    let until = (now() + 12 * HOUR_MS) / 1000;
    let done = talk.press(&ids[0], &[]);
    let told = format!("the bot belongs to cloud until <t:{until}:f> · by <@3> · “a: b”");
    assert_eq!(done.content(), format!("Asked for: {told}\n/failover history shows how it goes."));
    assert!(message(&done).buttons.is_empty());
    assert_eq!(talk.state.control, Some(override_by(3, ControlMode::ForceCloud, 12, "a: b")));

    let next = talk.command("failover", "maintenance", &[("hours", "1")]);
    assert!(next.content().starts_with("For one hour no machine is started or stopped"), "{next:?}");
    assert!(next.content().ends_with(&format!("\nIt replaces: {told}")), "{next:?}");
    let back = talk.command("failover", "auto", &[]);
    assert_eq!(back.content(), format!("Taken back: {told}\nThe protocol decides again."));
    let left = talk.state.control.clone().unwrap();
    assert_eq!(ControlRecord::mode_at(Some(&left), WallClock(now())), ControlMode::Auto);
    assert!(talk.command("failover", "auto", &[]).content().starts_with("Nothing was asked for"));
}

#[test]
fn every_mode_has_its_button_in_both_languages() {
    for (sub, to, mode) in [
        ("move", "laptop", ControlMode::ForceLaptop),
        ("move", "cloud", ControlMode::ForceCloud),
        ("maintenance", "", ControlMode::Maintenance),
    ] {
        for french in [false, true] {
            let mut talk = if french { operator().french() } else { operator() };
            let question = talk.command("failover", sub, &[("to", to), ("hours", "72")]);
            let id = message(&question).buttons[0].id.clone();
            let done = talk.press(&id, &[]);
            assert!(done.content().starts_with(if french { "Demandé : " } else { "Asked for: " }), "{done:?}");
            assert_eq!(talk.state.control, Some(override_by(3, mode, 72, "")));
        }
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_by_name_and_changes_nothing() {
    let mut talk = operator();
    let long = "é".repeat(61);
    for (options, starts) in [
        (vec![("to", "cloud"), ("hours", "0")], "That lasts 1 to 72 hours."),
        (vec![("to", "cloud"), ("hours", "73")], "That lasts 1 to 72 hours."),
        (vec![("to", "cloud"), ("hours", "-1")], "That lasts 1 to 72 hours."),
        (vec![("to", "cloud")], "That lasts 1 to 72 hours."),
        (vec![("to", "moon"), ("hours", "1")], "The bot can move to the laptop or to the cloud."),
        (vec![("hours", "1")], "The bot can move to the laptop or to the cloud."),
        (vec![("to", "cloud"), ("hours", "1"), ("reason", &*long)], "A reason has at most 60 characters."),
    ] {
        assert_eq!(talk.command("failover", "move", &options).content(), starts, "{options:?}");
    }
    let longest = "é".repeat(60);
    let question = talk.command("failover", "maintenance", &[("hours", "72"), ("reason", &longest)]);
    assert!(message(&question).buttons.iter().all(|button| button.id.chars().count() <= 100));
    // No message of ours has these buttons.
    let long = format!("failover:cloud:1:{long}");
    for forged in
        ["failover:cloud:999:", "failover:cloud:1", "failover:auto:1:", "failover:", "failover:cloud::x", &long]
    {
        assert_eq!(talk.press(forged, &[]).content(), "Nothing was changed.", "{forged}");
    }
    assert_eq!(talk.form("failover:cloud:1:", "x").content(), "Nothing was changed.");
    assert_eq!(talk.state.control, None);
}

#[test]
fn a_reason_written_by_hand_is_shown_as_far_as_it_fits() {
    let mut talk = operator();
    let record = override_by(3, ControlMode::Maintenance, 1, &"é".repeat(5000));
    talk.state.control = Some(record);
    for sub in ["history", "auto"] {
        let said = talk.command("failover", sub, &[]).content().to_owned();
        assert!(said.contains(&format!("“{}…”", "é".repeat(59))), "{said}");
    }
}

#[test]
fn only_an_operator_who_manages_the_server_gets_anything() {
    let refused = |talk: &mut Talk| {
        for sub in ["history", "auto", "move"] {
            let reply = talk.command("failover", sub, &[("to", "cloud"), ("hours", "1")]);
            assert!(reply.content().starts_with("Only an operator of this bot"), "{reply:?}");
        }
        let reply = talk.press("failover:cloud:1:", &[]);
        assert!(reply.content().starts_with("Only an operator of this bot"), "{reply:?}");
        assert!(!talk.command("help", "", &[]).content().contains("/failover"));
        assert_eq!(talk.state.control, None);
    };
    let mut stranger = operator();
    stranger.state.operator = false;
    refused(stranger.by(4, Permissions::all()));
    refused(operator().by(3, Permissions::empty()));
    let mut private = operator();
    private.request.guild = None;
    refused(&mut private);
    assert!(operator().command("help", "", &[]).content().contains("**/failover**"));
    assert!(operator().french().command("help", "", &[]).content().contains("**/bascule**"));
}

#[test]
fn history_tells_who_speaks_what_is_wished_and_ten_moves() {
    let mut talk = operator();
    let event = |n: u64| {
        let (kind, site) = match n % 2 {
            0 => (EventKind::TakenOver, Site::Cloud),
            _ => (EventKind::HandedOver, Site::Laptop),
        };
        EventRecord { schema: 1, kind, site, term: Term(n), at: WallClock(n * 1000) }
    };
    talk.state.history = (1..=12).rev().map(event).collect();
    let said = talk.command("failover", "history", &[]).content().to_owned();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..3],
        ["laptop speaks under term 9 since <t:5:f>.", "Asked for: nothing, the protocol decides", "Last moves:"]
    );
    assert_eq!(lines[3], "<t:12:f> · term 12 · taken over by cloud");
    assert_eq!(lines[4], "<t:11:f> · term 11 · handed over to laptop");
    assert_eq!(lines.len(), 3 + 10);
    // An override whose time is over is none.
    talk.state.control =
        Some(ControlRecord { until: WallClock(now()), ..override_by(4, ControlMode::Maintenance, 0, "") });
    assert_eq!(talk.command("failover", "history", &[]).content(), said);
    talk.state.control = Some(override_by(4, ControlMode::Maintenance, 2, "tidying"));
    let until = (now() + 2 * HOUR_MS) / 1000;
    let asked = format!("Asked for: maintenance until <t:{until}:f> · by <@4> · “tidying”");
    assert!(talk.command("failover", "history", &[]).content().contains(&asked));
    assert!(message(&talk.command("failover", "history", &[])).private);
}

#[test]
fn an_operators_data_is_exported_and_erased_and_the_override_goes_on() {
    let mut talk = operator();
    talk.state.control = Some(override_by(3, ControlMode::ForceCloud, 5, "my words"));
    let reply = talk.command("mydata", "export", &[]);
    let file: Value = serde_json::from_slice(&message(&reply).file.as_ref().unwrap().1).unwrap();
    assert_eq!(file["records"]["CONTROL"]["reason"], json!("my words"));
    talk.press("mydata:erase", &[]);
    let until = WallClock(now() + 5 * HOUR_MS);
    let bare = ControlRecord { schema: 1, mode: ControlMode::ForceCloud, until, reason: String::new(), by: None };
    assert_eq!(talk.state.control, Some(bare));
    assert!(talk.kept(&keys::of_user(3)).is_empty());

    // Another operator's is not theirs to see or to change.
    let others = override_by(4, ControlMode::ForceCloud, 5, "their words");
    talk.state.control = Some(others.clone());
    let reply = talk.command("mydata", "export", &[]);
    let file = message(&reply).file.as_ref().map(|(_, content)| String::from_utf8(content.clone()).unwrap());
    assert!(!file.unwrap_or_default().contains("their words"));
    talk.press("mydata:erase", &[]);
    assert_eq!(talk.state.control, Some(others));
}
