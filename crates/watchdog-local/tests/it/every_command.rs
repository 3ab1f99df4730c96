//! Every command in both languages, asked of the real bot process: what its users see, and that no request breaks a rule
//! of Discord's.

use relais_bot::reminders::{Reminder, record::SCHEMA};
use relais_failover::ControlMode;
use relais_host::clock::{Boottime, Clock as _};
use relais_store::{FencedWrite, OperationId};
use relais_world::discord::{Answered, CommandOption, EffectKind, Kind};
use serde_json::json;

use crate::bot_process::Site;
use crate::person::{Person, number, parts, text};

const GUILD: u64 = 100;
const CHANNEL: u64 = 201;

/// Everything that a user can do, once.
async fn everything(me: &Person<'_>) {
    let french = me.locale == "fr";
    let in_words = |english: &'static str, other: &'static str| if french { other } else { english };
    let starts = |answered: &Answered, english, other| {
        let words = in_words(english, other);
        assert!(answered.content.starts_with(words), "{:?} does not begin with {words:?}", answered.content);
    };

    assert_eq!(me.types("timezone", "zone", "paris").await[0], "Europe/Paris");
    let zone = me.says("timezone", vec![text("zone", "Europe/Paris")]).await;
    starts(&zone, "Your time zone is now Europe/Paris", "Votre fuseau horaire est désormais Europe/Paris");
    let server = me.presses(&zone, "timezone:server:Europe/Paris", None).await;
    starts(&server, "This server's time zone is now", "Le fuseau horaire de ce serveur est désormais");
    starts(&me.says("timezone", vec![]).await, "Your time zone is Europe/Paris", "Votre fuseau horaire est");
    starts(&me.says("timezone", vec![text("zone", "Nowhere")]).await, "There is no time zone", "Il n'y a pas de");

    let when = in_words("tomorrow 9:00", "demain 9h");
    assert_eq!(me.types("remind", "when", when).await, [when]);
    assert!(me.types("remind", "when", "").await.len() > 2);
    let remind = |when: &str, more: Vec<CommandOption>| {
        let options = [text("when", when), text("what", "@everyone milk")].into_iter().chain(more).collect();
        me.slash("remind", options)
    };
    let set = me.does(remind(when, vec![text("repeat", "daily")])).await;
    starts(&set, "I will remind you <t:", "Je vous le rappellerai <t:");
    starts(&me.does(remind("???", vec![])).await, "I could not read", "Je n'ai pas compris");
    let second = me.does(remind(in_words("2h30m", "2h30min"), vec![text("where", "dm")])).await;
    let list = me.says("reminders", vec![]).await;
    starts(&list, "Your reminders here (2)", "Vos rappels ici (2)");
    let cancelled = me.presses(&second, &parts(&second)[0], None).await;
    starts(&cancelled, "Cancelled: ", "Annulé : ");
    assert!(parts(&cancelled).is_empty(), "its button is left");
    let first = parts(&set)[0].rsplit(':').next().unwrap().to_owned();
    let left = me.presses(&list, "reminders:cancel", Some(vec![first])).await;
    starts(&left, "You have no reminders here", "Vous n'avez aucun rappel ici");

    let name = format!("tag-{}", me.id);
    let tag = |verb: &str| vec![CommandOption::subcommand(verb, vec![text("name", &name)])];
    let form = me.says("tag", tag("set")).await;
    assert_eq!((form.callback, form.data["custom_id"].as_str()), (9, Some(&*format!("tag:keep:{name}"))));
    starts(&me.sends(&format!("tag:keep:{name}"), "@here is a text").await, "Kept: ", "Gardé : ");
    assert_eq!(me.says("tag", tag("get")).await.content, "@here is a text");
    let form = me.says("tag", tag("set")).await;
    assert_eq!(form.data["components"][0]["components"][0]["value"], "@here is a text");
    starts(&me.says("tag", vec![CommandOption::subcommand("list", vec![])]).await, "Tags here (one)", "Notes ici (1)");
    starts(&me.says("tag", tag("delete")).await, "Deleted: ", "Supprimé : ");
    starts(&me.says("tag", tag("get")).await, "No tag named", "Aucune note nommée");

    let poll =
        me.says("poll", vec![text("question", "Tea?"), text("answers", "yes;no;perhaps"), number("hours", 768)]).await;
    assert_eq!(poll.data["poll"]["answers"].as_array().unwrap().len(), 3);
    starts(&me.says("poll", vec![text("question", "?"), text("answers", "a")]).await, "A poll has", "Un sondage a");

    starts(&me.says("status", vec![]).await, "Site: laptop", "Site : laptop");
    starts(&me.says("help", vec![]).await, "What I can do:", "Ce que je sais faire :");
    let sub = |verb: &str| vec![CommandOption::subcommand(verb, vec![])];
    let file = me.says("mydata", sub("export")).await;
    starts(&file, "Everything that this bot keeps", "Tout ce que ce bot garde");
    let question = me.says("mydata", sub("delete")).await;
    starts(&me.presses(&question, "mydata:keep", None).await, "Nothing was erased", "Rien n'a été effacé");
    starts(&me.presses(&question, "mydata:erase", None).await, "Everything about you", "Tout ce qui vous concerne");
    let left = me.site.store.list(&format!("STATE#USER#{}#", me.id), 10).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    operate(me).await;
    starts(&me.says("nonsense", vec![]).await, "This bot does not know", "Ce bot ne connaît pas");
}

/// What only an operator can do, and that the store hears it; nothing moves by it.
async fn operate(me: &Person<'_>) {
    let with = |verb: &str, mut options: Vec<CommandOption>| {
        options.push(number("hours", 2));
        vec![CommandOption::subcommand(verb, options)]
    };
    let bare = |verb: &str| vec![CommandOption::subcommand(verb, vec![])];
    let control = async || {
        let record = me.site.store.read_board().await.unwrap().control.unwrap();
        (record.mode, record.reason, record.by)
    };
    let in_words = |english: &'static str, french: &'static str| if me.locale == "fr" { french } else { english };

    let moving = with("move", vec![text("to", "cloud")]);
    let question = me.says("failover", moving).await;
    assert!(question.content.starts_with(in_words("This starts the cloud", "Cela démarre la machine")));
    let left = me.presses(&question, "failover:leave", None).await;
    assert_eq!(left.content, in_words("Nothing was changed.", "Rien n'a été changé."));
    let question = me.says("failover", with("maintenance", vec![text("reason", "@here a: b")])).await;
    let set = me.presses(&question, &parts(&question)[0], None).await;
    assert!(set.content.starts_with(in_words("Asked for: ", "Demandé : ")), "{}", set.content);
    assert_eq!(control().await, (ControlMode::Maintenance, "@here a: b".to_owned(), Some(me.id)));
    let history = me.says("failover", bare("history")).await;
    assert!(history.content.contains("@here a: b"), "{}", history.content);
    let back = me.says("failover", bare("auto")).await;
    assert!(back.content.starts_with(in_words("Taken back: ", "Annulé : ")), "{}", back.content);
    assert_eq!(control().await, (ControlMode::Auto, String::new(), Some(me.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_in_both_languages_is_answered_within_discords_rules() {
    let mut site = Site::with(1.0, |_, settings| settings["discord"]["operators"] = json!(["7", "8"])).await;
    site.start();
    site.sessions(1).await;
    for (id, locale) in [(7, "en-US"), (8, "fr")] {
        everything(&Person { site: &site, locale, id }).await;
    }
    deliver(&site).await;
    let violations: Vec<_> = site.discord.violations().iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(site.discord.own_faults(), Vec::<String>::new());
    let tally = site.discord.tally();
    assert_eq!((tally.expired, tally.duplicates), (0, 0));
    let log = site.discord.log();
    let operations: std::collections::BTreeSet<_> = log
        .iter()
        .filter_map(|entry| match &entry.kind {
            Kind::Effect(effect) => Some(effect.operation),
            _ => None,
        })
        .collect();
    println!(
        "{} answers; {} distinct operations with effects: {operations:?}; bodies of {} operations judged by Discord's document",
        tally.answered,
        operations.len(),
        site.discord.operations_judged()
    );
    assert!(operations.len() >= 3, "{operations:?}");
}

/// Three reminders that are due: in a channel, in a direct message, and in a channel that is gone; and a fourth of a
/// newer program, which must be left as it is.
async fn deliver(site: &Site) {
    let now = i64::try_from(Boottime.wall().0).unwrap();
    let newer = Reminder { schema: SCHEMA + 1, ..Reminder::single(4, 4, GUILD, "newer", now - 120_000) };
    let operation = OperationId::new("test-newer");
    let tx = FencedWrite { fence: site.fence().await, operation, writes: newer.kept() };
    site.store.commit(&tx).await.unwrap();
    let channels = [(1, Some(CHANNEL), "en"), (2, None, "fr"), (3, Some(999), "fr")];
    for (user, channel, language) in channels {
        let (id, what) = (format!("179000000000000000{user}"), format!("@everyone for {user}"));
        let reminder = Reminder {
            channel,
            language: language.to_owned(),
            ..Reminder::single(id, user, GUILD, what, now - 120_000)
        };
        let operation = OperationId::new(format!("test-{user}"));
        let tx = FencedWrite { fence: site.fence().await, operation, writes: reminder.kept() };
        site.store.commit(&tx).await.unwrap();
    }
    let left = async || -> Vec<String> {
        let entries = site.store.list("OUTBOX#", 10).await.unwrap();
        entries.into_iter().map(|entry| entry.key.to_string()).collect()
    };
    for _ in 0..2_000 {
        if left().await.len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(left().await, [newer.outbox_key().to_string()]);
    let shown = |channel: u64| -> Vec<String> {
        let messages = site.discord.messages(channel).into_iter().filter(|message| message.nonce.is_some());
        messages.map(|message| message.object["content"].as_str().unwrap().to_owned()).collect()
    };
    let at = (now - 120_000).div_euclid(1000);
    assert_eq!(shown(CHANNEL), [format!("<@1> @everyone for 1 (due <t:{at}:R>, the bot was unavailable)")]);
    for user in [2, 3] {
        let channel = site.discord.private_channel(user).unwrap();
        let text = format!("<@{user}> @everyone for {user} (prévu <t:{at}:R>, le bot était indisponible)");
        assert_eq!(shown(channel), [text]);
    }
    let messages = site.discord.log().iter().filter(|entry| matches!(&entry.kind, Kind::Effect(effect) if effect.kind == EffectKind::Message && effect.accepted())).count();
    assert_eq!(messages, 3);
}
