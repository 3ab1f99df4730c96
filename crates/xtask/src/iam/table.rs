//! The table of requests, `requests.txt`: what is asked, by whom, and by which change an allowed request becomes a refused
//! one. The file's head says how it is written.

use anyhow::{Context as _, bail, ensure};

use super::evaluate::{Request, Target};
use super::keys;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// A user or role, by its own policies.
    Identity(String),
    /// A service, by the policy at this address.
    Service { service: String, at: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Allowed,
    /// No statement allows it, whatever the guards say.
    Refused,
    /// That, and a guard denies it even if it were granted besides.
    Guarded,
}

/// One line of the table that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) who: Who,
    pub(crate) modes: Vec<String>,
    pub(crate) request: Request,
    pub(crate) expected: Expected,
}

/// Reads the table.
///
/// # Errors
/// With the line, if it is not understood; and if an allowed request has no refused one beside it.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Row>> {
    let (mut rows, mut names) = (Vec::new(), Vec::new());
    let mut block: Option<Block> = None;
    for (place, raw) in text.lines().enumerate() {
        let read = |rows: &mut Vec<Row>, names: &mut Vec<(String, String)>, block: &mut Option<Block>| {
            if raw.trim().is_empty() || raw.starts_with('#') {
                return Ok(());
            }
            let line = names.iter().fold(raw.to_owned(), |line, (name, value)| line.replace(name.as_str(), value));
            if let Some((name, value)) = line.strip_prefix("let ").and_then(|rest| rest.split_once(' ')) {
                names.push((format!("{{{name}}}"), value.to_owned()));
                return Ok(());
            }
            ensure!(!line.contains(['{', '}']), "a name in braces has no value");
            if !line.starts_with(' ') {
                finish(block.replace(Block::new(&line)), rows)?;
                return Ok(());
            }
            block.as_mut().context("it belongs to no request")?.line(line.trim())
        };
        read(&mut rows, &mut names, &mut block).with_context(|| format!("line {}: {raw}", place + 1))?;
    }
    finish(block, &mut rows)?;
    for row in &rows {
        row.is_possible().with_context(|| format!("the request: {}", row.title))?;
    }
    Ok(rows)
}

fn finish(block: Option<Block>, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let Some(Block { base, twins }) = block else { return Ok(()) };
    ensure!(twins.iter().any(|row| row.expected != Expected::Allowed), "{} has no refused twin", base.title);
    rows.push(base);
    rows.extend(twins);
    Ok(())
}

struct Block {
    base: Row,
    twins: Vec<Row>,
}

impl Block {
    fn new(title: &str) -> Self {
        let request = Request { action: String::new(), targets: Vec::new(), service: None };
        let who = Who::Identity(String::new());
        let base = Row { title: title.to_owned(), who, modes: Vec::new(), request, expected: Expected::Allowed };
        Self { base, twins: Vec::new() }
    }

    fn line(&mut self, line: &str) -> anyhow::Result<()> {
        let (verb, rest) = line.split_once(' ').context("a word stands alone")?;
        let expected = match verb {
            "also" => Expected::Allowed,
            "not" => Expected::Refused,
            "never" => Expected::Guarded,
            _ => {
                ensure!(self.twins.is_empty(), "the request is changed after its twins");
                return self.base.edit(line);
            }
        };
        let (title, edits) = rest.split_once(": ").context("a twin is written `not TITLE: CHANGE; CHANGE`")?;
        let title = format!("{}: {verb} {title}", self.base.title);
        let mut twin = Row { title, expected, ..self.base.clone() };
        for edit in edits.split("; ") {
            twin.edit(edit)?;
        }
        let same = (&twin.who, &twin.modes, &twin.request) == (&self.base.who, &self.base.modes, &self.base.request);
        ensure!(!same, "the twin asks the same");
        self.twins.push(twin);
        Ok(())
    }
}

impl Row {
    fn edit(&mut self, edit: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = edit.split_whitespace().collect();
        match words.as_slice() {
            ["as", name] => {
                self.who = Who::Identity((*name).to_owned());
                self.request.service = None;
            }
            ["as", service, "at", at] => {
                self.who = Who::Service { service: (*service).to_owned(), at: (*at).to_owned() };
                self.request.service = Some((*service).to_owned());
            }
            ["in", modes @ ..] if !modes.is_empty() => self.modes = modes.iter().map(|&mode| mode.to_owned()).collect(),
            ["do", action] => (*action).clone_into(&mut self.request.action),
            ["on", "all", facts @ ..] if !facts.is_empty() => {
                for target in &mut self.request.targets {
                    change(target, facts)?;
                }
            }
            ["on", label, words @ ..] if !words.is_empty() => {
                let targets = &mut self.request.targets;
                let place = targets.iter().position(|target| target.label == *label).unwrap_or(targets.len());
                if place == targets.len() {
                    let (label, resource) = ((*label).to_owned(), String::new());
                    targets.push(Target { label, resource, facts: super::condition::Facts::new() });
                }
                change(&mut targets[place], words)?;
            }
            _ => bail!("{edit:?} is not understood"),
        }
        Ok(())
    }

    /// Whether AWS would ever be asked this, in these words.
    fn is_possible(&self) -> anyhow::Result<()> {
        ensure!(
            !self.modes.is_empty() && !self.request.targets.is_empty(),
            "it names no mode or nothing that it is about"
        );
        ensure!(self.request.action.contains(':'), "it has no action");
        for Target { label, resource, facts } in &self.request.targets {
            ensure!(!resource.is_empty(), "{label} has no name");
            for (key, values) in facts {
                keys::is_supplied(key, &self.request.action, resource)?;
                ensure!(values.len() == 1 || keys::has_several_values(key)?, "{key} has several values");
            }
        }
        Ok(())
    }
}

/// `arn:…` or `*` names it, `KEY=VALUE+VALUE` says something about it, `-KEY` leaves that out.
fn change(target: &mut Target, words: &[&str]) -> anyhow::Result<()> {
    for &word in words {
        if word == "*" || word.starts_with("arn:") {
            word.clone_into(&mut target.resource);
        } else if let Some(key) = word.strip_prefix('-') {
            ensure!(target.facts.remove(key).is_some(), "{} has no {key} to leave out", target.label);
        } else {
            let (key, values) = word.split_once('=').with_context(|| format!("{word:?} is not understood"))?;
            target.facts.insert(key.to_owned(), values.split('+').map(str::to_owned).collect());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Expected, Who, parse};

    const TABLE: &str = "\
# a comment
let machine arn:aws:ec2:eu-west-3:1:instance

stops a machine
  as watchdog
  in launch stopped
  do ec2:StopInstances
  on machine {machine}/i-1 aws:ResourceTag/Project=relais
  also in one mode: in stopped
  not an untagged one: on machine -aws:ResourceTag/Project
  never as the laptop, another one: as laptop; on machine {machine}/i-2
";

    #[test]
    fn a_request_and_its_twins_are_read() {
        let rows = parse(TABLE).unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1].modes, ["stopped"]);
        assert_eq!(rows[2].title, "stops a machine: not an untagged one");
        assert!(rows[2].request.targets[0].facts.is_empty() && rows[2].expected == Expected::Refused);
        let last = &rows[3];
        assert_eq!((&last.who, last.expected), (&Who::Identity("laptop".to_owned()), Expected::Guarded));
        assert_eq!(last.request.targets[0].resource, "arn:aws:ec2:eu-west-3:1:instance/i-2");
    }

    #[test]
    fn a_table_that_proves_less_than_it_seems_is_refused() {
        let without = |line: &str| {
            let text: Vec<&str> = TABLE.lines().filter(|other| !other.contains(line)).collect();
            format!("{:#}", parse(&text.join("\n")).unwrap_err())
        };
        let changed = |from: &str, to: &str| format!("{:#}", parse(&TABLE.replace(from, to)).unwrap_err());
        assert!(without("in launch").contains("no mode") && without("do ec2").contains("no action"));
        assert!(without("let machine").contains("line 7"));
        let alone = TABLE.lines().filter(|line| !line.contains("not ") && !line.contains("never ")).collect::<Vec<_>>();
        assert!(parse(&alone.join("\n")).unwrap_err().to_string().contains("no refused twin"));
        assert!(changed("in stopped", "in launch stopped").contains("asks the same"));
        assert!(
            changed("on machine -aws:ResourceTag/Project", "on machine -aws:ResourceTag/Role").contains("to leave out")
        );
        assert!(changed("ResourceTag/Project=relais", "ResourceTag/Project=a+b").contains("several values"));
        assert!(changed("Project=relais", "Project=relais ec2:VolumeSize=8").contains("ec2:VolumeSize"));
        assert!(changed("as watchdog", "like watchdog").contains("not understood"));
    }
}
