//! Who may ask what: `GET /health?nonce=<16 to 64 hexadecimal digits>`, so many times a second. Every other answer is
//! a bare status.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use relais_failover::{health, wire};
use relais_host::secret::Secret;

use crate::looks::Looks;

/// Answers a second, all callers together: a prober at five times the real pace needs two.
const RATE: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Answers at once.
const BURST: NonZeroU32 = NonZeroU32::new(40).unwrap();

struct Public {
    looks: Looks,
    key: Secret,
    rate: DefaultDirectRateLimiter,
}

/// The public port's routes.
pub fn router(looks: Looks, key: Secret) -> Router {
    let rate = RateLimiter::direct(Quota::per_second(RATE).allow_burst(BURST));
    Router::new().fallback(answer).with_state(Arc::new(Public { looks, key, rate }))
}

async fn answer(State(public): State<Arc<Public>>, request: Request) -> Response {
    let response = match nonce(&request) {
        _ if public.rate.check().is_err() => bare(StatusCode::TOO_MANY_REQUESTS),
        Err(status) => bare(status),
        Ok(nonce) => signed(&public, nonce).await,
    };
    metrics::counter!("health_answers_total", "status" => response.status().as_u16().to_string()).increment(1);
    response
}

/// The nonce of a request that is exactly the prober's.
fn nonce<B: axum::body::HttpBody>(request: &Request<B>) -> Result<&str, StatusCode> {
    if request.uri().path() != "/health" {
        return Err(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !request.body().is_end_stream() {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let query = request.uri().query().unwrap_or_default();
    let nonce = query.strip_prefix("nonce=").ok_or(StatusCode::BAD_REQUEST)?;
    let good = (16..=64).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    if good { Ok(nonce) } else { Err(StatusCode::BAD_REQUEST) }
}

async fn signed(public: &Public, nonce: &str) -> Response {
    let report = public.looks.report().await;
    let status = if report.ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let Ok(body) = wire::encode(&report) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let signature = health::sign(public.key.expose().as_bytes(), nonce, body.as_bytes());
    let Ok(signature) = HeaderValue::from_str(&signature) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = bare(status);
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(health::SIGNATURE_HEADER, signature);
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    // A cache in between would answer with an old nonce.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(method: &str, uri: &str, body: &'static str) -> Result<String, u16> {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body)).unwrap();
        nonce(&request).map(str::to_owned).map_err(|status| status.as_u16())
    }

    #[test]
    fn only_the_probers_request_is_answered() {
        assert_eq!(judged("GET", "/health?nonce=0123456789abcDEF", ""), Ok("0123456789abcDEF".to_owned()));
        let long = "a".repeat(64);
        assert_eq!(judged("GET", &format!("/health?nonce={long}"), ""), Ok(long.clone()));
        for uri in ["/", "/healthz", "/health/", "/metrics", "/livez", "//health"] {
            assert_eq!(judged("GET", uri, ""), Err(404), "{uri}");
        }
        for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(judged(method, "/health?nonce=0123456789abcdef", ""), Err(405), "{method}");
        }
        assert_eq!(judged("GET", "/health?nonce=0123456789abcdef", "body"), Err(413));
    }

    #[test]
    fn strange_nonces_are_refused() {
        let long = format!("nonce={}", "a".repeat(65));
        let strange = [
            "",
            "nonce=",
            "nonce=0123456789abcde",
            "nonce=0123456789abcdeg",
            "nonce=0123456789abcdef&x=1",
            "x=1&nonce=0123456789abcdef",
            "nonce=0123456789abcdef%00",
            "nonce=0123456789abcdef%20",
            &long,
        ];
        for query in strange {
            assert_eq!(judged("GET", &format!("/health?{query}"), ""), Err(400), "{query}");
        }
        assert_eq!(judged("GET", "/health", ""), Err(400));
    }
}
