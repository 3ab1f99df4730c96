//! What each of the other commands says and writes.

use relais_bot::{
    commands::{Command, Reply, Standing, TABLE, find, keys, rate},
    reminders::OUTBOX,
};
use relais_failover::{EventKind, EventRecord, Site, Term, WallClock};
use serde_json::{Value, json};
use serenity::model::Permissions;

use crate::talk::{Talk, message};

#[test]
fn a_tag_is_written_by_its_form_and_read_by_everybody() {
    let mut talk = Talk::new();
    let Reply::Ask(form) = talk.command("tag", "set", &[("name", "Milk")]) else { panic!("no form") };
    assert_eq!((&*form.id, &*form.text, form.most), ("tag:keep:milk", "", 1900));
    assert_eq!(talk.form("tag:keep:milk", " two litres "), Reply::private("Kept: milk"));
    assert_eq!(talk.value(&keys::tag("42", "milk")).unwrap(), &json!({ "text": "two litres", "by": "3" }));
    assert_eq!(
        talk.by(4, Permissions::empty()).command("tag", "get", &[("name", "milk")]),
        Reply::public("two litres")
    );
    assert_eq!(talk.command("tag", "get", &[("name", "tea")]), Reply::private("No tag named tea."));
    assert_eq!(talk.command("tag", "list", &[]).content(), "Tags here (one): milk");
    assert_eq!(talk.typing("tag", "get", "name", "mi"), ["milk"]);
}

#[test]
fn a_tag_is_changed_by_its_author_and_by_moderators_only() {
    let mut talk = Talk::new();
    talk.form("tag:keep:milk", "mine");
    for permissions in [Permissions::empty(), Permissions::MANAGE_GUILD] {
        talk.by(4, permissions);
        assert_eq!(talk.command("tag", "set", &[("name", "milk")]).content(), "You may not change this tag.");
        assert_eq!(talk.form("tag:keep:milk", "theirs").content(), "You may not change this tag.");
        assert_eq!(talk.command("tag", "delete", &[("name", "milk")]).content(), "You may not change this tag.");
    }
    talk.by(4, Permissions::MANAGE_MESSAGES).form("tag:keep:milk", "corrected");
    assert_eq!(talk.value(&keys::tag("42", "milk")).unwrap(), &json!({ "text": "corrected", "by": "3" }));
    let Reply::Ask(form) = talk.by(3, Permissions::empty()).command("tag", "set", &[("name", "milk")]) else {
        panic!("no form for its author")
    };
    assert_eq!(form.text, "corrected");
    assert_eq!(talk.command("tag", "delete", &[("name", "milk")]).content(), "Deleted: milk");
    assert!(talk.kept("STATE#TAG#").is_empty() && talk.kept(&keys::all_authored(3)).is_empty());
}

#[test]
fn bad_names_and_texts_of_tags_are_refused_without_a_write() {
    let long = "x".repeat(1901);
    let mut talk = Talk::new();
    for name in ["a#b", "", "thirty-three-characters-is-too-long", "é"] {
        assert!(talk.form(&format!("tag:keep:{name}"), "text").content().starts_with("A tag's name is"), "{name}");
        assert!(talk.command("tag", "get", &[("name", name)]).content().starts_with("A tag's name is"), "{name}");
    }
    for text in [" ", &long] {
        assert!(talk.form("tag:keep:a", text).content().starts_with("A tag has 1 to 1900"));
    }
    assert!(talk.kept("STATE#TAG#").is_empty());
}

#[test]
fn tags_of_two_places_do_not_meet_and_a_full_place_takes_no_more() {
    let mut talk = Talk::new();
    for n in 0..201 {
        talk.request.now += jiff::SignedDuration::from_mins(1);
        let reply = talk.form(&format!("tag:keep:t{n}"), "x");
        assert_eq!(reply.content().starts_with("This server has 200 tags"), n == 200, "{n}");
    }
    talk.request.guild = None;
    talk.form("tag:keep:t1", "private");
    assert_eq!(talk.value(&keys::tag("dm-3", "t1")).unwrap()["text"], "private");
    assert_eq!(talk.value(&keys::tag("42", "t1")).unwrap()["text"], "x");
}

#[test]
fn a_poll_is_discords_own() {
    let mut talk = Talk::new();
    let reply = talk.command(
        "poll",
        "",
        &[("question", "Tea?"), ("answers", "Yes; no ;  may  be"), ("hours", "48"), ("several", "true")],
    );
    let poll = message(&reply).poll.as_ref().unwrap();
    assert_eq!((&*poll.question, poll.hours, poll.several), ("Tea?", 48, true));
    assert_eq!(poll.answers, ["Yes", "no", "may be"]);
    assert!(!message(&reply).private);
    let eleven = (0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(";");
    for answers in ["one", "a;", "a;A", &eleven, &format!("a;{}", "x".repeat(56))] {
        let reply = talk.command("poll", "", &[("question", "?"), ("answers", answers)]);
        assert!(reply.content().starts_with("A poll has 2 to 10"), "{answers:?}: {reply:?}");
    }
    for hours in ["0", "769", "-1", "many"] {
        let reply = talk.command("poll", "", &[("question", "?"), ("answers", "a;b"), ("hours", hours)]);
        assert!(reply.content().starts_with("A poll is open for 1 to 768"), "{hours:?}: {reply:?}");
    }
}

#[test]
fn status_names_site_term_moves_and_what_waits() {
    let mut talk = Talk::new();
    assert_eq!(talk.command("status", "", &[]).content(), "The bot does not hold the lease.");
    talk.state.standing = Some(Standing { site: Site::Cloud, term: Term(9), since: WallClock(5_000), latency: None });
    let event = |kind, site, at| EventRecord { schema: 1, kind, site, term: Term(1), at: WallClock(at) };
    talk.state.history =
        vec![event(EventKind::TakenOver, Site::Cloud, 5_000), event(EventKind::HandedOver, Site::Laptop, 1_000)];
    talk.command("remind", "", &[("when", "10m"), ("what", "a")]);
    let said = talk.command("status", "", &[]).content().to_owned();
    let expected = "Site: cloud\nTerm: 9\nActive: <t:5:R>\nGateway latency: not measured yet\nPending reminders: 1\n\
                    Last moves: taken over by cloud <t:5:R>, handed over to laptop <t:1:R>";
    assert_eq!(said, expected);
}

#[test]
fn everything_kept_about_a_user_is_exported_and_then_erased_and_nothing_of_others() {
    let mut talk = Talk::new();
    for user in [3, 4] {
        talk.by(user, Permissions::empty());
        talk.request.guild = Some(42);
        talk.command("timezone", "", &[("zone", "Europe/Paris")]);
        talk.command("remind", "", &[("when", "10m"), ("what", "milk")]);
        talk.request.guild = Some(43);
        talk.command("remind", "", &[("when", "3d"), ("what", "bread")]);
        talk.form(&format!("tag:keep:tag-of-{user}"), &format!("written by {user}"));
    }
    let of_four = |talk: &Talk| talk.state.items.keys().filter(|key| !key.as_str().contains("USER#3#")).count();
    let others = of_four(&talk);
    talk.by(3, Permissions::empty());
    let reply = talk.command("mydata", "export", &[]);
    let (name, content) = message(&reply).file.as_ref().unwrap();
    let file: Value = serde_json::from_slice(content).unwrap();
    let text = file.to_string();
    assert_eq!((&**name, &file["user"]), ("mydata.json", &json!("3")));
    for part in ["milk", "bread", "Europe/Paris", "written by 3"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("written by 4"), "{text}");

    let question = talk.command("mydata", "delete", &[]);
    assert_eq!(message(&question).buttons.iter().map(|b| &*b.id).collect::<Vec<_>>(), ["mydata:erase", "mydata:keep"]);
    assert_eq!(talk.press("mydata:keep", &[]).content(), "Nothing was erased.");
    assert_eq!(talk.press("mydata:erase", &[]).content(), "Everything about you is erased.");
    assert!(talk.kept(&keys::of_user(3)).is_empty(), "{:?}", talk.kept(&keys::of_user(3)));
    assert!(talk.value(&keys::tag("43", "tag-of-3")).is_none());
    // Two entries of the outbox and the tag of the erased user went; everything of the other stands.
    assert_eq!(of_four(&talk), others - 3);
}

#[test]
fn more_than_one_transaction_holds_is_erased_in_several() {
    let mut talk = Talk::new();
    for guild in 0..4 {
        talk.request.guild = Some(100 + guild);
        for n in 0..20 {
            talk.request.now += jiff::SignedDuration::from_mins(1);
            talk.command("remind", "", &[("when", "30d"), ("what", &n.to_string())]);
        }
    }
    let mut presses = 0;
    while !talk.kept(&keys::of_user(3)).is_empty() {
        presses += 1;
        assert!(presses < 5, "{:?}", talk.kept(&keys::of_user(3)));
        talk.press("mydata:erase", &[]);
    }
    assert_eq!((presses, talk.kept(OUTBOX).len()), (2, 0));
}

#[test]
fn who_asks_too_much_at_once_is_told_to_wait_and_nothing_is_done() {
    let mut talk = Talk::new();
    for _ in 0..rate::MOST {
        talk.command("help", "", &[]);
    }
    let reply = talk.form("tag:keep:a", "text");
    assert_eq!(reply, Reply::private("That is a lot at once. Try again in 60 seconds."));
    assert!(talk.value(&keys::tag("42", "a")).is_none());
    assert!(!talk.by(4, Permissions::empty()).command("help", "", &[]).content().starts_with("That is a lot"));
}

#[test]
fn suggestions_write_nothing_and_offer_what_can_be_read() {
    let mut talk = Talk::new();
    assert_eq!(talk.typing("remind", "", "when", ""), ["10m", "1h", "18:00", "tomorrow 9:00"]);
    assert_eq!(talk.typing("remind", "", "when", "45m"), ["45m"]);
    assert_eq!(talk.typing("timezone", "", "zone", "paris").first().map(String::as_str), Some("Europe/Paris"));
    assert_eq!(Talk::new().french().typing("remind", "", "when", "zut"), ["10min", "1h", "18h30", "demain 9h"]);
    assert!(talk.state.items.is_empty());
}

#[test]
fn help_tells_every_command_in_both_languages() {
    let (english, french) = (Talk::new().command("help", "", &[]), Talk::new().french().command("help", "", &[]));
    for Command { name, .. } in TABLE.iter().filter(|command| !command.operators) {
        assert!(english.content().contains(&format!("**/{name}**")), "{name}");
    }
    for name in ["rappel", "rappels", "fuseau", "note", "sondage", "état", "mesdonnées", "aide"] {
        assert!(french.content().contains(&format!("**/{name}**")), "{name}");
    }
}

#[test]
fn an_unknown_command_is_said_to_be_unknown() {
    assert_eq!(Talk::new().command("none", "", &[]).content(), "This bot does not know that command.");
    assert!(find("none").is_none());
    for command in TABLE {
        assert_eq!(serde_json::to_value((command.register)()).unwrap()["name"], command.name);
    }
}

#[test]
fn a_record_that_names_somebody_elses_leads_to_nothing_of_theirs() {
    let mut talk = Talk::new();
    talk.by(4, Permissions::empty()).command("remind", "", &[("when", "10m"), ("what", "theirs")]);
    talk.form("tag:keep:tea", "theirs too");
    let theirs = talk.kept("");
    let of_four = talk.kept(&keys::all_reminders(4)).remove(0);
    let value = talk.state.items.values().find(|item| item.key.as_str() == of_four).unwrap().value.clone();
    // Records of user 3 that name what is user 4's.
    for (key, value) in [(keys::reminder(3, "42", "7"), value), (keys::authored(3, "42", "tea"), json!({}))] {
        talk.state.items.insert(key.clone(), relais_store::StateItem { key, value, revision: 1 });
    }
    talk.by(3, Permissions::empty());
    assert_eq!(talk.press("remind:cancel:7", &[]).content(), "That reminder is not there any more.");
    assert_eq!(talk.command("reminders", "", &[]).content(), "You have no reminders here.");
    let exported = talk.command("mydata", "export", &[]);
    let (_, file) = message(&exported).file.as_ref().unwrap();
    assert!(!String::from_utf8_lossy(file).contains("theirs too"));
    talk.press("mydata:erase", &[]);
    assert_eq!(talk.kept(""), theirs);
}
