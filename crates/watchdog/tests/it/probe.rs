//! The probe over real sockets: each stage fails by its own name.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use relais_failover::{
    Incarnation, Site, Term, WallClock,
    health::{HealthReport, SIGNATURE_HEADER, sign},
    sighting::{Failure, ProbeSight},
    wire,
};
use relais_host::{listen, secret::Secret};
use relais_watchdog::{
    Probe as _,
    probe::{HttpProbe, ProbeConfig},
};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

const KEY: &str = "a key that only tests use";
/// For probes that must not time out, and for those that must.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

/// From the request's nonce to the bytes that are sent back.
type Script = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// What the server does once it has answered.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Keep,
}

async fn serve(then: Then, tls: Option<TlsAcceptor>, script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let script: Script = Arc::new(script);
    let listener = listen::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (script, tls) = (Arc::clone(&script), tls.clone());
            tokio::spawn(async move {
                let Some(tls) = tls else { return converse(stream, then, &script).await };
                // A prober that does not trust this server leaves in the middle of the handshake.
                if let Ok(stream) = tls.accept(stream).await {
                    converse(stream, then, &script).await;
                }
            });
        }
    });
    port
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, then: Then, script: &Script) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let nonce = head.split("nonce=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    // The prober may be gone already, its body limit reached.
    let _ = stream.write_all(&script(nonce)).await;
    let _ = stream.flush().await;
    if matches!(then, Then::Keep) {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

fn report() -> HealthReport {
    HealthReport {
        schema: 1,
        site: Site::Laptop,
        incarnation: Some(Incarnation::new(1)),
        boot_id: "boot".to_owned(),
        term: Some(Term(1)),
        connected: true,
        holder: true,
        lease_fresh: true,
        ack_age_ms: Some(1),
        disk_free_percent: 50,
        reasons: Vec::new(),
        issued_wall: WallClock(1),
    }
}

fn answer(status: u16, signature: Option<&str>, body: &str) -> Vec<u8> {
    let signature = signature.map(|text| format!("{SIGNATURE_HEADER}: {text}\r\n")).unwrap_or_default();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{signature}\r\n{body}", body.len()).into_bytes()
}

/// What the real health server sends for this report.
fn signed(status: u16, report: &HealthReport, nonce: &str) -> Vec<u8> {
    let body = wire::encode(report).unwrap();
    answer(status, Some(&sign(KEY.as_bytes(), nonce, body.as_bytes())), &body)
}

fn config(url: String) -> ProbeConfig {
    ProbeConfig {
        url,
        key: Secret::new(KEY).unwrap(),
        connect_timeout: LONG,
        total_timeout: LONG,
        max_body: 16 * 1024,
        extra_root_pem: None,
    }
}

async fn look(config: ProbeConfig) -> ProbeSight {
    HttpProbe::new(config).unwrap().probe().await
}

async fn seen(then: Then, script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> ProbeSight {
    let port = serve(then, None, script).await;
    look(config(format!("http://127.0.0.1:{port}/health"))).await
}

#[tokio::test]
async fn a_signed_200_of_a_serving_site_is_ok() {
    assert_eq!(seen(Then::Close, |nonce| signed(200, &report(), nonce)).await, ProbeSight::Ok);
    // An answer is complete by its length: the server need not close.
    assert_eq!(seen(Then::Keep, |nonce| signed(200, &report(), nonce)).await, ProbeSight::Ok);
}

#[tokio::test]
async fn every_look_has_a_fresh_nonce_of_32_digits() {
    let nonces = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&nonces);
    let port = serve(Then::Close, None, move |nonce| {
        seen.lock().unwrap().push(nonce.to_owned());
        signed(200, &report(), nonce)
    })
    .await;
    let probe = HttpProbe::new(config(format!("http://127.0.0.1:{port}/health"))).unwrap();
    assert_eq!((probe.probe().await, probe.probe().await), (ProbeSight::Ok, ProbeSight::Ok));
    let nonces = nonces.lock().unwrap();
    assert_ne!(nonces[0], nonces[1]);
    assert!(nonces.iter().all(|nonce| nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

#[tokio::test]
async fn a_signed_answer_that_is_not_ok_is_degraded() {
    let follower = HealthReport { holder: false, reasons: vec!["lease not held".to_owned()], ..report() };
    let told = follower.clone();
    assert_eq!(seen(Then::Close, move |nonce| signed(503, &told, nonce)).await, ProbeSight::Degraded);
    assert_eq!(seen(Then::Close, move |nonce| signed(200, &follower, nonce)).await, ProbeSight::Degraded);
    assert_eq!(seen(Then::Close, |nonce| signed(503, &report(), nonce)).await, ProbeSight::Degraded);
}

#[tokio::test]
async fn wrong_signatures_are_forged_whatever_the_status() {
    for status in [200, 503] {
        let sight = seen(Then::Close, move |nonce| {
            let body = wire::encode(&report()).unwrap();
            answer(status, Some(&sign(b"another key", nonce, body.as_bytes())), &body)
        });
        assert_eq!(sight.await, ProbeSight::Forged);
        let sight = seen(Then::Close, move |_| answer(status, Some("zz"), &wire::encode(&report()).unwrap()));
        assert_eq!(sight.await, ProbeSight::Forged);
    }
}

#[tokio::test]
async fn a_replayed_answer_is_forged() {
    let first = Mutex::new(None);
    let port = serve(Then::Close, None, move |nonce| {
        first.lock().unwrap().get_or_insert_with(|| signed(200, &report(), nonce)).clone()
    })
    .await;
    let probe = HttpProbe::new(config(format!("http://127.0.0.1:{port}/health"))).unwrap();
    assert_eq!(probe.probe().await, ProbeSight::Ok);
    assert_eq!(probe.probe().await, ProbeSight::Forged);
}

#[tokio::test]
async fn a_body_changed_on_the_way_is_forged() {
    let sight = seen(Then::Close, |nonce| {
        let follower = HealthReport { holder: false, ..report() };
        let signature = sign(KEY.as_bytes(), nonce, wire::encode(&follower).unwrap().as_bytes());
        answer(200, Some(&signature), &wire::encode(&report()).unwrap())
    });
    assert_eq!(sight.await, ProbeSight::Forged);
}

#[tokio::test]
async fn answers_of_something_else_are_no_health_answers() {
    let body = Failure::Body;
    assert_eq!(seen(Then::Close, |_| answer(200, None, "<html>")).await, ProbeSight::Unreachable(body));
    let sight = seen(Then::Close, |_| answer(503, None, "no tunnel"));
    assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Status(503)));
    for text in ["{}", "", "\"ok\""] {
        let sight =
            seen(Then::Close, move |nonce| answer(200, Some(&sign(KEY.as_bytes(), nonce, text.as_bytes())), text));
        assert_eq!(sight.await, ProbeSight::Unreachable(body), "{text}");
    }
    let newer = HealthReport { schema: 2, ..report() };
    let sight = seen(Then::Close, move |nonce| signed(200, &newer, nonce));
    assert_eq!(sight.await, ProbeSight::Unreachable(body));
}

#[tokio::test]
async fn other_statuses_are_named_and_redirects_are_not_followed() {
    for status in [204, 400, 404, 429, 500, 502] {
        let sight = seen(Then::Close, move |nonce| signed(status, &report(), nonce));
        assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Status(status)));
    }
    let target = serve(Then::Close, None, |nonce| signed(200, &report(), nonce)).await;
    for status in [301, 302, 307, 308] {
        let sight = seen(Then::Close, move |nonce| {
            let to = format!("http://127.0.0.1:{target}/health?nonce={nonce}");
            format!("HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
        });
        assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Status(status)));
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    let sight = seen(Then::Keep, |_| answer(200, Some("00"), &"x".repeat(1 << 20)));
    assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Body));
    // Without a length: the limit, not the server, ends it.
    let sight = seen(Then::Keep, |_| format!("HTTP/1.1 200 X\r\n\r\n{}", "x".repeat(1 << 20)).into_bytes());
    assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Body));
}

#[tokio::test]
async fn a_truncated_body_is_no_health_answer() {
    let sight = seen(Then::Close, |nonce| {
        let mut bytes = signed(200, &report(), nonce);
        bytes.truncate(bytes.len() - 5);
        bytes
    });
    assert_eq!(sight.await, ProbeSight::Unreachable(Failure::Body));
}

#[tokio::test]
async fn bytes_that_are_not_http_are_no_health_answer() {
    let sight = seen(Then::Keep, |_| b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()).await;
    assert_eq!(sight, ProbeSight::Unreachable(Failure::Body));
}

#[tokio::test]
async fn a_connection_closed_before_any_answer_is_no_connection() {
    assert_eq!(seen(Then::Close, |_| Vec::new()).await, ProbeSight::Unreachable(Failure::Tcp));
}

#[tokio::test]
async fn silence_and_a_slow_body_are_timeouts() {
    for part in [0, 10, 300] {
        let port = serve(Then::Keep, None, move |nonce| {
            let mut bytes = signed(200, &report(), nonce);
            bytes.truncate(part);
            bytes
        })
        .await;
        let config = ProbeConfig { total_timeout: SHORT, ..config(format!("http://127.0.0.1:{port}/health")) };
        assert_eq!(look(config).await, ProbeSight::Unreachable(Failure::Timeout), "{part} bytes");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_dns() {
    // A label of more than 63 bytes is refused by the resolver itself, without any network.
    let url = format!("http://{}.invalid/health", "a".repeat(64));
    assert_eq!(look(config(url)).await, ProbeSight::Unreachable(Failure::Dns));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_tcp() {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let sight = look(config(format!("{scheme}://{address}/health"))).await;
        assert_eq!(sight, ProbeSight::Unreachable(Failure::Tcp));
    }
}

/// A server's TLS with a fresh self-signed certificate for `name`, and that certificate as PEM.
fn tls_for(name: &str) -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into_bytes())
}

#[tokio::test]
async fn a_certificate_of_the_extra_root_is_trusted() {
    for name in ["localhost", "127.0.0.1"] {
        let (tls, pem) = tls_for(name);
        let port = serve(Then::Close, Some(tls), |nonce| signed(200, &report(), nonce)).await;
        let config = ProbeConfig { extra_root_pem: Some(pem), ..config(format!("https://{name}:{port}/health")) };
        assert_eq!(look(config).await, ProbeSight::Ok, "{name}");
    }
}

#[tokio::test]
async fn untrusted_certificates_are_tls() {
    let (tls, _) = tls_for("localhost");
    let port = serve(Then::Close, Some(tls), |nonce| signed(200, &report(), nonce)).await;
    let sight = look(config(format!("https://localhost:{port}/health"))).await;
    assert_eq!(sight, ProbeSight::Unreachable(Failure::Tls));

    let (_, other) = tls_for("localhost");
    let config = ProbeConfig { extra_root_pem: Some(other), ..config(format!("https://localhost:{port}/health")) };
    assert_eq!(look(config).await, ProbeSight::Unreachable(Failure::Tls));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_tls() {
    let (tls, pem) = tls_for("elsewhere.test");
    let port = serve(Then::Close, Some(tls), |nonce| signed(200, &report(), nonce)).await;
    let config = ProbeConfig { extra_root_pem: Some(pem), ..config(format!("https://localhost:{port}/health")) };
    assert_eq!(look(config).await, ProbeSight::Unreachable(Failure::Tls));
}

#[tokio::test]
async fn a_plain_server_behind_an_https_url_is_tls_and_a_silent_one_a_timeout() {
    let listener = listen::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if kept.is_empty() {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            }
            kept.push(stream);
        }
    });
    let url = format!("https://localhost:{port}/health");
    assert_eq!(look(config(url.clone())).await, ProbeSight::Unreachable(Failure::Tls));
    let config = ProbeConfig { connect_timeout: SHORT, ..config(url) };
    assert_eq!(look(config).await, ProbeSight::Unreachable(Failure::Timeout));
}

#[test]
fn addresses_and_roots_that_cannot_work_are_refused_at_once() {
    for url in ["", "/health", "ftp://a/health", "https://", "http://user:secret@a/health", "http://a b/"] {
        assert!(HttpProbe::new(config(url.to_owned())).is_err(), "{url}");
    }
    for pem in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let config =
            ProbeConfig { extra_root_pem: Some(pem.as_bytes().to_vec()), ..config("https://a/health".to_owned()) };
        assert!(HttpProbe::new(config).is_err(), "{pem}");
    }
}
