//! What a specification may say, and how each fault is named.

use tonic::Status;
use tonic_types::StatusExt;

use super::plan::{fill_in, plan};
use crate::{
    runtime::{Capabilities, Limits},
    wire::sandbox::{Container, FileMount, ResourceRequirements, Resources, SandboxSpec, Service},
};

fn one(container: Container) -> SandboxSpec {
    SandboxSpec { containers: vec![container], ..Default::default() }
}

fn named() -> Container {
    Container { name: "main".into(), image: "python:3.11".into(), ..Default::default() }
}

fn fields(spec: &SandboxSpec) -> Vec<String> {
    let status = Status::from(plan("sb", spec).unwrap_err());
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|violation| violation.field.clone()).collect()
}

#[test]
fn what_is_left_out_is_filled_in() {
    let mut spec = one(Container::default());
    fill_in(&mut spec, &Capabilities { images: vec!["python:3.11".into()], ..Default::default() });
    assert_eq!(spec, one(named()));
    let container = plan("sb", &spec).unwrap().containers.remove(0);
    assert!(container.argv.is_empty() && container.arguments_only, "the image says what runs");
}

#[test]
fn every_fault_is_named_at_once() {
    let container = Container {
        name: "no spaces".into(),
        working_dir: "relative".into(),
        args: vec!["lonely".into()],
        environment_variables: [("A=B".to_owned(), "x".to_owned())].into(),
        files: vec![
            FileMount { path: "etc/x".into(), ..Default::default() },
            FileMount { path: "/a/b/".into(), ..Default::default() },
            FileMount { path: "/nul\0".into(), ..Default::default() },
        ],
        resources: Some(Resources { cpu: "lots".into(), ..Default::default() }),
        ..named()
    };
    let spec = SandboxSpec {
        max_lifetime_seconds: -1,
        tags: vec![String::new()],
        services: vec![Service { port: 70000, ..Default::default() }],
        ..one(container)
    };
    let at = |name: &str| format!("sandbox.spec.containers[0].{name}");
    assert_eq!(
        fields(&spec),
        [
            "sandbox.spec.max_lifetime_seconds".to_owned(),
            "sandbox.spec.tags[0]".to_owned(),
            "sandbox.spec.services[0].port".to_owned(),
            at("name"),
            at("environment_variables[\"A=B\"]"),
            at("working_dir"),
            at("files[0].path"),
            at("files[1].path"),
            at("files[2].path"),
            at("resources.cpu"),
        ]
    );
    assert_eq!(fields(&SandboxSpec::default()), ["sandbox.spec.containers"]);
}

#[test]
fn limits_win_over_requests_and_plain_resources() {
    let resources = |cpu: &str, memory: &str| Some(Resources { cpu: cpu.into(), memory: memory.into(), gpu: None });
    let plain = Container { resources: resources("1", "1Gi"), ..named() };
    let expected = Limits { cpu_millicores: Some(1000), memory_bytes: Some(1 << 30), pids: None };
    assert_eq!(plan("sb", &one(plain.clone())).unwrap().containers[0].limits, expected);
    let both = ResourceRequirements { requests: resources("100m", ""), limits: resources("", "512Mi") };
    let spec = one(Container { resource_requirements: Some(both), ..plain });
    let expected = Limits { cpu_millicores: None, memory_bytes: Some(512 << 20), pids: None };
    assert_eq!(plan("sb", &spec).unwrap().containers[0].limits, expected);
}
