//! What is said and written about reminders and time zones.

use relais_bot::{
    commands::{Reply, keys},
    reminders::{OUTBOX, Reminder, State as Waits},
};
use serde_json::{Value, json};
use serenity::model::Permissions;

use crate::talk::{NOW, Talk, message, unix};

#[test]
fn a_reminder_is_kept_with_an_entry_and_its_button_takes_both_back() {
    let mut talk = Talk::new();
    let reply = talk.command("remind", "", &[("when", "10m"), ("what", "  milk ")]);
    let at = unix("2026-11-25T12:10:00Z");
    assert_eq!(reply.content(), format!("I will remind you <t:{at}:F> (<t:{at}:R>)."));
    let button = &message(&reply).buttons[0];
    assert!(message(&reply).private && button.id == "remind:cancel:1001" && button.label == "Cancel");
    let kept = Reminder::read(talk.value(&keys::reminder(3, "42", "1001")).unwrap()).unwrap();
    assert_eq!((&*kept.what, kept.channel, kept.repeat, kept.state), ("milk", Some(5), None, Waits::Pending));
    assert_eq!(talk.kept(OUTBOX), [kept.outbox_key().to_string()]);

    let reply = talk.press("remind:cancel:1001", &[]);
    assert_eq!(reply, Reply::update("Cancelled: milk"));
    assert_eq!((talk.kept(OUTBOX).len(), talk.kept(&keys::all_reminders(3)).len()), (0, 0));
    assert_eq!(talk.press("remind:cancel:1001", &[]), Reply::update("That reminder is not there any more."));
}

#[test]
fn nobody_cancels_the_reminder_of_another() {
    let mut talk = Talk::new();
    talk.command("remind", "", &[("when", "10m"), ("what", "milk")]);
    talk.by(4, Permissions::all());
    assert_eq!(talk.press("remind:cancel:1001", &[]).content(), "That reminder is not there any more.");
    talk.press("reminders:cancel", &["1001"]);
    assert_eq!(talk.kept(OUTBOX).len(), 1);
}

#[test]
fn a_reminder_goes_where_it_was_asked_to_go() {
    let mut talk = Talk::new();
    talk.command("remind", "", &[("when", "10m"), ("what", "a"), ("where", "dm")]);
    assert_eq!(talk.value(&keys::reminder(3, "42", "1001")).unwrap()["channel"], Value::Null);
    talk.request.guild = None;
    talk.command("remind", "", &[("when", "10m"), ("what", "b"), ("where", "here")]);
    assert_eq!(talk.value(&keys::reminder(3, "dm-3", "1002")).unwrap()["channel"], Value::Null);
}

#[test]
fn what_cannot_be_reminded_of_is_refused_in_words() {
    let long = "x".repeat(1001);
    for (when, what, english, french) in [
        ("soonish", "a", "I could not read that time.", "Je n'ai pas compris ce moment."),
        ("2020-01-01 10:00", "a", "That time is in the past.", "Ce moment est déjà passé."),
        ("5s", "a", "That is too soon", "C'est trop tôt"),
        ("900d", "a", "That is too far away", "C'est trop loin"),
        ("10m", " ", "Say what to remind you of", "Dites quoi vous rappeler"),
        ("10m", &long, "Say what to remind you of", "Dites quoi vous rappeler"),
    ] {
        for (mut talk, text) in [(Talk::new(), english), (Talk::new().french(), french)] {
            let reply = talk.command("remind", "", &[("when", when), ("what", what)]);
            assert!(reply.content().starts_with(text), "{when:?}: {reply:?}");
            assert!(message(&reply).private && talk.kept(OUTBOX).is_empty());
        }
    }
}

#[test]
fn the_twenty_sixth_reminder_of_a_place_is_refused() {
    let mut talk = Talk::new();
    for n in 0..26 {
        // One a minute: nobody is asked to slow down.
        talk.request.now += jiff::SignedDuration::from_mins(1);
        let reply = talk.command("remind", "", &[("when", "3d"), ("what", &n.to_string())]);
        assert_eq!(reply.content().starts_with("You already have 25 reminders"), n == 25, "{n}: {reply:?}");
    }
    assert_eq!(talk.kept(OUTBOX).len(), 25);
    talk.request.guild = Some(43);
    talk.command("remind", "", &[("when", "3d"), ("what", "elsewhere")]);
    assert_eq!(talk.kept(OUTBOX).len(), 26);
}

#[test]
fn times_are_read_in_the_users_zone_else_in_the_servers_else_in_utc() {
    let due = |talk: &mut Talk| {
        talk.request.now = NOW.parse().unwrap();
        let reply = talk.command("remind", "", &[("when", "18:30"), ("what", "a")]);
        reply.content().split(':').nth(1).unwrap().parse::<i64>().unwrap()
    };
    let mut talk = Talk::new();
    assert_eq!(due(&mut talk), unix("2026-11-25T18:30:00Z"));
    talk.by(9, Permissions::MANAGE_GUILD).command("timezone", "", &[("zone", "Asia/Tokyo")]);
    assert_eq!(
        talk.press("timezone:server:Asia/Tokyo", &[]).content().split(',').next().unwrap(),
        "This server's time zone is now Asia/Tokyo"
    );
    assert_eq!(due(talk.by(3, Permissions::empty())), unix("2026-11-26T09:30:00Z"));
    talk.command("timezone", "", &[("zone", "europe/paris")]);
    assert_eq!(due(&mut talk), unix("2026-11-25T17:30:00Z"));
    let shown = talk.command("timezone", "", &[]);
    assert_eq!(shown.content(), "Your time zone is Europe/Paris. It is 13:00 there.");
}

#[test]
fn only_who_manages_the_server_sets_its_zone() {
    let mut talk = Talk::new();
    let reply = talk.command("timezone", "", &[("zone", "Europe/Paris")]);
    assert!(message(&reply).buttons.is_empty());
    assert!(talk.press("timezone:server:Europe/Paris", &[]).content().starts_with("You may not"));
    assert!(talk.value(&keys::guild_zone(42)).is_none());
    assert!(talk.command("timezone", "", &[("zone", "Mars/Base")]).content().contains("no time zone called Mars/Base"));
    let offered = talk.by(9, Permissions::ADMINISTRATOR).command("timezone", "", &[("zone", "Europe/Paris")]);
    assert_eq!(message(&offered).buttons[0].id, "timezone:server:Europe/Paris");
}

#[test]
fn the_list_shows_what_waits_and_what_failed_and_its_menu_cancels() {
    let mut talk = Talk::new();
    assert_eq!(talk.command("reminders", "", &[]).content(), "You have no reminders here.");
    talk.command("remind", "", &[("when", "2h"), ("what", "later"), ("repeat", "daily")]);
    talk.command("remind", "", &[("when", "10m"), ("what", "first\nline")]);
    let key = keys::reminder(3, "42", "1003");
    let mut failed = talk.value(&key).unwrap().clone();
    failed["state"] = json!("failed");
    talk.state.items.get_mut(&key).unwrap().value = failed;
    let reply = talk.command("reminders", "", &[]);
    let lines: Vec<&str> = reply.content().lines().collect();
    assert_eq!(lines[0], "Your reminders here (2):");
    assert!(lines[1].ends_with("could not be delivered · first line"), "{lines:?}");
    assert!(lines[2].ends_with("every day · later"), "{lines:?}");
    let menu = message(&reply).menu.as_ref().unwrap();
    assert_eq!(menu.options.iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["1003", "1002"]);
    let left = talk.press("reminders:cancel", &["1002"]);
    assert!(matches!(&left, Reply::Update(_)) && left.content().starts_with("Your reminders here (one)"), "{left:?}");
    assert!(talk.kept(OUTBOX).iter().all(|key| !key.ends_with("#1002")), "{:?}", talk.kept(OUTBOX));
}
