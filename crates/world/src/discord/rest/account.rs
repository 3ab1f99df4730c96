//! Who the bot is, where the gateway is, whom it may write to.

use serde_json::{Value, json};

use super::{
    Call,
    reply::{Answer, Done, Refusal},
};
use crate::discord::{
    objects,
    state::{Shared, State},
};

fn url(state: &State, call: &Call) -> Value {
    json!(state.gateway_urls.get(&*call.source))
}

pub(super) fn gateway(state: &State, call: &Call) -> Done {
    Done::with(200, json!({ "url": url(state, call) }))
}

pub(super) fn gateway_bot(shared: &Shared, state: &State, call: &Call) -> Done {
    let now = shared.now();
    let total = shared.config.session_starts;
    let fresh = now >= state.starts.resets_at;
    let limit = json!({
        "total": total,
        "remaining": if fresh { total } else { total.saturating_sub(state.starts.used) },
        "reset_after": if fresh { 0 } else { state.starts.resets_at - now },
        "max_concurrency": shared.config.max_concurrency,
    });
    Done::with(
        200,
        json!({ "url": url(state, call), "shards": state.shards.recommended, "session_start_limit": limit }),
    )
}

pub(super) fn me(shared: &Shared) -> Done {
    Done::with(200, objects::own_user(&shared.config))
}

pub(super) fn application(shared: &Shared) -> Done {
    Done::with(200, objects::application(&shared.config))
}

/// Opens the private channel with one person, or finds it again.
pub(super) fn private_channel(state: &mut State, call: &Call) -> Answer {
    let asked = &call.body["recipient_id"];
    let Some(user) = asked.as_u64().or_else(|| asked.as_str()?.parse().ok()) else {
        return Err(Refusal::new(400, 50033, "Invalid Recipient(s)"));
    };
    let channel = if let Some(&channel) = state.private.get(&user) {
        channel
    } else {
        let channel = state.snowflake();
        state.private.insert(user, channel);
        channel
    };
    Ok(Done::with(200, objects::private_channel(channel, &objects::user(user, &format!("user-{user}"), false))))
}
