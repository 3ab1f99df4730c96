//! The Prometheus page of a process.

use std::sync::OnceLock;

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Makes this process's `metrics` macros count, once; later calls give the same handle.
pub fn install() -> PrometheusHandle {
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is in place: this page stays empty");
            }
            handle
        })
        .clone()
}

/// What a process counts: a name, what kind of number it is, and its meaning.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    name: &'static str,
    kind: Kind,
    about: &'static str,
    series: &'static [Labels],
}

/// Names and values of one series.
pub type Labels = &'static [(&'static str, &'static str)];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Metric {
    /// Something that only grows. It stands at zero from the start: the first of a failure is then a step that `increase`
    /// sees, and not a series that was never there before. Where it has labels, see [`Metric::each`].
    #[must_use]
    pub const fn counter(name: &'static str, about: &'static str) -> Self {
        Self { name, kind: Kind::Counter, about, series: &[&[]] }
    }

    /// Something as it is now. It stands only once it is known.
    #[must_use]
    pub const fn gauge(name: &'static str, about: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, about, series: &[] }
    }

    /// Something that is measured again and again.
    #[must_use]
    pub const fn histogram(name: &'static str, about: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, about, series: &[] }
    }

    /// The series of a counter that has labels, as far as they are known from the start.
    #[must_use]
    pub const fn each(mut self, series: &'static [Labels]) -> Self {
        self.series = series;
        self
    }
}

/// Shows on this process's page what each of them means, and every counter at zero.
pub fn declare(measures: &[Metric]) {
    install();
    for Metric { name, kind, about, series } in measures {
        match kind {
            Kind::Counter => {
                metrics::describe_counter!(*name, *about);
                for labels in *series {
                    metrics::counter!(*name, *labels).increment(0);
                }
            }
            Kind::Gauge => metrics::describe_gauge!(*name, *about),
            Kind::Histogram => metrics::describe_histogram!(*name, *about),
        }
    }
}

/// An axum handler for `GET /metrics`: the Prometheus text format.
pub async fn page() -> Response {
    let handle = install();
    handle.run_upkeep();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown() -> String {
        let body = axum::body::to_bytes(page().await.into_body(), 1 << 20).await.unwrap();
        String::from_utf8_lossy(&body).into_owned()
    }

    #[tokio::test]
    async fn a_counter_stands_at_zero_before_anything_happened_and_a_gauge_does_not() {
        declare(&[
            Metric::counter("relais_declared_total", "Nothing yet"),
            Metric::counter("relais_why_total", "By why").each(&[&[("why", "late")]]),
            Metric::counter("relais_code_total", "By code").each(&[]),
            Metric::gauge("relais_declared", "Not known yet"),
        ]);
        let page = shown().await;
        assert!(page.contains("# HELP relais_declared_total Nothing yet"), "{page}");
        assert!(page.contains("\nrelais_declared_total 0\n"), "{page}");
        assert!(page.contains("\nrelais_why_total{why=\"late\"} 0\n"), "{page}");
        assert!(!page.contains("\nrelais_code_total") && !page.contains("\nrelais_declared "), "{page}");
        // A process that says it twice has counted nothing away.
        metrics::counter!("relais_declared_total").increment(2);
        declare(&[Metric::counter("relais_declared_total", "Nothing yet")]);
        assert!(shown().await.contains("\nrelais_declared_total 2\n"));
    }

    #[tokio::test]
    async fn counted_things_are_on_the_page() {
        install();
        metrics::counter!("relais_page_tests_total").increment(3);
        assert!(shown().await.contains("relais_page_tests_total 3"));
    }
}
