//! JavaScript's services and network rules as the core's, in today's words and in those of older SDKs; and services as
//! plain values.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::{Answer, error::js_error, reader::Reader};
use crate::{
    error::Error,
    sandbox::{
        Cidr, Destination, EgressRule, Endpoint, IngressRule, NetworkOptions, OlderNetwork, Ports, Protocol,
        SandboxOptions, Service, ServiceInfo, Source, TenantScope, Visibility,
    },
};

const NETWORK: &[&str] =
    &["denyEgress", "denyIngress", "egress", "ingress", "dnsEgress", "ingressMode", "exposedPorts", "egressMode"];

/// Reads `services`, `ports` and `network` of `options`.
pub(super) fn read(options: &Reader, made: &mut SandboxOptions) -> Answer<()> {
    made.services = options.list("services", "an array", service)?;
    for exposed in options.list("ports", "an array", |value| port_of(value, "ports"))? {
        if !made.services.iter().any(|service| service.port == exposed.port) {
            made.services.push(exposed);
        }
    }
    let Some(network) = options.nested("network", NETWORK)? else { return Ok(()) };
    let dns_egress = match network.string("dnsEgress")?.as_deref() {
        None => None,
        Some("allow") => Some(true),
        Some("deny") => Some(false),
        Some(other) => return Err(unknown("network.dnsEgress", other, "\"allow\" or \"deny\"")),
    };
    let mut rules = NetworkOptions {
        deny_egress: network.bool("denyEgress")?,
        deny_ingress: network.bool("denyIngress")?,
        egress: network.list("egress", "an array", egress)?,
        ingress: network.list("ingress", "an array", ingress)?,
        dns_egress,
        ..NetworkOptions::default()
    };
    let older = OlderNetwork {
        ingress_mode: network.string("ingressMode")?,
        exposed_ports: network.list("exposedPorts", "an array", |value| port_of(value, "exposedPorts"))?,
        egress_mode: network.string("egressMode")?,
    };
    older.apply(&mut made.services, &mut rules).map_err(js_error)?;
    made.network = rules;
    Ok(())
}

fn unknown(field: &str, given: &str, known: &str) -> JsValue {
    js_error(Error::invalid(field, format!("must be {known}, got {given:?}")))
}

fn port(reader: &Reader, key: &str) -> Answer<Option<u16>> {
    let Some(number) = reader.number(key)? else { return Ok(None) };
    match u16::try_from(number) {
        Ok(port) => Ok(Some(port)),
        Err(_) => Err(js_error(Error::invalid(key, "must be between 1 and 65535"))),
    }
}

fn protocol(reader: &Reader) -> Answer<Protocol> {
    match reader.string("protocol")?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("tcp") => Ok(Protocol::Tcp),
        Some("udp") => Ok(Protocol::Udp),
        Some("sctp") => Ok(Protocol::Sctp),
        Some(other) => Err(unknown("protocol", other, "\"tcp\", \"udp\" or \"sctp\"")),
    }
}

fn service(value: &JsValue) -> Answer<Service> {
    let reader = Reader::new("services", value, &["port", "name", "protocol", "visibility", "endpoint"])?;
    let mut made = Service::new(port(&reader, "port")?.unwrap_or_default());
    made.name = reader.string("name")?.unwrap_or_default();
    made.protocol = protocol(&reader)?;
    made.visibility = match reader.string("visibility")?.as_deref() {
        None => None,
        Some("public") => Some(Visibility::Public),
        Some("private") => Some(Visibility::Private),
        Some("custom") => Some(Visibility::Custom),
        Some(other) => return Err(unknown("services.visibility", other, "\"public\", \"private\" or \"custom\"")),
    };
    made.endpoint = endpoint(&reader)?;
    Ok(made)
}

fn endpoint(service: &Reader) -> Answer<Option<Endpoint>> {
    let keys = &["kind", "auth", "requestTimeoutSeconds"];
    let Some(reader) = service.nested("endpoint", keys)? else { return Ok(None) };
    let share_token = match reader.string("auth")?.as_deref() {
        None | Some("open") => false,
        Some("share_token") => true,
        Some(other) => return Err(unknown("services.endpoint.auth", other, "\"open\" or \"share_token\"")),
    };
    match reader.string("kind")?.as_deref() {
        None | Some("https") => {
            let request_timeout_seconds = reader.number("requestTimeoutSeconds")?;
            Ok(Some(Endpoint::Https { share_token, request_timeout_seconds }))
        }
        Some("tls_passthrough") if !share_token => Ok(Some(Endpoint::TlsPassthrough)),
        Some("tls_passthrough") => {
            let text = "a share token cannot be asked for where TLS ends in the sandbox; leave it out";
            Err(js_error(Error::invalid("services.endpoint.auth", text)))
        }
        Some(other) => Err(unknown("services.endpoint.kind", other, "\"https\" or \"tls_passthrough\"")),
    }
}

/// A number, or the port of an older SDK.
fn port_of(value: &JsValue, name: &'static str) -> Answer<Service> {
    if let Some(number) = value.as_f64() {
        let port = Some(number).filter(|it| it.fract() == 0.0 && (1.0..=65535.0).contains(it));
        return port.map(|it| Service::new(it as u16)).ok_or_else(|| js_error(Error::invalid(name, "must be ports")));
    }
    let reader = Reader::new(name, value, &["containerPort", "port", "name", "protocol"])?;
    let given = match port(&reader, "containerPort")? {
        None => port(&reader, "port")?,
        given => given,
    };
    let mut made = Service::new(given.unwrap_or_default()).name(reader.string("name")?.unwrap_or_default());
    made.protocol = protocol(&reader)?;
    Ok(made)
}

fn egress(value: &JsValue) -> Answer<EgressRule> {
    let keys = &["any", "cidr", "httpsHostname", "httpsHostnameExcept", "tenant", "ports"];
    let reader = Reader::new("network.egress", value, keys)?;
    let name = reader.string("httpsHostname")?;
    let except = reader.strings("httpsHostnameExcept")?.unwrap_or_default();
    let all = [
        reader.bool("any")?.filter(|any| *any).map(|_| Destination::Any),
        range(&reader)?.map(Destination::Cidr),
        name.map(|name| Destination::HttpsHostname { name, except }),
        tenant(&reader)?.map(Destination::Tenant),
    ];
    let destination = one(all, "network.egress", "any, cidr, httpsHostname or tenant")?;
    Ok(EgressRule { destination, ports: reader.list("ports", "an array", ports)? })
}

fn ingress(value: &JsValue) -> Answer<IngressRule> {
    let reader = Reader::new("network.ingress", value, &["any", "cidr", "tenant", "ports"])?;
    let all = [
        reader.bool("any")?.filter(|any| *any).map(|_| Source::Any),
        range(&reader)?.map(Source::Cidr),
        tenant(&reader)?.map(Source::Tenant),
    ];
    let source = one(all, "network.ingress", "any, cidr or tenant")?;
    Ok(IngressRule { source, ports: reader.list("ports", "an array", ports)? })
}

fn one<T>(all: impl IntoIterator<Item = Option<T>>, field: &str, known: &str) -> Answer<T> {
    let mut given: Vec<T> = all.into_iter().flatten().collect();
    match (given.pop(), given.is_empty()) {
        (Some(it), true) => Ok(it),
        _ => Err(js_error(Error::invalid(field, format!("each rule takes exactly one of {known}")))),
    }
}

/// `"203.0.113.0/24"` or `{ cidr, except }`.
fn range(reader: &Reader) -> Answer<Option<Cidr>> {
    let Some(value) = reader.raw("cidr").filter(|value| !value.is_null()) else { return Ok(None) };
    if let Some(cidr) = value.as_string() {
        return Ok(Some(Cidr { cidr, except: Vec::new() }));
    }
    let reader = Reader::new("cidr", &value, &["cidr", "except"])?;
    let except = reader.strings("except")?.unwrap_or_default();
    Ok(Some(Cidr { cidr: reader.string("cidr")?.unwrap_or_default(), except }))
}

fn tenant(reader: &Reader) -> Answer<Option<TenantScope>> {
    Ok(match reader.string("tenant")?.as_deref() {
        None => None,
        Some("same_user") => Some(TenantScope::SameUser),
        Some("same_org") => Some(TenantScope::SameOrg),
        Some("sandbox_network") => Some(TenantScope::SandboxNetwork),
        Some(other) => {
            return Err(unknown("network.tenant", other, "\"same_user\", \"same_org\" or \"sandbox_network\""));
        }
    })
}

/// `443` or `{ port, endPort, protocol }`.
fn ports(value: &JsValue) -> Answer<Ports> {
    if value.as_f64().is_some() {
        return port_of(value, "ports").map(|service| Ports::from(service.port));
    }
    let reader = Reader::new("ports", value, &["port", "endPort", "protocol"])?;
    let first = port(&reader, "port")?.unwrap_or_default();
    Ok(Ports { port: first, end_port: port(&reader, "endPort")?, protocol: protocol(&reader)? })
}

/// A service as a plain value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainService<'a> {
    port: u16,
    name: &'a str,
    protocol: &'a str,
    visibility: Option<&'a str>,
    url: Option<&'a str>,
    endpoint: Option<PlainEndpoint<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainEndpoint<'a> {
    kind: &'a str,
    auth: Option<&'a str>,
    address: Option<&'a str>,
    request_timeout_seconds: Option<u32>,
}

impl<'a> From<&'a ServiceInfo> for PlainService<'a> {
    fn from(info: &'a ServiceInfo) -> Self {
        Self {
            port: info.port,
            name: &info.name,
            protocol: match info.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
                Protocol::Sctp => "sctp",
            },
            visibility: info.visibility.map(|visibility| match visibility {
                Visibility::Public => "public",
                Visibility::Private => "private",
                Visibility::Custom => "custom",
            }),
            url: info.url.as_deref(),
            endpoint: info.endpoint.as_ref().map(|it| PlainEndpoint {
                kind: if it.tls_passthrough { "tls_passthrough" } else { "https" },
                auth: (!it.tls_passthrough).then_some(if it.share_token { "share_token" } else { "open" }),
                address: it.address.as_deref(),
                request_timeout_seconds: it.request_timeout_seconds,
            }),
        }
    }
}
