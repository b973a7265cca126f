//! Where the server's own records go: log lines to standard error, spans to a collector by OTLP if the environment names
//! one, as OpenTelemetry's specification says. Without one, nothing is made and nothing costs.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use jetway_server::TRACE_TARGET;
use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Longest wait for a collector at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Spans that are under way to a collector.
pub struct Spans(Option<SdkTracerProvider>);

/// Begins to record. `filter` is for log lines; needs a runtime to be entered.
pub fn begin(filter: &str, json: bool) -> Result<Spans> {
    let lines = EnvFilter::try_new(filter)
        .with_context(|| format!("--log {filter:?} is no filter; try info or jetway_server=debug"))?;
    let lines = lines.add_directive(format!("{TRACE_TARGET}=off").parse().context("the filter for spans")?);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log: Box<dyn Layer<Registry> + Send + Sync> = match json {
        true => log.json().flatten_event(true).with_filter(lines).boxed(),
        false => log.with_filter(lines).boxed(),
    };
    let provider = provider()?;
    let spans = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("jetway"));
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_level(false);
        layer.with_filter(Targets::new().with_target(TRACE_TARGET, LevelFilter::TRACE))
    });
    tracing_subscriber::registry().with(log).with(spans).init();
    Ok(Spans(provider))
}

impl Spans {
    /// Sends what was not sent yet.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown_with_timeout(FAREWELL)) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

fn provider() -> Result<Option<SdkTracerProvider>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
    let off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let Some(endpoint) = endpoint.filter(|_| !off) else { return Ok(None) };
    let protocol = set("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
    // The HTTP client takes the process's provider of cryptography; another part may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Endpoint, headers and timeouts are read from the environment by the exporter itself.
    let exporter = match protocol.as_deref().unwrap_or("http/protobuf") {
        "grpc" => SpanExporter::builder().with_tonic().build(),
        "http/protobuf" => SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build(),
        other => bail!("OTEL_EXPORTER_OTLP_PROTOCOL is {other:?}; use grpc or http/protobuf"),
    };
    let exporter = exporter.with_context(|| format!("spans cannot be sent to {endpoint:?}"))?;
    let mut resource = Resource::builder();
    if set("OTEL_SERVICE_NAME").is_none()
        && !set("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default().contains("service.name=")
    {
        resource = resource.with_service_name("jetway");
    }
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build()))
}
