//! What can be asked for, what is refused, and how it is shown.

use jetway_server::wire::sandbox::{
    EndpointAuth, EndpointKind, EndpointSpec, ListAvailableRunnersRequest, SandboxSpec, Service, ServiceProtocol,
    Visibility,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{asking, endpoint, service};
use crate::harness::{Client, server};

async fn refused(client: &mut Client, services: Vec<Service>) -> Status {
    let request = asking(SandboxSpec { services, ..Default::default() });
    client.create_sandbox(request).await.map(|made| made.into_inner().sandbox_id).unwrap_err()
}

fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|violation| violation.field.clone()).collect()
}

#[tokio::test]
async fn services_that_cannot_be_are_refused_by_field() {
    let server = server().await;
    let mut client = server.client();
    let public = |port| service(port, Visibility::Public);
    let wrong = Service { port: 70000, ..public(1) };
    assert_eq!(fields(&refused(&mut client, vec![wrong]).await), ["sandbox.spec.services[0].port"]);
    assert_eq!(fields(&refused(&mut client, vec![public(1), public(1)]).await), ["sandbox.spec.services[1].port"]);
    let hidden =
        Service { visibility: Visibility::Private.into(), ..endpoint(1, EndpointKind::Https, EndpointAuth::Open) };
    assert_eq!(fields(&refused(&mut client, vec![hidden]).await), ["sandbox.spec.services[0].visibility"]);
    let both = endpoint(1, EndpointKind::TlsPassthrough, EndpointAuth::ShareToken);
    assert_eq!(fields(&refused(&mut client, vec![both]).await), ["sandbox.spec.services[0].endpoint.auth"]);
    let none = endpoint(1, EndpointKind::Unspecified, EndpointAuth::Open);
    assert_eq!(fields(&refused(&mut client, vec![none]).await), ["sandbox.spec.services[0].endpoint.kind"]);
    let slow = EndpointSpec { kind: EndpointKind::Https.into(), request_timeout_seconds: -1, ..Default::default() };
    let slow = Service { endpoint: Some(slow), ..public(1) };
    assert_eq!(
        fields(&refused(&mut client, vec![slow]).await),
        ["sandbox.spec.services[0].endpoint.request_timeout_seconds"]
    );

    let mixed = refused(&mut client, vec![public(1), service(2, Visibility::Private)]).await;
    let datagrams = Service { protocol: ServiceProtocol::Udp.into(), ..public(1) };
    let datagrams = refused(&mut client, vec![datagrams]).await;
    let custom = refused(&mut client, vec![service(1, Visibility::Custom)]).await;
    for status in [mixed, datagrams, custom] {
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "CWSANDBOX_NOT_IMPLEMENTED", "{status:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_kind_of_service_is_shown_as_it_can_be_reached() {
    let server = server().await;
    let services = vec![
        service(1, Visibility::Unspecified),
        service(2, Visibility::Public),
        endpoint(3, EndpointKind::Https, EndpointAuth::Unspecified),
        endpoint(4, EndpointKind::TlsPassthrough, EndpointAuth::Unspecified),
    ];
    let request = asking(SandboxSpec { services, ..Default::default() });
    let made = server.client().create_sandbox(request).await.unwrap().into_inner();
    let shown = made.status.unwrap().services;
    let port = server.address.rsplit(':').next().unwrap();
    let is_own = |host: &str| host.starts_with("127.") && host != format!("127.0.0.1:{port}") && host.ends_with(port);
    assert_eq!((shown[0].port, shown[0].name.as_str(), shown[0].url.as_str()), (1, "s1", ""));
    assert!(is_own(shown[1].url.trim_start_matches("http://").trim_end_matches('/')), "{shown:?}");
    let https = shown[2].endpoint.as_ref().unwrap();
    assert!(https.url.starts_with("https://") && https.url == shown[2].url, "{shown:?}");
    assert_eq!((https.auth(), https.request_timeout_seconds), (EndpointAuth::Open, 15));
    let passed = shown[3].endpoint.as_ref().unwrap();
    assert!(is_own(&passed.address), "{shown:?}");
    assert_eq!((passed.url.as_str(), shown[3].url.as_str()), ("", ""));

    for visibility in [Visibility::Public, Visibility::Private, Visibility::Custom] {
        let request = ListAvailableRunnersRequest { service_visibility: visibility.into(), ..Default::default() };
        let runners = server.discovery().list_available_runners(request).await.unwrap().into_inner().runners;
        assert_eq!(runners.len(), usize::from(visibility != Visibility::Custom), "{visibility:?}");
    }
    server.stop().await;
}
