//! Ports that a sandbox serves: checked and planned when it is created, shown with their addresses afterwards.

use std::collections::HashSet;

use super::{plan::Faults, problem::Problem};
use crate::{
    identity,
    runtime::{ServicePlan, ServiceReach},
    supervisor,
    wire::sandbox::{
        EndpointAuth, EndpointKind, EndpointStatus, SandboxSpec, Service, ServiceProtocol, ServiceStatus, Visibility,
    },
};

/// What public clients assume when nothing was asked for.
const DEFAULT_TIMEOUT_SECONDS: u32 = 15;
const MAX_TIMEOUT_SECONDS: i32 = 3600;
const MAX_SERVICES: usize = 64;

/// Under which names this server's front answers for services.
#[derive(Debug, Clone)]
pub(crate) struct ServiceHosts {
    /// Services are `{port}-{sandbox}.{domain}`.
    pub domain: String,
    /// The server's own port.
    pub port: u16,
    /// Whether it speaks TLS only.
    pub tls: bool,
    /// What share tokens are derived from.
    pub key: Vec<u8>,
}

impl ServiceHosts {
    fn host(&self, sandbox: &str, service: &ServicePlan) -> String {
        match service.address {
            Some(address) => address.to_string(),
            None => format!("{}-{sandbox}.{}", service.port, self.domain),
        }
    }

    /// The token that lets callers in, of a sandbox one of whose services wants one.
    pub fn share_token(&self, sandbox: &supervisor::Sandbox) -> Option<String> {
        let wanted = sandbox.draft.plan.network.services.iter().any(|service| service.share_token);
        wanted.then(|| identity::share_token(&self.key, &sandbox.draft.id))
    }

    /// A service as it can be reached. A sandbox that ended has no addresses any more.
    pub fn status(&self, sandbox: &supervisor::Sandbox, service: &Service, over: bool) -> ServiceStatus {
        let draft = &sandbox.draft;
        let plan = draft.plan.network.services.iter().find(|plan| i32::from(plan.port) == service.port);
        let reached = plan.filter(|_| !over).map(|plan| (plan, self.host(&draft.id, plan)));
        let scheme = if self.tls { "https" } else { "http" };
        let url = |scheme: &str, host: &str| format!("{scheme}://{host}:{}/", self.port);
        let mut status = ServiceStatus {
            port: service.port,
            name: service.name.clone(),
            protocol: service.protocol,
            visibility: service.visibility,
            ..ServiceStatus::default()
        };
        let Some(endpoint) = &service.endpoint else {
            status.url = reached.map(|(_, host)| url(scheme, &host)).unwrap_or_default();
            return status;
        };
        let mut shown = EndpointStatus { kind: endpoint.kind, ..EndpointStatus::default() };
        match (plan.map(|plan| plan.reach), reached) {
            (Some(ServiceReach::TlsPassthrough), reached) => {
                shown.address = reached.map(|(_, host)| format!("{host}:{}", self.port)).unwrap_or_default();
            }
            (_, reached) => {
                let auth =
                    if endpoint.auth() == EndpointAuth::Unspecified { EndpointAuth::Open } else { endpoint.auth() };
                shown.auth = auth.into();
                shown.request_timeout_seconds = plan.map_or(0, |plan| plan.timeout_seconds).cast_signed();
                shown.url = reached.map(|(_, host)| url("https", &host)).unwrap_or_default();
                status.url.clone_from(&shown.url);
            }
        }
        status.endpoint = Some(shown);
        status
    }
}

/// The services that are reached from outside. Faults are noted by field; what the wire has and this server does not is
/// refused at once.
pub(super) fn plan(spec: &SandboxSpec, faults: &mut Faults) -> Result<Vec<ServicePlan>, Problem> {
    let services = &spec.services;
    let shut = spec.network.as_ref().is_some_and(|network| network.deny_ingress == Some(true));
    faults.check(services.len() <= MAX_SERVICES, "sandbox.spec.services", format!("give at most {MAX_SERVICES}"));
    let has = |visibility| services.iter().any(|service| service.visibility() == visibility);
    if has(Visibility::Public) && has(Visibility::Private) {
        return Err(Problem::not_implemented(
            "sandbox.spec.services: public and private services cannot share a sandbox; give all of them one visibility",
        ));
    }
    let (mut plans, mut ports) = (Vec::new(), HashSet::new());
    for (index, service) in services.iter().enumerate() {
        let field = |name: &str| format!("sandbox.spec.services[{index}].{name}");
        let port = u16::try_from(service.port).ok().filter(|port| *port > 0);
        faults.check(port.is_some(), field("port"), "must be between 1 and 65535");
        faults.check(ports.insert(service.port), field("port"), "is given twice; give each port once");
        faults.check(service.name.len() <= 63, field("name"), "must have at most 63 bytes");
        let reached = plan_one(service, &field, faults)?;
        if let (Some(port), Some((reach, private, share_token, timeout_seconds))) = (port, reached)
            && !shut
        {
            plans.push(ServicePlan { port, reach, private, share_token, timeout_seconds, address: None });
        }
    }
    Ok(plans)
}

type Reached = (ServiceReach, bool, bool, u32);

fn plan_one(
    service: &Service,
    field: &dyn Fn(&str) -> String,
    faults: &mut Faults,
) -> Result<Option<Reached>, Problem> {
    let visibility = service.visibility();
    let outside = matches!(visibility, Visibility::Public | Visibility::Private);
    if visibility == Visibility::Custom {
        return Err(Problem::cannot_honour(&field("visibility"), "use VISIBILITY_PUBLIC or VISIBILITY_PRIVATE"));
    }
    let tcp = matches!(service.protocol(), ServiceProtocol::Unspecified | ServiceProtocol::Tcp);
    if outside && !tcp {
        return Err(Problem::cannot_honour(&field("protocol"), "only TCP is reached from outside"));
    }
    let Some(endpoint) = &service.endpoint else {
        let plain = (ServiceReach::Http, visibility == Visibility::Private, false, DEFAULT_TIMEOUT_SECONDS);
        return Ok(outside.then_some(plain));
    };
    faults.check(
        visibility == Visibility::Public,
        field("visibility"),
        "must be VISIBILITY_PUBLIC for a service with an endpoint",
    );
    let (kind, auth, seconds) = (endpoint.kind(), endpoint.auth(), endpoint.request_timeout_seconds);
    faults.check(kind != EndpointKind::Unspecified, field("endpoint.kind"), "say which: HTTPS or TLS_PASSTHROUGH");
    let passthrough = kind == EndpointKind::TlsPassthrough;
    faults.check(
        !passthrough || auth != EndpointAuth::ShareToken,
        field("endpoint.auth"),
        "must be unset for TLS_PASSTHROUGH: the server cannot look into what it passes on",
    );
    faults.check(
        (0..=MAX_TIMEOUT_SECONDS).contains(&seconds) && (!passthrough || seconds == 0),
        field("endpoint.request_timeout_seconds"),
        format!(
            "must be between 1 and {MAX_TIMEOUT_SECONDS}, or 0 for {DEFAULT_TIMEOUT_SECONDS}; 0 for TLS_PASSTHROUGH"
        ),
    );
    let reach = if passthrough { ServiceReach::TlsPassthrough } else { ServiceReach::Https };
    let timeout = if seconds > 0 { seconds.unsigned_abs() } else { DEFAULT_TIMEOUT_SECONDS };
    Ok(Some((reach, false, auth == EndpointAuth::ShareToken, timeout)))
}
