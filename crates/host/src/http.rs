//! A small plain-HTTP/1.1 client for private addresses: one total timeout, one body limit, no redirects, no retries.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
pub use hyper::{HeaderMap, Method, StatusCode};
use hyper::{
    Request, Uri,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_util::{
    client::legacy::{Client as Pooled, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::Serialize;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Not an `http://` URL, or a header that cannot be sent. Nothing was sent.
    #[error("use the address {0}")]
    BadUrl(String),
    /// No connection. Nothing was sent.
    #[error("connect to {0}")]
    Connect(String, #[source] hyper_util::client::legacy::Error),
    /// The total time passed. The request may have been carried out: AMBIGUOUS.
    #[error("hear from {0} in time")]
    Timeout(String),
    /// The answer is larger than the limit. The request was carried out.
    #[error("accept the answer of {0}: the body is too large")]
    TooLarge(String),
    /// The connection ended in the middle. The request may have been carried out: AMBIGUOUS.
    #[error("read the answer of {0}")]
    Broken(String),
}

impl HttpError {
    /// Whether the request may have been carried out although no answer arrived.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::TooLarge(_) | Self::Broken(_) => true,
            Self::BadUrl(_) | Self::Connect(..) => false,
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Any status: the caller judges it.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// At most the client's body limit.
    pub body: Bytes,
}

/// A client with a connection pool; clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Pooled<HttpConnector, Full<Bytes>>,
    timeout: Duration,
    max_body: usize,
}

impl Client {
    /// `timeout`: from the call to the last byte of the answer; `max_body`: bytes.
    #[must_use]
    pub fn new(timeout: Duration, max_body: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = Pooled::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(false)
            .build(connector);
        Self { inner, timeout, max_body }
    }

    /// Whether a URL from the settings is one that this client speaks.
    ///
    /// # Errors
    /// [`HttpError::BadUrl`].
    pub fn check(url: &str) -> Result<(), HttpError> {
        request(Method::GET, url, &[], Bytes::new()).map(drop)
    }

    /// `GET url`.
    ///
    /// # Errors
    /// [`HttpError`]; a status of 4xx or 5xx is an answer, not an error.
    pub async fn get(&self, url: &str) -> Result<Answer, HttpError> {
        self.send(Method::GET, url, &[], Bytes::new()).await
    }

    /// `POST url` with a JSON body.
    ///
    /// # Errors
    /// [`HttpError`]; `BadUrl` also if the value cannot be written as JSON.
    pub async fn post_json(&self, url: &str, value: &(impl Serialize + Sync)) -> Result<Answer, HttpError> {
        let body = serde_json::to_vec(value).map_err(|error| HttpError::BadUrl(format!("{url}: {error}")))?;
        self.send(Method::POST, url, &[(CONTENT_TYPE.as_str(), "application/json")], body.into()).await
    }

    /// Any request. `headers` are name and value.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let request = request(method, url, headers, body)?;
        tokio::time::timeout(self.timeout, self.exchange(url, request))
            .await
            .map_err(|_| HttpError::Timeout(url.to_owned()))?
    }

    async fn exchange(&self, url: &str, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        let response = self.inner.request(request).await.map_err(|error| match error.is_connect() {
            true => HttpError::Connect(url.to_owned(), error),
            false => broken(url, &error),
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.max_body).collect().await.map_err(|error| {
            match error.is::<LengthLimitError>() {
                true => HttpError::TooLarge(url.to_owned()),
                false => broken(url, error.as_ref()),
            }
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// hyper's causes become text here: no caller can act on them, people can.
fn broken(url: &str, error: &(dyn std::error::Error + 'static)) -> HttpError {
    let causes = std::iter::successors(Some(error), |cause| cause.source()).map(ToString::to_string);
    HttpError::Broken(format!("{url}: {}", causes.collect::<Vec<_>>().join(": ")))
}

fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, HttpError> {
    let bad = || HttpError::BadUrl(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() {
        return Err(bad());
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        request.headers_mut().append(name, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Json, routing};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::listen::bind;

    const LONG: Duration = Duration::from_secs(20);

    async fn server(router: Router) -> String {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// A server that reads one request, writes `bytes`, and then keeps the connection or drops it.
    async fn raw(bytes: &'static [u8], keep: bool) -> String {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await.unwrap();
                stream.write_all(bytes).await.unwrap();
                if keep {
                    kept.push(stream);
                }
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn json_goes_there_and_back_whatever_the_status() {
        let echo = |Json(value): Json<serde_json::Value>| async move { (StatusCode::CONFLICT, Json(value)) };
        let url = server(Router::new().route("/echo", routing::post(echo))).await;
        let client = Client::new(LONG, 1024);
        let answer = client.post_json(&format!("{url}/echo"), &serde_json::json!({"a": 1})).await.unwrap();
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(&answer.body[..], br#"{"a":1}"#);
        assert_eq!(client.get(&format!("{url}/none")).await.unwrap().status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn large_body_is_refused() {
        let url = server(Router::new().route("/", routing::get(|| async { "x".repeat(2000) }))).await;
        let error = Client::new(LONG, 1024).get(&url).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge(_)), "{error}");
    }

    #[tokio::test]
    async fn silence_is_a_timeout_and_ambiguous() {
        let url = raw(b"", true).await;
        let error = Client::new(Duration::from_millis(50), 1024).get(&url).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout(_)) && error.is_ambiguous(), "{error}");
    }

    #[tokio::test]
    async fn slow_body_is_a_timeout_too() {
        let url = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", true).await;
        let error = Client::new(Duration::from_millis(100), 1024).get(&url).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout(_)), "{error}");
    }

    #[tokio::test]
    async fn broken_answers_are_ambiguous() {
        for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", b"what?\r\n\r\n"] {
            let error = Client::new(LONG, 1024).get(&raw(bytes, false).await).await.unwrap_err();
            assert!(matches!(error, HttpError::Broken(_)) && error.is_ambiguous(), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_a_connect_error_and_certain() {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = Client::new(LONG, 1024).get(&format!("http://{address}/")).await.unwrap_err();
        assert!(matches!(error, HttpError::Connect(..)) && !error.is_ambiguous(), "{error}");
    }

    #[tokio::test]
    async fn only_plain_http_is_spoken() {
        for url in ["https://127.0.0.1/", "ftp://a/", "/path", "http://", "no url"] {
            let error = Client::new(LONG, 1024).get(url).await.unwrap_err();
            assert!(matches!(error, HttpError::BadUrl(_)), "{error}");
        }
    }
}
