//! Services and network rules, checked and turned into the wire's; and what the words of older SDKs mean today.

use super::network::{
    Cidr, Destination, EgressRule, Endpoint, IngressRule, NetworkOptions, Ports, Protocol, Service, Source,
    TenantScope, Visibility,
};
use crate::{error::Error, wire};

/// The wire's services.
///
/// # Errors
/// Validation, naming the field.
pub(super) fn services(services: Vec<Service>) -> Result<Vec<wire::Service>, Error> {
    services.into_iter().enumerate().map(|(index, service)| one_service(index, service)).collect()
}

fn one_service(index: usize, service: Service) -> Result<wire::Service, Error> {
    let Service { port, name, protocol, visibility, endpoint } = service;
    if port == 0 {
        return Err(Error::invalid(format!("services[{index}].port"), "must be between 1 and 65535"));
    }
    let endpoint = endpoint.map(|endpoint| match endpoint {
        Endpoint::TlsPassthrough => {
            wire::EndpointSpec { kind: wire::EndpointKind::TlsPassthrough.into(), ..Default::default() }
        }
        Endpoint::Https { share_token, request_timeout_seconds } => wire::EndpointSpec {
            kind: wire::EndpointKind::Https.into(),
            auth: if share_token { wire::EndpointAuth::ShareToken } else { wire::EndpointAuth::Open }.into(),
            request_timeout_seconds: request_timeout_seconds.unwrap_or_default().min(i32::MAX as u32) as i32,
        },
    });
    let visibility = match (visibility, &endpoint) {
        // Who wants a front wants it seen.
        (None, Some(_)) | (Some(Visibility::Public), _) => wire::Visibility::Public,
        (Some(Visibility::Private), _) => wire::Visibility::Private,
        (Some(Visibility::Custom), _) => wire::Visibility::Custom,
        (None, None) => wire::Visibility::Unspecified,
    };
    let protocol = match protocol {
        Protocol::Tcp => wire::ServiceProtocol::Tcp,
        Protocol::Udp => wire::ServiceProtocol::Udp,
        Protocol::Sctp => wire::ServiceProtocol::Sctp,
    };
    Ok(wire::Service { port: port.into(), name, protocol: protocol.into(), visibility: visibility.into(), endpoint })
}

/// The wire's rules; `None` when nothing was said.
///
/// # Errors
/// Validation, naming the field.
pub(super) fn network(options: NetworkOptions) -> Result<Option<wire::NetworkOptions>, Error> {
    if options == NetworkOptions::default() {
        return Ok(None);
    }
    let NetworkOptions { deny_egress, deny_ingress, egress, ingress, dns_egress } = options;
    let dns_egress = match dns_egress {
        None => wire::DnsEgressMode::Unspecified,
        Some(true) => wire::DnsEgressMode::Allow,
        Some(false) => wire::DnsEgressMode::Deny,
    };
    Ok(Some(wire::NetworkOptions {
        deny_egress,
        deny_ingress,
        egress: egress
            .into_iter()
            .enumerate()
            .map(|(index, rule)| egress_rule(index, rule))
            .collect::<Result<_, _>>()?,
        ingress: ingress
            .into_iter()
            .enumerate()
            .map(|(index, rule)| ingress_rule(index, rule))
            .collect::<Result<_, _>>()?,
        dns_egress: dns_egress.into(),
    }))
}

fn egress_rule(index: usize, rule: EgressRule) -> Result<wire::EgressRule, Error> {
    use wire::egress_rule::Destination as Wire;
    let field = format!("network.egress[{index}]");
    let mut except_names = Vec::new();
    let destination = match rule.destination {
        Destination::Any => Wire::Any(true),
        Destination::Cidr(range) => Wire::Cidr(cidr(&field, range)?),
        Destination::HttpsHostname { name, except } => {
            if name.is_empty() || name == "*" || name.contains(['/', ':', ' ']) {
                let text = format!("{name:?} is no host name; e.g. \"pypi.org\" or \"*.pypi.org\"");
                return Err(Error::invalid(format!("{field}.httpsHostname"), text));
            }
            except_names = except;
            Wire::HttpsHostname(name)
        }
        Destination::Tenant(scope) => Wire::Tenant(tenant(scope).into()),
    };
    Ok(wire::EgressRule {
        destination: Some(destination),
        ports: ports(&field, rule.ports)?,
        https_hostname_except: except_names,
    })
}

fn ingress_rule(index: usize, rule: IngressRule) -> Result<wire::IngressRule, Error> {
    use wire::ingress_rule::Source as Wire;
    let field = format!("network.ingress[{index}]");
    let source = match rule.source {
        Source::Any => Wire::Any(true),
        Source::Cidr(range) => Wire::Cidr(cidr(&field, range)?),
        Source::Tenant(scope) => Wire::Tenant(tenant(scope).into()),
    };
    Ok(wire::IngressRule { source: Some(source), ports: ports(&field, rule.ports)? })
}

fn cidr(field: &str, Cidr { cidr, except }: Cidr) -> Result<wire::CidrBlock, Error> {
    match cidr.contains('/') {
        true => Ok(wire::CidrBlock { cidr, except }),
        false => Err(Error::invalid(
            format!("{field}.cidr"),
            format!("{cidr:?} is no range of addresses; e.g. \"203.0.113.0/24\""),
        )),
    }
}

fn tenant(scope: TenantScope) -> wire::TenantScope {
    match scope {
        TenantScope::SameUser => wire::TenantScope::SameUser,
        TenantScope::SameOrg => wire::TenantScope::SameOrg,
        TenantScope::SandboxNetwork => wire::TenantScope::SandboxNetwork,
    }
}

fn ports(field: &str, ports: Vec<Ports>) -> Result<Vec<wire::PortRange>, Error> {
    let range = |(index, Ports { port, end_port, protocol }): (usize, Ports)| {
        if port == 0 || end_port.is_some_and(|end| end < port) {
            return Err(Error::invalid(
                format!("{field}.ports[{index}]"),
                "must be a port, or a range from low to high",
            ));
        }
        let protocol = match protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        };
        Ok(wire::PortRange {
            protocol: protocol.to_owned(),
            port: port.into(),
            end_port: end_port.unwrap_or_default().into(),
        })
    };
    ports.into_iter().enumerate().map(range).collect()
}

/// The words in which older SDKs said it.
#[derive(Debug, Clone, Default)]
pub struct OlderNetwork {
    /// `public` or `internal`.
    pub ingress_mode: Option<String>,
    /// The ports that it is about.
    pub exposed_ports: Vec<Service>,
    /// `internet`, `isolated`, `none`, `org` or `user`.
    pub egress_mode: Option<String>,
}

impl OlderNetwork {
    /// Says it in today's.
    ///
    /// # Errors
    /// Validation: a mode that has no successor, or ports that are missing.
    pub fn apply(self, services: &mut Vec<Service>, network: &mut NetworkOptions) -> Result<(), Error> {
        let visibility = match self.ingress_mode.as_deref() {
            None => None,
            Some("public") => Some(Visibility::Public),
            Some("internal" | "private") => Some(Visibility::Private),
            Some(other) => {
                let text =
                    format!("{other:?} is not known; use \"public\" or \"internal\", or `services` with `visibility`");
                return Err(Error::invalid("network.ingressMode", text));
            }
        };
        if visibility.is_some() && self.exposed_ports.is_empty() {
            let text = "say which ports `ingressMode` is about; or use `services` with `visibility`";
            return Err(Error::invalid("network.exposedPorts", text));
        }
        for exposed in self.exposed_ports {
            match services.iter_mut().find(|service| service.port == exposed.port) {
                Some(service) => service.visibility = visibility.or(service.visibility),
                None => services.push(Service { visibility, ..exposed }),
            }
        }
        let rule = |destination| EgressRule { destination, ports: Vec::new() };
        match self.egress_mode.as_deref() {
            None => {}
            Some("isolated" | "none") => network.deny_egress = Some(true),
            Some("internet") => network.egress.push(rule(Destination::Any)),
            Some("org") => network.egress.push(rule(Destination::Tenant(TenantScope::SameOrg))),
            Some("user") => network.egress.push(rule(Destination::Tenant(TenantScope::SameUser))),
            Some(other) => {
                let text = format!(
                    "{other:?} is not known; use \"internet\", \"isolated\", \"org\" or \"user\", or rules in `egress`"
                );
                return Err(Error::invalid("network.egressMode", text));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn older(ingress: &str, ports: &[u16], egress: &str) -> Result<(Vec<Service>, NetworkOptions), String> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let exposed_ports = ports.iter().map(|port| Service::new(*port)).collect();
        let older = OlderNetwork { ingress_mode: given(ingress), exposed_ports, egress_mode: given(egress) };
        let (mut services, mut network) = (vec![Service::new(80).name("web")], NetworkOptions::default());
        let applied = older.apply(&mut services, &mut network);
        applied.map(|()| (services, network)).map_err(|error| error.field_violations()[0].field.clone())
    }

    #[test]
    fn the_modes_of_older_sdks_become_services_and_rules() {
        let (services, network) = older("public", &[80, 81], "isolated").unwrap();
        assert_eq!(services, [Service::public(80).name("web"), Service::public(81)]);
        assert_eq!(network, NetworkOptions::default().deny_egress(true));
        let (services, network) = older("internal", &[80], "internet").unwrap();
        assert_eq!(services[0].visibility, Some(Visibility::Private));
        assert_eq!(network.egress[0].destination, Destination::Any);
        let (_, network) = older("", &[], "org").unwrap();
        assert_eq!(network.egress[0].destination, Destination::Tenant(TenantScope::SameOrg));
        assert_eq!(older("public", &[], "").unwrap_err(), "network.exposedPorts");
        assert_eq!(older("vpn", &[80], "").unwrap_err(), "network.ingressMode");
        assert_eq!(older("", &[], "allowlist").unwrap_err(), "network.egressMode");
    }

    #[test]
    fn rules_are_the_wires_and_wrong_ones_are_named() {
        let rules = NetworkOptions::default()
            .allow(Destination::HttpsHostname { name: "*.pypi.org".into(), except: Vec::new() }, [])
            .allow(Destination::Cidr("203.0.113.0/24".into()), [Ports { end_port: Some(90), ..Ports::from(80) }]);
        let made = network(rules).unwrap().unwrap();
        assert_eq!(made.egress[1].ports[0].end_port, 90);
        assert_eq!(made.egress.len(), 2);
        assert_eq!(network(NetworkOptions::default()).unwrap(), None);
        let refused = |options: NetworkOptions| network(options).unwrap_err().field_violations()[0].field.clone();
        let host = |name: &str| Destination::HttpsHostname { name: name.into(), except: Vec::new() };
        let rule = |destination, port: u16| NetworkOptions::default().allow(destination, [Ports::from(port)]);
        assert_eq!(refused(rule(host("*"), 443)), "network.egress[0].httpsHostname");
        assert_eq!(refused(rule(Destination::Cidr("1.1.1.1".into()), 443)), "network.egress[0].cidr");
        assert_eq!(refused(rule(Destination::Any, 0)), "network.egress[0].ports[0]");
        assert_eq!(services(vec![Service::new(0)]).unwrap_err().field_violations()[0].field, "services[0].port");
    }

    #[test]
    fn a_front_makes_a_service_public() {
        let https = Endpoint::Https { share_token: true, request_timeout_seconds: None };
        let made = services(vec![Service::new(8080).endpoint(https)]).unwrap();
        assert_eq!(made[0].visibility(), wire::Visibility::Public);
        assert_eq!(made[0].endpoint.as_ref().unwrap().auth(), wire::EndpointAuth::ShareToken);
    }
}
