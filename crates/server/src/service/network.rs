//! A sandbox's network rules: checked and planned when it is created. What this machine cannot do is refused by name.

use ipnet::IpNet;
use tonic::Code;

use super::{plan::Faults, problem::Problem};
use crate::{
    egress::{Owner, is_all_internal, is_dns_name},
    runtime::{EgressPlan, PortSpan, Target},
    wire::sandbox::{
        CidrBlock, DnsEgressMode, EgressRule, NetworkOptions, PortRange, SandboxSpec, egress_rule::Destination,
    },
};

const MAX_RULES: usize = 256;
const HTTPS: PortSpan = PortSpan { first: 443, last: 443 };

/// What a sandbox may reach; `None` for nothing.
pub(super) fn plan(spec: &SandboxSpec, owner: &Owner) -> Result<Option<EgressPlan>, Problem> {
    let Some(network) = &spec.network else { return Ok(None) };
    let NetworkOptions { ingress, egress, deny_egress, deny_ingress: _, .. } = network;
    if !ingress.is_empty() {
        let fix = "sandboxes here are reached through their services only; leave it out and set services[].visibility";
        return Err(Problem::cannot_honour("sandbox.spec.network.ingress", fix));
    }
    if network.dns_egress() == DnsEgressMode::Allow {
        let fix = "names are looked up by the proxy, for what the egress rules allow; leave it unset";
        return Err(Problem::cannot_honour("sandbox.spec.network.dns_egress", fix));
    }
    let names = network.dns_egress() != DnsEgressMode::Deny;
    let mut faults = Faults::default();
    faults.check(egress.len() <= MAX_RULES, "sandbox.spec.network.egress", format!("give at most {MAX_RULES} rules"));
    let mut targets = Vec::new();
    for (index, rule) in egress.iter().enumerate() {
        let field = |name: &str| format!("sandbox.spec.network.egress[{index}]{name}");
        targets.extend(target(rule, names, owner, &field, &mut faults)?);
    }
    faults.finish()?;
    let open = !targets.is_empty() && *deny_egress != Some(true);
    Ok(open.then_some(EgressPlan { targets, names }))
}

fn target(
    rule: &EgressRule,
    names: bool,
    owner: &Owner,
    field: &dyn Fn(&str) -> String,
    faults: &mut Faults,
) -> Result<Option<Target>, Problem> {
    let ports = ports(&rule.ports, field, faults)?;
    let except = &rule.https_hostname_except;
    let is_name = matches!(rule.destination, Some(Destination::HttpsHostname(_)));
    faults.check(is_name || except.is_empty(), field(".https_hostname_except"), "belongs to https_hostname only");
    Ok(match &rule.destination {
        Some(Destination::Any(true)) => Some(Target::Any { ports }),
        Some(Destination::Any(false)) | None => {
            let fix = "give it one destination: any (true), cidr or https_hostname";
            faults.check(false, field(""), fix);
            None
        }
        Some(Destination::Cidr(CidrBlock { cidr, except })) => {
            let net = range(cidr, &field(".cidr.cidr"), faults);
            if let Some(net) = net
                && is_all_internal(&net)
                && !owner.allowed.iter().any(|allowed| allowed.contains(&net) || net.contains(allowed))
            {
                let text = format!(
                    "{}: this server keeps sandboxes away from {net}; start it with --allow-egress-to {net}",
                    field(".cidr.cidr")
                );
                return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_PLACEMENT_REJECTED", text));
            }
            let left = except.iter().enumerate();
            let except =
                left.filter_map(|(at, text)| range(text, &field(&format!(".cidr.except[{at}]")), faults)).collect();
            net.map(|net| Target::Net { net, except, ports })
        }
        Some(Destination::HttpsHostname(name)) => {
            faults.check(names, field(".https_hostname"), "needs names to be looked up; do not deny dns_egress");
            check_name(name, &field(".https_hostname"), faults);
            for (at, name) in except.iter().enumerate() {
                check_name(name, &field(&format!(".https_hostname_except[{at}]")), faults);
            }
            Some(Target::Name {
                name: name.to_ascii_lowercase(),
                except: except.iter().map(|name| name.to_ascii_lowercase()).collect(),
                ports: if ports.is_empty() { vec![HTTPS] } else { ports },
            })
        }
        Some(Destination::Tenant(_)) => {
            let fix = "sandboxes here do not reach each other's networks; use a public service and its URL";
            return Err(Problem::cannot_honour(&field(".tenant"), fix));
        }
        Some(Destination::Selector(_)) => {
            return Err(Problem::cannot_honour(&field(".selector"), "there is no cluster here; use cidr"));
        }
    })
}

fn range(text: &str, field: &str, faults: &mut Faults) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok().map(|net| net.trunc());
    faults.check(net.is_some(), field, "must be a range of addresses, e.g. \"203.0.113.0/24\"");
    net
}

fn check_name(name: &str, field: &str, faults: &mut Faults) {
    let good = is_dns_name(name.strip_prefix("*.").unwrap_or(name));
    faults.check(good, field, "must be a host name such as \"pypi.org\" or \"*.pypi.org\"");
}

fn ports(ranges: &[PortRange], field: &dyn Fn(&str) -> String, faults: &mut Faults) -> Result<Vec<PortSpan>, Problem> {
    let mut spans = Vec::new();
    for (at, PortRange { protocol, port, end_port }) in ranges.iter().enumerate() {
        let field = |name: &str| field(&format!(".ports[{at}].{name}"));
        if !protocol.is_empty() && !protocol.eq_ignore_ascii_case("tcp") {
            return Err(Problem::cannot_honour(&field("protocol"), "only TCP leaves a sandbox here"));
        }
        let first = u16::try_from(*port).ok().filter(|port| *port > 0);
        faults.check(first.is_some(), field("port"), "must be between 1 and 65535");
        let last = if *end_port == 0 { first } else { u16::try_from(*end_port).ok() };
        let last = last.filter(|last| first.is_none_or(|first| first <= *last));
        faults.check(last.is_some(), field("end_port"), "must be 0 or not below port, and at most 65535");
        spans.extend(first.zip(last).map(|(first, last)| PortSpan { first, last }));
    }
    Ok(spans)
}
