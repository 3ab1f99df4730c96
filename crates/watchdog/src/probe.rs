//! The HTTP probe of the laptop's public health: from the name to the signature, each stage with its own class of
//! failure (protocol, watchdog, stage 1).
//!
//! One connection a look, nothing kept: a pooled connection would go on answering over a path that new visitors no
//! longer find. Redirects are not followed, the body is bounded, connecting and the whole look have time-outs.

use core::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use relais_failover::Policy;
use relais_failover::health::{HealthReport, SIGNATURE_HEADER, verify};
use relais_failover::sighting::{Failure, ProbeSight};
use relais_failover::wire::decode;
use relais_host::secret::Secret;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::connect::{Connector, Stream, Target};
use crate::ports::Probe;

/// What to probe and how.
#[derive(Debug, Clone)]
pub struct ProbeConfig {
    /// `https://<laptop>.<tailnet>.ts.net/health`; `http://` only in rehearsals.
    pub url: String,
    /// The key that the health server signs with.
    pub key: Secret,
    /// For DNS, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For the whole look.
    pub total_timeout: Duration,
    /// The longest body read, bytes.
    pub max_body: usize,
    /// Certificates (PEM) to trust besides the public roots.
    pub extra_root_pem: Option<Vec<u8>>,
}

/// A health answer is a few hundred bytes.
const MAX_BODY: usize = 16 * 1024;

impl ProbeConfig {
    /// With the policy's time-outs and the public roots.
    #[must_use]
    pub fn by_policy(url: impl Into<String>, key: Secret, policy: &Policy) -> Self {
        Self {
            url: url.into(),
            key,
            connect_timeout: policy.probe_connect_timeout,
            total_timeout: policy.probe_timeout,
            max_body: MAX_BODY,
            extra_root_pem: None,
        }
    }
}

/// A probe that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ProbeConfigError {
    /// Not an `http` or `https` URL with a host, or one with a user name in it.
    #[error("probe url {0:?} is not an http or https URL with a host and no user name")]
    Url(String),
    /// The extra roots are not certificates.
    #[error("the extra root is not a PEM certificate: {0}")]
    Root(String),
}

/// The probe.
pub struct HttpProbe {
    target: Target,
    connector: Connector,
    config: ProbeConfig,
}

impl HttpProbe {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ProbeConfigError`].
    pub fn new(config: ProbeConfig) -> Result<Self, ProbeConfigError> {
        let target = Target::parse(&config.url).ok_or_else(|| ProbeConfigError::Url(config.url.clone()))?;
        let connector = Connector::new(config.extra_root_pem.as_deref()).map_err(ProbeConfigError::Root)?;
        Ok(Self { target, connector, config })
    }

    async fn look(&self) -> Result<ProbeSight, Failure> {
        let connecting = self.connector.connect(&self.target);
        let stream = timeout(self.config.connect_timeout, connecting).await.map_err(|_| Failure::Timeout)??;
        let nonce = format!("{:032x}", relais_host::clock::random_128());
        let answer = self.ask(stream, &nonce).await?;
        Ok(judge(&answer, self.config.key.expose().as_bytes(), &nonce))
    }

    /// One request and its answer, the body bounded. Only 200 and 503 are the health server's own.
    async fn ask(&self, stream: Stream, nonce: &str) -> Result<Answer, Failure> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Tcp)?;
        // Aborted when dropped, so a look that runs out of time leaves no connection behind.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::get(self.path(nonce)?)
            .header(header::HOST, &self.target.authority)
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| Failure::Body)?;
        let answered = sender.send_request(request).await;
        match answered {
            // Something listens there, but it does not speak HTTP.
            Err(error) if error.is_parse() => Err(Failure::Body),
            Err(_) => Err(Failure::Tcp),
            Ok(response) if !matches!(response.status(), StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => {
                Err(Failure::Status(response.status().as_u16()))
            }
            Ok(response) => {
                let ok = response.status() == StatusCode::OK;
                let signature = response.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
                let signature = signature.map(str::to_owned);
                match Limited::new(response.into_body(), self.config.max_body).collect().await {
                    Ok(body) => Ok(Answer { ok, signature, body: body.to_bytes() }),
                    Err(_) => Err(Failure::Body),
                }
            }
        }
    }

    fn path(&self, nonce: &str) -> Result<Uri, Failure> {
        let separator = if self.target.path.contains('?') { '&' } else { '?' };
        format!("{}{separator}nonce={nonce}", self.target.path).parse().map_err(|_| Failure::Body)
    }
}

struct Answer {
    ok: bool,
    signature: Option<String>,
    body: Bytes,
}

/// From an answer to a sight. Without a signature it is not the health server's (a proxy's own 503, say); with a wrong
/// one somebody pretends to be. A body that was signed for another nonce is a wrong one.
fn judge(answer: &Answer, key: &[u8], nonce: &str) -> ProbeSight {
    let Some(signature) = &answer.signature else {
        return ProbeSight::Unreachable(if answer.ok { Failure::Body } else { Failure::Status(503) });
    };
    if !verify(key, nonce, &answer.body, signature) {
        return ProbeSight::Forged;
    }
    let report = core::str::from_utf8(&answer.body).ok().and_then(|text| match decode::<HealthReport>(text) {
        Ok(report) => Some(report),
        Err(error) => {
            warn!(%error, "a signed health answer is not readable");
            None
        }
    });
    match report {
        None => ProbeSight::Unreachable(Failure::Body),
        Some(report) if answer.ok && report.ok() => ProbeSight::Ok,
        Some(report) => {
            debug!(reasons = ?report.reasons, "the laptop is degraded");
            ProbeSight::Degraded
        }
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn probe(&self) -> ProbeSight {
        match timeout(self.config.total_timeout, self.look()).await {
            Ok(Ok(sight)) => sight,
            Ok(Err(failure)) => ProbeSight::Unreachable(failure),
            Err(_) => ProbeSight::Unreachable(Failure::Timeout),
        }
    }
}
