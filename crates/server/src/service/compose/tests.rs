//! What compose files come to.

use super::*;

fn request(text: &str) -> CreateSandboxFromFileRequest {
    CreateSandboxFromFileRequest {
        r#type: SandboxFileType::Compose.into(),
        contents: text.as_bytes().to_vec().into(),
        ..Default::default()
    }
}

fn refusal(request: CreateSandboxFromFileRequest) -> tonic::Status {
    translate(request).unwrap_err().into()
}

const FILE: &str = r#"
x-shared: &shared
  restart: "no"
services:
  db:
    <<: *shared
    image: redis:7
    healthcheck: { test: ["CMD", "redis-cli", "ping"], interval: 2s, timeout: 1s, retries: 5, start_period: 10s }
    volumes: ["data:/data"]
    mem_limit: 256m
  app:
    image: app:1
    entrypoint: ["python3", "-u"]
    command: main.py --port 80
    environment: [ "MODE=${MODE:-test}", "PRICE=5$$" ]
    working_dir: /srv
    user: "1000:1001"
    ports: ["80"]
    depends_on:
      db: { condition: service_healthy }
    deploy: { resources: { limits: { cpus: "0.5", memory: 1g } } }
volumes:
  data:
"#;

#[test]
fn services_become_containers() {
    let mut request = request(FILE);
    request.primary_service = "app".into();
    request.image_overrides.insert("app".into(), "mine:2".into());
    let (sandbox, after) = translate(request).unwrap();
    let spec = sandbox.spec.unwrap();
    let [db, app] = spec.containers.as_slice() else { panic!("two services") };
    assert_eq!((db.name.as_str(), db.image.as_str(), db.primary), ("db", "redis:7", Some(false)));
    let probe = db.startup_probe.as_ref().unwrap();
    assert_eq!(
        (probe.exec.join(" ").as_str(), probe.period_seconds, probe.failure_threshold),
        ("redis-cli ping", 2, 10)
    );
    assert_eq!((db.volume_mounts[0].volume.as_str(), db.volume_mounts[0].mount_path.as_str()), ("data", "/data"));
    assert_eq!(spec.volumes[0].name, "data");
    assert_eq!((app.image.as_str(), app.primary, app.command.as_str()), ("mine:2", Some(true), "python3"));
    assert_eq!(app.args, ["-u", "main.py", "--port", "80"]);
    assert_eq!(
        (app.environment_variables["MODE"].as_str(), app.environment_variables["PRICE"].as_str()),
        ("test", "5$")
    );
    assert_eq!(app.security_context.as_ref().unwrap().run_as_group, Some(1001));
    let limits = app.resource_requirements.as_ref().unwrap().limits.as_ref().unwrap();
    assert_eq!((limits.cpu.as_str(), limits.memory.as_str()), ("500m", "1073741824"));
    assert_eq!((spec.services[0].port, spec.services[0].visibility()), (80, crate::wire::sandbox::Visibility::Public));
    assert_eq!(after["app"], [After { container: "db".into(), condition: crate::runtime::Condition::Ready }]);
    assert!(after["db"].is_empty());
}

#[test]
fn what_one_machine_cannot_do_is_refused_by_name_and_place() {
    for (line, place) in [
        ("    build: .", "services.a.build"),
        ("    image: x\n    privileged: true", "services.a.privileged"),
        ("    image: x\n    networks: [front]", "services.a.networks"),
        ("    image: x\n    volumes: [\"/etc:/etc\"]", "services.a.volumes[0]"),
        ("    image: x\n    volumes: [\"nobody:/etc\"]", "services.a.volumes[0]"),
        ("    image: x\n    ports: [\"8080:80\"]", "services.a.ports[0]"),
        ("    image: x\n    restart: always", "services.a.restart"),
        ("    image: x\n    deploy: { replicas: 2 }", "services.a.deploy.replicas"),
        ("    image: x\n    env_file: .env", "services.a.env_file"),
        ("    image: x\n    devices: [/dev/kvm]", "services.a.devices"),
        ("    image: x\n    user: bob", "services.a.user"),
    ] {
        let status = refusal(request(&format!("services:\n  a:\n{line}\n")));
        assert_eq!(status.code(), tonic::Code::Unimplemented, "{line}");
        assert!(status.message().contains(place), "{}", status.message());
    }
    let status = refusal(request("services:\n  a: { image: x }\nnetworks: { n: {} }\n"));
    assert!(status.message().starts_with("networks"), "{}", status.message());
}

#[test]
fn mistakes_are_refused_by_place_all_at_once() {
    let text = "services:\n  a: { image: x, depends_on: [b], environment: [SECRET], working_dir: $HOME }\n  \
                b: { image: y, depends_on: [a, c], healthcheck: { test: [PING], interval: soon } }\n  c: {}\n";
    let status = refusal(request(text));
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    for place in [
        "services.a.environment.SECRET",
        "services.a.working_dir",
        "services.b.healthcheck.test",
        "services.b.healthcheck.interval",
        "services.c.image",
        "services.a.depends_on: waits for itself",
    ] {
        assert!(status.message().contains(place), "{place}: {}", status.message());
    }
    for text in ["", "services: {}", "- a", "services:\n  a: [", "a: &a [*a, *a]"] {
        assert_eq!(refusal(request(text)).code(), tonic::Code::InvalidArgument, "{text}");
    }
}

#[test]
fn parts_of_the_request_that_cannot_be_honoured_are_refused() {
    let mut engine = request(FILE);
    engine.control = Control::ContainerEngine.into();
    assert!(refusal(engine).message().starts_with("control"));
    let mut untyped = request(FILE);
    untyped.r#type = 0;
    assert!(refusal(untyped).message().starts_with("type"));
    let mut stranger = request(FILE);
    stranger.primary_service = "nobody".into();
    assert!(refusal(stranger).message().contains("primary_service"));
    let long = "#".repeat(MAX_FILE + 1);
    assert!(refusal(request(&long)).message().contains("at most"));
}

#[test]
fn a_file_of_aliases_is_no_bomb() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
    }
    assert_eq!(refusal(request(&text)).code(), tonic::Code::InvalidArgument);
}
