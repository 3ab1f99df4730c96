//! Alerts by a webhook: what is said, and what follows from each answer.

use std::sync::{Arc, Mutex};

use relais_failover::decide::Alert;
use relais_host::secret::Secret;
use relais_watchdog::webhook::{WebhookAlert, WebhookError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

type Said = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers one request after the other, each on a connection of its own, and keeps what was said.
async fn webhook(answers: &[(&str, &str)]) -> (WebhookAlert, Said) {
    let answers: Vec<_> = answers.iter().map(|(head, body)| ((*head).to_owned(), (*body).to_owned())).collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/webhooks/1/hush", listener.local_addr().unwrap());
    let said = Said::default();
    let kept = Arc::clone(&said);
    tokio::spawn(async move {
        for (head, body) in answers {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let (mut first, mut length) = (String::new(), 0);
            stream.read_line(&mut first).await.unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut sent = vec![0; length];
            stream.read_exact(&mut sent).await.unwrap();
            kept.lock().unwrap().push((first.trim().to_owned(), serde_json::from_slice(&sent).unwrap()));
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (WebhookAlert::new(&Secret::new(&url).unwrap(), "relais").unwrap(), said)
}

async fn told(answers: &[(&str, &str)]) -> (Result<(), WebhookError>, usize) {
    let (webhook, said) = webhook(answers).await;
    let result = webhook.tell(Alert::NoCapacity).await;
    let times = said.lock().unwrap().len();
    (result, times)
}

#[tokio::test]
async fn the_alert_is_a_message_that_mentions_nobody() {
    let (webhook, said) = webhook(&[("204 No Content", "")]).await;
    webhook.tell(Alert::LeaseMissing).await.unwrap();
    let said = said.lock().unwrap();
    assert_eq!(said[0].0, "POST /api/webhooks/1/hush HTTP/1.1");
    let content = format!("🚨 {}", Alert::LeaseMissing);
    assert_eq!(said[0].1, json!({ "username": "relais", "content": content, "allowed_mentions": { "parse": [] } }));
}

#[tokio::test]
async fn each_answer_has_its_end() {
    let soon = ("429 Too Many Requests", r#"{"message":"slow","retry_after":0.01,"global":false}"#);
    let late = ("429 Too Many Requests", r#"{"message":"slow","retry_after":30.5,"global":false}"#);
    assert_eq!(told(&[("200 OK", "{}")]).await, (Ok(()), 1));
    assert_eq!(told(&[soon, ("204 No Content", "")]).await, (Ok(()), 2));
    assert_eq!(told(&[soon, soon]).await, (Err(WebhookError::Limited), 2));
    assert_eq!(told(&[late]).await, (Err(WebhookError::Limited), 1));
    assert_eq!(told(&[("404 Not Found", "{}")]).await, (Err(WebhookError::Refused(404)), 1));
    assert_eq!(told(&[("502 Bad Gateway", ""), ("204 No Content", "")]).await, (Ok(()), 2));
    assert_eq!(told(&[("502 Bad Gateway", ""), ("502 Bad Gateway", "")]).await, (Err(WebhookError::Refused(502)), 2));
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    let (webhook, _) = webhook(&[]).await;
    let error = webhook.tell(Alert::Forged).await.unwrap_err();
    assert!(matches!(error, WebhookError::NoAnswer(_)), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
}
