//! The answer is true, and signed for its nonce.

use relais_failover::health::{SIGNATURE_HEADER, verify};
use relais_host::http::Client;

use crate::support::{KEY, LONG, NONCE, Running, serving};

#[tokio::test]
async fn a_serving_bot_is_200_and_signed() {
    let site = Running::start().await;
    let (status, report) = site.report().await;
    assert_eq!(status, 200, "{:?}", report.reasons);
    assert!(report.ok());
    assert_eq!(report.boot_id.len(), 36);
}

#[tokio::test]
async fn a_signature_is_worthless_for_another_nonce() {
    let site = Running::start().await;
    let answer = site.ask(NONCE).await;
    let signature = answer.headers[SIGNATURE_HEADER].to_str().unwrap();
    assert!(!verify(KEY.as_bytes(), "fedcba9876543210fedcba9876543210", &answer.body, signature));
}

#[tokio::test]
async fn wrong_nonces_get_a_bare_400() {
    let site = Running::start().await;
    for nonce in ["", "0123456789abcde", "0123456789abcdeg", &"a".repeat(65)] {
        let answer = site.ask(nonce).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert!(answer.body.is_empty() && !answer.headers.contains_key(SIGNATURE_HEADER));
    }
}

#[tokio::test]
async fn a_bot_that_is_gone_is_503_with_reasons() {
    let site = Running::start().await;
    site.kill_bot();
    let (status, report) = site.report().await;
    assert_eq!((status, report.reasons), (503, vec!["bot does not answer".to_owned()]));
}

#[tokio::test]
async fn facts_that_are_no_facts_are_no_answer() {
    let site = Running::start().await;
    for body in ["", "{}", "[]", "\"ok\"", &"x".repeat(20_000)] {
        *site.facts.lock().unwrap() = Some(body.to_owned());
        let (status, report) = site.report().await;
        assert_eq!((status, report.reasons), (503, vec!["bot does not answer".to_owned()]));
    }
}

#[tokio::test]
async fn a_bot_that_recovers_is_200_again() {
    let site = Running::start().await;
    let mut facts = serving();
    facts.connected = false;
    facts.ack_age_ms = Some(61_000);
    site.tell(&facts);
    let (status, report) = site.report().await;
    assert_eq!(status, 503);
    assert_eq!(report.reasons, ["gateway not connected", "heartbeat ack too old"]);
    site.tell(&serving());
    assert_eq!(site.report().await.0, 200);
}

#[tokio::test]
async fn the_private_port_counts_and_lives_and_the_public_one_has_neither() {
    let site = Running::start().await;
    site.report().await;
    let client = Client::new(LONG, 1 << 20);
    let page = client.get(&format!("http://{}/metrics", site.private)).await.unwrap();
    assert!(String::from_utf8_lossy(&page.body).contains("health_answers_total{status=\"200\"}"));
    assert_eq!(client.get(&format!("http://{}/livez", site.private)).await.unwrap().status.as_u16(), 200);
    for path in ["metrics", "livez", "", "health/"] {
        let answer = client.get(&format!("http://{}/{path}", site.public)).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0), "{path}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_run_in_good_order() {
    let site = Running::start().await;
    site.report().await;
    site.stop.cancel();
    tokio::time::timeout(LONG, site.running).await.unwrap().unwrap().unwrap();
}
