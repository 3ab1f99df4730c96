//! Plays a scene: each step becomes a payload, the payload goes the bot's own way to a reply and its writes, and the
//! rules judge both before the next step sees what was written.

use proptest::sample::Index;
use relais_bot::{
    commands::{Reply, Request, Standing, State, find, handle, keys},
    gateway::{Heard, decode},
    interactions::{Asked, moment, read, response},
    language::say,
};
use relais_failover::WallClock;
use relais_store::Write;
use relais_world::discord::AnswerJudge;
use serde_json::Value;
use serenity::model::application::Interaction;

use super::{
    catalogue::Catalogue,
    payload::{self, Told},
    plan::{Damage, Doing, Fill, Forgery, Id, OPERATORS, Scene, Step, Who},
    refusals::{self, Refusals},
    rules::{self, holds, writes::Court},
    store::Kept,
};
use crate::{
    tally::{End, Kind, Tally},
    texts,
};

/// Everything that no scene changes.
pub struct Player {
    catalogue: Catalogue,
    judge: AnswerJudge,
    refusals: Refusals,
}

/// What a scene has come to.
struct Stage {
    kept: Kept,
    standing: Option<Standing>,
    now: u64,
    asked: u64,
    buttons: Vec<String>,
    menus: Vec<(String, Vec<String>)>,
    forms: Vec<String>,
    spoilt: bool,
    /// Whether a record holds what somebody else wrote.
    swapped: bool,
}

/// A payload before it is written, and what may be expected of it.
struct Sent {
    kind: Kind,
    told: Told,
    /// Discord sends such things, so the bot must read it, and the answer must be one that Discord takes for it.
    possible: bool,
}

impl Player {
    /// With the bot's own commands.
    ///
    /// # Errors
    /// The bot's table or Discord's document cannot be read.
    pub fn new(judge: AnswerJudge) -> anyhow::Result<Self> {
        Ok(Self { catalogue: Catalogue::of_bot()?, judge, refusals: Refusals::new() })
    }

    /// The commands.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Plays a scene to its end.
    ///
    /// # Errors
    /// The first rule that is broken, in words.
    pub async fn play(&self, scene: &Scene, tally: &mut Tally) -> Result<(), String> {
        tally.scenes += 1;
        let kept = Kept::new(&scene.moves).await?;
        let fence = kept.fence();
        let standing = scene.standing.map(|latency| Standing {
            site: fence.site,
            term: fence.term,
            since: WallClock(scene.begins),
            latency: latency.map(std::time::Duration::from_millis),
        });
        let mut stage = Stage {
            kept,
            standing,
            now: scene.begins,
            asked: 1_400_000_000_000_000_000,
            buttons: Vec::new(),
            menus: Vec::new(),
            forms: Vec::new(),
            spoilt: false,
            swapped: false,
        };
        for step in &scene.steps {
            stage.now = stage.now.saturating_add_signed(step.later);
            for n in 0..step.times {
                stage.now = stage.now.saturating_add(u64::from(n > 0) * 1_000);
                self.step(step, n, &mut stage, tally).await?;
            }
        }
        if !stage.spoilt {
            let (items, outbox) = stage.kept.all().await;
            rules::kept::whole(&items, &outbox)?;
        }
        Ok(())
    }

    async fn step(&self, step: &Step, n: u16, stage: &mut Stage, tally: &mut Tally) -> Result<(), String> {
        let sent = match &step.doing {
            Doing::Spoil { record, value } => {
                if let Some(swapped) = stage.kept.spoil(&step.who, record, value).await? {
                    (stage.spoilt, stage.swapped) = (true, stage.swapped || swapped);
                    tally.note("records were spoilt");
                }
                return Ok(());
            }
            Doing::Stock { tags, reminders } => {
                let now = moment(WallClock(stage.now)).as_millisecond();
                stage.kept.stock(&step.who, usize::from(*tags), u64::from(*reminders), now).await?;
                tally.note("something was kept already");
                return Ok(());
            }
            Doing::Deliver { attempt } => {
                if let Some(at) = stage.kept.deliver(moment(WallClock(stage.now)), *attempt).await? {
                    stage.now = u64::try_from(at.as_millisecond()).unwrap_or(0).max(stage.now);
                    tally.note("reminders came due");
                }
                return Ok(());
            }
            doing => self.sent(doing, &step.who, n, stage),
        };
        let Some(sent) = sent else { return Ok(()) };
        stage.asked += 1;
        let write = |value: &Value| {
            let text = value.to_string();
            if step.who.ascii { texts::ascii(&text) } else { text }
        };
        let dispatch = payload::dispatch(stage.asked, &step.who, &sent.told);
        let text = payload::damaged(dispatch, &step.damage, write);
        let sent = self.marked(sent, &step.damage);
        self.answer(&sent, &text, stage, tally)
            .await
            .map_err(|fault| format!("{fault}\n  payload: {text}\n  wall clock: {}", stage.now))
    }

    /// Damage makes any payload one that Discord does not send.
    fn marked(&self, sent: Sent, damage: &[Damage]) -> Sent {
        if damage.is_empty() { sent } else { Sent { kind: Kind::Mutated, possible: false, ..sent } }
    }

    fn sent(&self, doing: &Doing, who: &Who, n: u16, stage: &Stage) -> Option<Sent> {
        let tame = |fill: &Fill| matches!(fill, Fill::Fitting(_) | Fill::Text(_) | Fill::Number(_) | Fill::Sensible(_));
        let way = |index: &Index| self.catalogue.ways.get(index.index(self.catalogue.ways.len()));
        Some(match doing {
            Doing::Command { way: at, fills } => {
                let told = payload::command(way(at)?, None, fills, who, n);
                Sent { kind: Kind::Command, told, possible: fills.iter().all(tame) }
            }
            Doing::Typing { way: at, option, fills } => {
                let suggesting: Vec<_> =
                    self.catalogue.ways.iter().filter(|way| way.options.iter().any(|option| option.suggests)).collect();
                // Now and then into an option that suggests nothing.
                let way =
                    if at.index(8) == 0 { way(at)? } else { suggesting.get(at.index(suggesting.len().max(1)))? };
                let option = way.options.get(option.index(way.options.len().max(1)))?;
                let told = payload::command(way, Some(&option.name), fills, who, n);
                Sent { kind: Kind::Typing, told, possible: option.suggests && fills.iter().all(tame) }
            }
            Doing::Press { button } => {
                let id = stage.buttons.get(button.index(stage.buttons.len().max(1)))?;
                Sent { kind: Kind::Press, told: payload::component(id, None), possible: true }
            }
            Doing::Choose { menu, options } => {
                let (id, values) = stage.menus.get(menu.index(stage.menus.len().max(1)))?;
                let mut chosen: Vec<String> =
                    options.iter().filter_map(|at| values.get(at.index(values.len().max(1))).cloned()).collect();
                chosen.sort();
                chosen.dedup();
                Sent { kind: Kind::Menu, told: payload::component(id, Some(&chosen)), possible: true }
            }
            Doing::Form { form, text } => {
                let id = stage.forms.get(form.index(stage.forms.len().max(1)))?;
                let text = match text {
                    Fill::Sensible(text) | Fill::Text(text) | Fill::Wild(text) => text.clone(),
                    Fill::Absent | Fill::WrongKind(_) => String::new(),
                    Fill::Fitting(_) | Fill::Number(_) => format!("{}a text", payload::mark_of_place(who)),
                };
                let told = payload::form(id, &[("text".to_owned(), text)]);
                Sent { kind: Kind::Form, told, possible: true }
            }
            Doing::Forged { kind, id, texts } => {
                let id = self.id(id, stage);
                let told = match kind {
                    Forgery::Button => payload::component(&id, None),
                    Forgery::Menu => payload::component(&id, Some(texts)),
                    Forgery::Form => {
                        let name = |at: usize| if at == 0 { "text".to_owned() } else { format!("text{at}") };
                        let fields = texts.iter().enumerate().map(|(at, text)| (name(at), text.clone()));
                        payload::form(&id, &fields.collect::<Vec<_>>())
                    }
                };
                Sent { kind: Kind::Forged, told, possible: false }
            }
            Doing::Spoil { .. } | Doing::Stock { .. } | Doing::Deliver { .. } => return None,
        })
    }

    fn id(&self, id: &Id, stage: &Stage) -> String {
        match id {
            Id::Of(command, verb, argument) => {
                let names = &self.catalogue.commands;
                let name = names.get(command.index(names.len())).map(String::as_str).unwrap_or_default();
                format!("{name}:{verb}:{argument}")
            }
            Id::Like(real, argument) => {
                let given: Vec<&String> =
                    stage.buttons.iter().chain(&stage.forms).chain(stage.menus.iter().map(|(id, _)| id)).collect();
                let real = given.get(real.index(given.len().max(1))).map_or("remind:cancel:7", |id| id.as_str());
                let kept = real.rsplit_once(':').map_or(real, |(before, _)| before);
                format!("{kept}:{argument}")
            }
            Id::Odd(text) => text.clone(),
        }
    }

    async fn answer(&self, sent: &Sent, text: &str, stage: &mut Stage, tally: &mut Tally) -> Result<(), String> {
        let wall = WallClock(stage.now);
        let asked = decoded(text).map(|interaction| Asked::of(&interaction, wall));
        let request = match asked {
            Some(Some(asked)) => asked.request,
            missing => {
                holds!(!sent.possible, "the bot does not read this");
                let end = if missing.is_some() { End::Unserved } else { End::Undecoded };
                tally.count("(none)", sent.kind, end);
                return Ok(());
            }
        };
        let operator = OPERATORS.contains(&request.user);
        let state = State { standing: stage.standing, operator, ..State::default() };
        let state =
            read(&stage.kept.memory, &request, state).await.map_err(|error| format!("failed to read: {error}"))?;
        rules::reads::own(&request, &state, sent.possible)?;
        let (reply, writes) = handle(&request, &state);
        holds!(handle(&request, &state) == (reply.clone(), writes.clone()), "asked twice, the bot says two things");
        let body = serde_json::to_value(response(&reply)).map_err(|error| error.to_string())?;
        self.judged(sent, &request, text, &reply, &body, stage)?;
        let before = stage.kept.tags_of(&writes).await;
        let control = stage.kept.control().await;
        Court { request: &request, writes: &writes, before: &before, operator, control: control.as_ref() }.judge()?;
        self.counted(sent, &request, &reply, &writes, tally);
        if sent.kind == Kind::Mutated {
            // Somebody else may be its user now, so what it would leave behind is judged only.
            return Ok(());
        }
        if sent.kind != Kind::Forged {
            given_out(&body, stage);
        }
        stage.kept.commit("interaction", writes).await?;
        if reply.content() == say(request.language, "mydata-erased", &[]) {
            tally.note("users were erased");
            let left = stage.kept.left_of(request.user, stage.spoilt).await;
            holds!(left.is_empty(), "of user {} is left {left:?}", request.user);
            let control = stage.kept.control().await;
            let named = control.as_ref().is_some_and(|record| record.by == Some(request.user));
            holds!(!named, "user {} is left in {control:?}", request.user);
        }
        Ok(())
    }

    fn judged(
        &self,
        sent: &Sent,
        request: &Request,
        text: &str,
        reply: &Reply,
        body: &Value,
        stage: &Stage,
    ) -> Result<(), String> {
        let broken = |fault: String| format!("{fault}\n  answer: {body}");
        rules::answer::within_limits(body).map_err(broken)?;
        let faults = self.judge.faults(body);
        holds!(faults.is_empty(), "Discord refuses the answer {body}: {faults:?}");
        if sent.possible {
            rules::answer::fits(request, reply)?;
        }
        if !stage.swapped {
            rules::privacy::shows_own_only(request, text, body, reply)?;
        }
        Ok(())
    }

    fn counted(&self, sent: &Sent, request: &Request, reply: &Reply, writes: &[Write], tally: &mut Tally) {
        let refusal = self.refusals.find(reply.content()).filter(|_| !reply.content().is_empty());
        let rate = keys::rate(request.user);
        let more = writes.iter().any(|write| !matches!(write, Write::Put { key, .. } if *key == rate));
        let end = match refusal {
            Some("slow-down") => End::Slowed,
            _ if more => End::Wrote,
            Some(_) => End::Refused,
            None => End::Answered,
        };
        if let Some(id) = refusal {
            tally.note(&refusals::note(id));
        }
        let name = find(request.command()).map_or("(unknown)", |command| command.name);
        tally.count(name, sent.kind, end);
    }
}

/// What the gateway's reader makes of a text: an interaction, or none.
fn decoded(text: &str) -> Option<Interaction> {
    match decode(text) {
        Ok(Heard::Interaction { interaction, .. }) => Some(*interaction),
        Ok(_) | Err(_) => None,
    }
}

/// Keeps the buttons, menus and forms that users now have before them.
fn given_out(body: &Value, stage: &mut Stage) {
    let text = |json: &Value| json.as_str().unwrap_or_default().to_owned();
    let data = &body["data"];
    if body["type"] == 9 {
        stage.forms.push(text(&data["custom_id"]));
    }
    let parts = data["components"].as_array().into_iter().flatten().filter_map(|row| row["components"].as_array());
    for part in parts.flatten() {
        match part["type"].as_u64() {
            Some(2) => stage.buttons.push(text(&part["custom_id"])),
            Some(3) => {
                let values = part["options"].as_array().into_iter().flatten().map(|option| text(&option["value"]));
                stage.menus.push((text(&part["custom_id"]), values.collect()));
            }
            _ => {}
        }
    }
}
