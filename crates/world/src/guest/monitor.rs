//! What the machine itself is told, beside its guest: QMP, one JSON object a line (QEMU, "QEMU Machine Protocol
//! Specification").

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// A connection that commands may go over.
pub(super) struct Monitor {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    /// Events that came while an answer was waited for.
    early: Vec<String>,
}

impl Monitor {
    /// Connects and ends the negotiation, before which no command is taken.
    pub(super) async fn connect(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket).await.context("reach the guest's monitor")?;
        let (reader, writer) = stream.into_split();
        let mut monitor = Self { lines: BufReader::new(reader).lines(), writer, early: Vec::new() };
        let greeting = monitor.next().await?;
        if greeting.get("QMP").is_none() {
            bail!("the guest's monitor greets with {greeting}");
        }
        monitor.tell("qmp_capabilities").await?;
        Ok(monitor)
    }

    /// One command without arguments, carried out.
    pub(super) async fn tell(&mut self, command: &str) -> anyhow::Result<()> {
        let line = format!("{}\n", json!({ "execute": command }));
        self.writer.write_all(line.as_bytes()).await.with_context(|| format!("tell the guest's monitor {command}"))?;
        loop {
            let answer = self.next().await?;
            if let Some(error) = answer.get("error") {
                bail!("the guest's monitor refuses {command}: {}", error["desc"].as_str().unwrap_or("without a word"));
            }
            if answer.get("return").is_some() {
                return Ok(());
            }
            self.early.extend(event_of(&answer));
        }
    }

    /// Waits for an event of this name.
    pub(super) async fn event(&mut self, name: &str) -> anyhow::Result<()> {
        if self.early.iter().any(|early| early == name) {
            return Ok(());
        }
        while event_of(&self.next().await?).as_deref() != Some(name) {}
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<Value> {
        let line = self.lines.next_line().await.context("read the guest's monitor")?;
        serde_json::from_str(&line.context("the guest's machine has ended")?).context("read the guest's monitor")
    }
}

fn event_of(answer: &Value) -> Option<String> {
    answer.get("event").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    /// A machine that says these lines, one after each that it hears.
    fn machine(folder: &Path, says: &'static [&'static str]) -> std::path::PathBuf {
        let socket = folder.join("monitor");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.into_split();
            let mut heard = BufReader::new(reader).lines();
            writer.write_all(b"{\"QMP\": {}}\n").await.unwrap();
            for said in says {
                heard.next_line().await.unwrap();
                writer.write_all(said.as_bytes()).await.unwrap();
            }
            heard.next_line().await.unwrap();
        });
        socket
    }

    #[tokio::test]
    async fn an_event_before_the_answer_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let says = &["{\"return\": {}}\n", "{\"event\": \"WAKEUP\"}\n{\"return\": {}}\n"];
        let mut monitor = Monitor::connect(&machine(folder.path(), says)).await.unwrap();
        monitor.tell("system_wakeup").await.unwrap();
        monitor.event("WAKEUP").await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_command_is_an_error_in_the_machines_words() {
        let folder = tempfile::tempdir().unwrap();
        let says = &["{\"return\": {}}\n", "{\"error\": {\"desc\": \"wake-up from suspend is not supported\"}}\n"];
        let mut monitor = Monitor::connect(&machine(folder.path(), says)).await.unwrap();
        let error = monitor.tell("system_wakeup").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the guest's monitor refuses system_wakeup: wake-up from suspend is not supported"
        );
    }

    #[tokio::test]
    async fn a_machine_that_ends_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut monitor = Monitor::connect(&machine(folder.path(), &["{\"return\": {}}\n"])).await.unwrap();
        monitor.writer.write_all(b"anything\n").await.unwrap();
        assert_eq!(monitor.event("SUSPEND").await.unwrap_err().to_string(), "the guest's machine has ended");
    }
}
