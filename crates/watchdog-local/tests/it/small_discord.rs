//! The small Discord by itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::command::{PROGRAM, refusal};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_says_where_it_is_and_what_it_hears() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "MTAwMDAwMDAwMDAwMDAwMDAwMA.fake.token").unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["discord", "--listen", "laptop=127.0.0.1:0", "--ask-every", "1", "--token-file"]).arg(&token);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap();

    let first = next();
    assert_eq!((&first["source"], &first["what"]), (&"laptop".into(), &"listening".into()));
    let address = first["address"].as_str().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET /api/v10/gateway HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("ws://{address}")), "{answer}");

    // A user asks, nobody is there: that is heard, and nobody spoke.
    let heard = next();
    assert!(heard["what"].as_str().unwrap().starts_with("Dispatched"), "{heard}");
    assert_eq!(heard["spoke"], false);
}

#[test]
fn an_address_that_nobody_can_connect_to_and_a_token_that_is_not_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = refusal(folder.path(), &["discord", "--listen", "laptop=0.0.0.0:7001", "--token-file", "token"]);
    assert!(code == 64 && said.contains("handed out"), "{code}: {said}");
    let (code, said) = refusal(folder.path(), &["discord", "--listen", "laptop=127.0.0.1:0", "--token-file", "token"]);
    assert!(code == 64 && said.contains("token"), "{code}: {said}");
}
