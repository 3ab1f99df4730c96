//! Ways to the emulator that read along: each request is charged to whoever has the way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use relais_failover::Timestamp;
use relais_host::clock;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::rules::{Table, Units};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) who: &'static str,
    pub(crate) what: String,
    pub(crate) units: Units,
    /// Of the answer, heads included.
    pub(crate) bytes: usize,
}

/// All requests, and what could not be charged.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    table: Table,
    pub(crate) entries: Vec<Entry>,
    pub(crate) surprises: Vec<String>,
}

/// Shared by all ways to one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Counted>>);

impl Ledger {
    /// Looks at what was counted so far.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Counted) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Opens a way to `far` for `who`; where it is.
    pub(crate) async fn way(&self, who: &'static str, far: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ledger, far) = (self.clone(), far.to_owned());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (ledger, far) = (ledger.clone(), far.clone());
                // A way that breaks is its process's to notice: one of them is killed.
                tokio::spawn(async move { drop(ledger.serve(who, near, &far).await) });
            }
        });
        address
    }

    async fn serve(&self, who: &'static str, mut near: TcpStream, far: &str) -> std::io::Result<()> {
        let (requests, mut answers) = near.split();
        let mut requests = BufReader::new(requests);
        while let Some(request) = Message::read(&mut requests).await? {
            let mut server = TcpStream::connect(far).await?;
            server.write_all(&request.bytes()).await?;
            let Some(answer) = Message::read(&mut BufReader::new(&mut server)).await? else { return Ok(()) };
            self.count(who, &request, &answer);
            answers.write_all(&answer.bytes()).await?;
            if answer.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn count(&self, who: &'static str, request: &Message, answer: &Message) {
        let operation = request.field("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or("nothing");
        let read = |message: &Message| serde_json::from_slice::<Value>(&message.body).unwrap_or_default();
        let good = answer.head.lines().next().is_some_and(|status| status.contains(" 200"));
        let bytes = answer.head.len() + answer.body.len();
        self.with(|counted| match counted.table.charge(operation, &read(request), good, &read(answer)) {
            Ok((what, units)) => counted.entries.push(Entry { at: clock::now(), who, what, units, bytes }),
            Err(surprise) => counted.surprises.push(format!("{who}: {surprise}")),
        });
    }
}

/// A request or an answer.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next one; none at the end.
    async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Self>> {
        let mut message = Self { head: String::new(), body: Vec::new() };
        while !message.head.ends_with("\r\n\r\n") {
            if from.read_line(&mut message.head).await? == 0 {
                return Ok(None);
            }
        }
        match message.field("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => {
                message.body = vec![0; length];
                from.read_exact(&mut message.body).await?;
            }
            None => drop(from.read_to_end(&mut message.body).await?),
        }
        Ok(Some(message))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}
