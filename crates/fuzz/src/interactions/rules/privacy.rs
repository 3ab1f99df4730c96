//! Nobody is shown what another user keeps for themselves, or what another place shares.

use relais_bot::commands::{Reply, Request, keys};
use serde_json::Value;

use super::holds;

/// Looks for marks of others: every private text begins with its user's, every shared one with its place's. Marks that
/// the payload itself has may come back.
pub(crate) fn shows_own_only(request: &Request, payload: &str, body: &Value, reply: &Reply) -> Result<(), String> {
    let user = format!("⟦{}⟧", request.user);
    let place = request.guild.map_or_else(|| format!("⟦dm-{}⟧", request.user), |guild| format!("⟦in-{guild}⟧"));
    // What operators say of their bot, they say to each other.
    let among_operators = request.command() == "failover";
    let mine = |mark: &str| {
        among_operators || mark == user || mark == place || payload.contains(mark) || escaped(payload, mark)
    };
    let shown = body.to_string();
    for mark in marks(&shown) {
        holds!(mine(mark), "user {} is shown {mark}: {shown}", request.user);
    }
    let Some(file) = file_of(reply) else { return Ok(()) };
    let text = String::from_utf8_lossy(file);
    // Whoever wrote a tag gets it, wherever it is.
    let own = format!("⟦dm-{}⟧", request.user);
    for mark in marks(&text).filter(|mark| !mark.starts_with("⟦in-")) {
        holds!(mine(mark) || mark == own, "the file of user {} has {mark}", request.user);
    }
    let json: Value = serde_json::from_slice(file).map_err(|error| format!("a file that is no JSON: {error}"))?;
    let records = json["records"].as_object().ok_or("a file without records")?;
    for (key, value) in records {
        let own = key.starts_with(&keys::of_user(request.user));
        // One whose author nobody can read is of whoever is known to have written it.
        let by = value.get("by").and_then(Value::as_str).and_then(|by| by.parse::<u64>().ok());
        let tag = key.starts_with("STATE#TAG#") && by.is_none_or(|by| by == request.user);
        let wish = key == "CONTROL" && value["by"].as_u64() == Some(request.user);
        holds!(own || tag || wish, "the file of user {} has {key}", request.user);
    }
    Ok(())
}

fn file_of(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Say(message) | Reply::Update(message) => message.file.as_ref().map(|(_, content)| content.as_slice()),
        Reply::Suggest(_) | Reply::Ask(_) => None,
    }
}

/// A payload in ASCII has a mark's brackets as escapes.
fn escaped(payload: &str, mark: &str) -> bool {
    payload.contains(&crate::texts::ascii(mark))
}

/// Every mark in a text.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('⟦').filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        rest.find('⟧').and_then(|end| rest.get(..end + '⟧'.len_utf8()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_whole() {
        assert_eq!(marks("a ⟦3⟧ b ⟦in-42⟧⟦open").collect::<Vec<_>>(), ["⟦3⟧", "⟦in-42⟧"]);
        assert!(escaped("x \\u27e63\\u27e7", "⟦3⟧"));
    }
}
