//! The two libraries the bot is made of: twilight's gateway and serenity's model, REST and builders.

use std::{sync::Arc, time::Duration};

use relais_world::discord::{CommandOption, Kind, Opened, Outcome, SmallDiscord};
use serenity::{
    all::{
        CommandOptionType, CreateAllowedMentions, CreateCommand, CreateCommandOption, CreateInteractionResponse,
        CreateInteractionResponseMessage, CreateMessage, EditInteractionResponse, Event, GatewayEvent, GuildId, Http,
        HttpBuilder, Interaction,
    },
    model::id::{ApplicationId, ChannelId},
};
use tokio_stream::StreamExt;
use twilight_gateway::{CloseFrame, ConfigBuilder, Intents, Message, Shard, ShardId};

use super::{APPLICATION, TOKEN, config, discord, status, until};

/// Pace at which nothing of Discord times out during a test.
const SLOW: f64 = 0.1;

fn http(discord: &SmallDiscord, tag: &str) -> Arc<Http> {
    let base = format!("http://{}", discord.address(tag).unwrap());
    let builder = HttpBuilder::new(TOKEN).proxy(base).application_id(ApplicationId::new(APPLICATION));
    // serenity's rate limiter builds its requests without the proxy: with it on, they would go to the real Discord.
    Arc::new(builder.ratelimiter_disabled(true).build())
}

fn shard(discord: &SmallDiscord, tag: &str, resumed: Option<(twilight_gateway::Session, String)>) -> Shard {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = discord.gateway_url_for(tag).unwrap();
    let mut config = ConfigBuilder::new(TOKEN.to_owned(), Intents::GUILDS).proxy_url(url);
    if let Some((session, url)) = resumed {
        config = config.session(session).resume_url(url);
    }
    Shard::with_config(ShardId::ONE, config.build())
}

/// The next dispatch as serenity decodes it: never an unknown one.
async fn event(shard: &mut Shard) -> Event {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), shard.next()).await.unwrap().unwrap();
        let Ok(Message::Text(text)) = next else { continue };
        match serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")) {
            GatewayEvent::Dispatch(_, Event::Unknown(unknown)) => panic!("undecodable: {unknown:?}"),
            GatewayEvent::Dispatch(_, event) => return event,
            _ => {}
        }
    }
}

async fn command(shard: &mut Shard) -> serenity::all::CommandInteraction {
    loop {
        if let Event::InteractionCreate(create) = event(shard).await {
            match create.interaction {
                Interaction::Command(command) => return command,
                other => panic!("expected a command, got {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn twilight_hears_what_serenity_decodes() {
    let discord = discord(SLOW).await;
    let mut shard = shard(&discord, "laptop", None);
    let Event::Ready(ready) = event(&mut shard).await else { panic!("READY comes first") };
    assert_eq!(ready.ready.user.id.get(), APPLICATION);
    let Event::GuildCreate(guild) = event(&mut shard).await else { panic!("then the guild") };
    assert_eq!((guild.guild.id, guild.guild.channels.len()), (GuildId::new(100), 2));
    let mut asked = status();
    asked.options = vec![CommandOption::subcommand("set", vec![CommandOption::text("name", "milk")])];
    let handle = discord.interact(asked);
    let command = command(&mut shard).await;
    assert_eq!((command.id.get(), command.locale.as_str()), (handle.id, "fr"));
    assert_eq!(command.member.unwrap().user.name, "ada");
    let age = command.id.created_at().unix_timestamp().unsigned_abs();
    assert_eq!(age, handle.created_at / 1000);
    let mut private = status();
    private.guild = None;
    discord.interact(private);
    assert_eq!(self::command(&mut shard).await.user.name, "ada");
}

#[tokio::test]
async fn serenity_registers_answers_edits_and_sends_without_breaking_a_rule() {
    let discord = discord(SLOW).await;
    let http = http(&discord, "cloud");
    assert_eq!(http.get_bot_gateway().await.unwrap().session_start_limit.total, 1000);
    assert_eq!(http.get_current_user().await.unwrap().id.get(), APPLICATION);
    assert_eq!(http.get_current_application_info().await.unwrap().id.get(), APPLICATION);
    let name = CreateCommandOption::new(CommandOptionType::String, "name", "Which").required(true).max_length(32);
    let set = CreateCommandOption::new(CommandOptionType::SubCommand, "set", "Write").add_sub_option(name);
    let note = CreateCommand::new("note").description("Notes").name_localized("fr", "mémo").add_option(set);
    let status_command = CreateCommand::new("status").description("Who speaks");
    let registered = http.create_global_commands(&[note, status_command]).await.unwrap();
    assert_eq!(registered.len(), 2);

    let mut shard = shard(&discord, "laptop", None);
    event(&mut shard).await;
    let handle = discord.interact(status());
    let asked = command(&mut shard).await;
    assert_eq!(asked.data.id, registered.iter().find(|command| command.name == "status").unwrap().id);
    let text = CreateInteractionResponseMessage::new().content("thinking").ephemeral(true);
    asked.create_response(&http, CreateInteractionResponse::Message(text.clone())).await.unwrap();
    assert!(asked.create_response(&http, CreateInteractionResponse::Message(text)).await.is_err());
    asked.edit_response(&http, EditInteractionResponse::new().content("cloud speaks")).await.unwrap();
    assert_eq!(asked.get_response(&http).await.unwrap().content, "cloud speaks");
    let Outcome::Answered(seen) = discord.outcome(handle.id).await else { panic!("not answered") };
    assert_eq!((&*seen.by, &*seen.content), ("cloud", "cloud speaks"));

    let message = CreateMessage::new()
        .content("due")
        .nonce(serenity::model::channel::Nonce::String("r-1".to_owned()))
        .enforce_nonce(true)
        .allowed_mentions(CreateAllowedMentions::new());
    let first = ChannelId::new(201).send_message(&http, message.clone()).await.unwrap();
    let second = ChannelId::new(201).send_message(&http, message).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(discord.violations(), []);
    assert_eq!(discord.own_faults(), Vec::<String>::new());
}

#[tokio::test]
async fn twilight_resumes_the_other_site_s_session() {
    let discord = discord(SLOW).await;
    let mut laptop = shard(&discord, "laptop", None);
    event(&mut laptop).await;
    event(&mut laptop).await;
    laptop.close(CloseFrame::RESUME);
    while laptop.next().await.is_some_and(|message| !matches!(message, Ok(Message::Close(_)))) {}
    let saved = (laptop.session().unwrap().clone(), discord.gateway_url_for("cloud").unwrap());
    drop(laptop);
    until("the laptop is gone", || discord.sockets("laptop") == 0).await;
    let handle = discord.interact(status());
    let mut cloud = shard(&discord, "cloud", Some(saved));
    assert_eq!(command(&mut cloud).await.id.get(), handle.id);
    assert!(matches!(event(&mut cloud).await, Event::Resumed(_)));
    assert_eq!((discord.tally().identifies, discord.tally().resumes), (1, 1));
}

#[tokio::test]
async fn twilight_resumes_after_a_drop_and_a_zombie_link() {
    // Frequent heartbeats, so that twilight notices a dead link soon; everything else takes its time.
    let mut config = config(1.0);
    config.times.heartbeat_interval = Duration::from_millis(400);
    let discord = SmallDiscord::start(config).await.unwrap();
    let mut laptop = shard(&discord, "laptop", None);
    event(&mut laptop).await;
    event(&mut laptop).await;
    discord.drop_all_sockets("laptop");
    assert!(matches!(event(&mut laptop).await, Event::Resumed(_)));
    assert_eq!(discord.zombie("laptop", true), 1);
    assert!(matches!(event(&mut laptop).await, Event::Resumed(_)));
    let opened = |how| {
        let log = discord.log();
        log.iter().filter(|e| matches!(&e.kind, Kind::SessionOpened { how: h, .. } if *h == how)).count()
    };
    assert_eq!((opened(Opened::Identify), opened(Opened::Resume)), (1, 2));
}

#[tokio::test]
async fn hundreds_of_interactions_are_answered_and_none_is_lost() {
    let discord = Arc::new(discord(SLOW).await);
    let http = http(&discord, "laptop");
    let mut shard = shard(&discord, "laptop", None);
    event(&mut shard).await;
    let handles: Vec<_> = (0..300).map(|_| discord.interact(status())).collect();
    let mut answers = tokio::task::JoinSet::new();
    for _ in &handles {
        let asked = command(&mut shard).await;
        let http = Arc::clone(&http);
        answers.spawn(async move {
            let text = CreateInteractionResponseMessage::new().content("x");
            asked.create_response(&http, CreateInteractionResponse::Message(text)).await.unwrap();
        });
    }
    answers.join_all().await;
    assert_eq!((discord.tally().answered, discord.tally().duplicates), (300, 0));
    assert_eq!(discord.violations(), []);
}
