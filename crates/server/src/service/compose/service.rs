//! One service of a compose file as a container.

use serde_json::Value;

use super::{
    amounts::{bytes, cores, seconds},
    document::{Findings, Table, scalar},
};
use crate::{
    runtime::{After, Condition},
    wire::sandbox::{
        Container, Probe, ResourceRequirements, Resources, SecurityContext, Service, Visibility, VolumeMount,
    },
};

/// What a service comes to.
pub struct Read {
    /// Itself.
    pub container: Container,
    /// What it publishes.
    pub services: Vec<Service>,
    /// What it waits for.
    pub after: Vec<After>,
}

/// Reads a service. `image` wins over the file's.
pub fn read(name: &str, value: Value, image: Option<String>, volumes: &[String], findings: &mut Findings) -> Read {
    let mut table = Table::new(format!("services.{name}"), value, findings);
    let own = table.text("image");
    let build = table.take("build").is_some();
    let image = image.or(own);
    if image.is_none() {
        let path = table.at(if build { "build" } else { "image" });
        let fix = "images are not built here; name one in `image` or in image_overrides";
        if build { table.findings().unsupported(path, fix) } else { table.findings().fault(path, "give an image") }
    }
    let mut entrypoint = table.words("entrypoint").unwrap_or_default();
    let arguments = table.words("command").unwrap_or_default();
    let (command, mut args) = match entrypoint.is_empty() {
        true => (String::new(), Vec::new()),
        false => (entrypoint.remove(0), entrypoint),
    };
    args.extend(arguments);
    let container = Container {
        name: name.to_owned(),
        image: image.unwrap_or_default(),
        command,
        args,
        environment_variables: environment(&mut table),
        working_dir: table.text("working_dir").unwrap_or_default(),
        security_context: user(&mut table),
        volume_mounts: mounts(&mut table, volumes),
        resource_requirements: resources(&mut table),
        startup_probe: health(&mut table),
        ..Container::default()
    };
    let services = ports(name, &mut table);
    let after = depends(&mut table);
    // Ports that are open inside need no opening; names and labels change nothing that runs.
    let _ = (table.take("expose"), table.take("labels"), table.take("container_name"), table.take("hostname"));
    accept(&mut table, "restart", &["no", "false", "on-failure:0"], "leave it out: services are not started again");
    accept(&mut table, "init", &["true"], "leave it out: every container has an init process");
    accept(&mut table, "pull_policy", &["missing", "if_not_present"], "leave it out");
    accept(&mut table, "privileged", &["false"], "leave it out: sandboxes are unprivileged");
    accept(&mut table, "read_only", &["false"], "leave it out");
    table.finish(|key| match key {
        "env_file" => "put the variables in `environment`: the server sees this file alone",
        "networks" | "network_mode" | "links" => "leave it out: services of a sandbox share one network",
        "configs" | "secrets" => "pass the content in `environment`",
        "devices" | "cap_add" | "gpus" => "leave it out: sandboxes have no devices of the host's",
        _ => "leave it out",
    });
    Read { container, services, after }
}

fn accept(table: &mut Table<'_>, key: &str, values: &[&str], fix: &str) {
    if let Some(value) = table.text(key)
        && !values.contains(&value.as_str())
    {
        let path = table.at(key);
        table.findings().unsupported(path, fix);
    }
}

fn environment(table: &mut Table<'_>) -> std::collections::BTreeMap<String, String> {
    let path = table.at("environment");
    let mut variables = std::collections::BTreeMap::new();
    for (name, value) in table.pairs("environment") {
        match value {
            Some(value) => drop(variables.insert(name, value)),
            None => table.findings().fault(format!("{path}.{name}"), "give the value: a server does not know yours"),
        }
    }
    variables
}

fn user(table: &mut Table<'_>) -> Option<SecurityContext> {
    let text = table.text("user")?;
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text.as_str(), None),
    };
    let numbers = (user.parse().ok(), group.map(str::parse).transpose().ok());
    let (Some(user), Some(group)) = numbers else {
        let path = table.at("user");
        table.findings().unsupported(path, "write numbers, e.g. \"1000:1000\"");
        return None;
    };
    Some(SecurityContext { run_as_user: Some(user), run_as_group: group, ..SecurityContext::default() })
}

fn mounts(table: &mut Table<'_>, volumes: &[String]) -> Vec<VolumeMount> {
    let path = table.at("volumes");
    let mut mounts = Vec::new();
    let Some(Value::Array(entries)) = table.take("volumes") else { return mounts };
    for (index, entry) in entries.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let mount = match &entry {
            Value::String(text) => {
                let parts: Vec<&str> = text.split(':').collect();
                match parts.as_slice() {
                    [volume, target] => Some((volume.to_string(), target.to_string(), false)),
                    [volume, target, mode @ ("ro" | "rw")] => {
                        Some((volume.to_string(), target.to_string(), *mode == "ro"))
                    }
                    _ => None,
                }
            }
            Value::Object(map) => {
                let text = |key: &str| map.get(key).and_then(scalar);
                let known = map.keys().all(|key| ["type", "source", "target", "read_only"].contains(&key.as_str()));
                let volume = text("type").is_none_or(|kind| kind == "volume") && known;
                let read_only = text("read_only").is_some_and(|text| text == "true");
                volume.then(|| Some((text("source")?, text("target")?, read_only))).flatten()
            }
            _ => None,
        };
        match mount {
            Some((volume, mount_path, read_only)) if volumes.contains(&volume) => {
                mounts.push(VolumeMount { volume, mount_path, read_only, sub_path: String::new() });
            }
            _ => table.findings().unsupported(
                path,
                "only volumes that the file declares under `volumes` can be mounted, as NAME:/path or NAME:/path:ro",
            ),
        }
    }
    mounts
}

fn resources(table: &mut Table<'_>) -> Option<ResourceRequirements> {
    let mut limits = side(table.text("cpus"), table.text("mem_limit"), table, "cpus", "mem_limit");
    let mut requests = Resources::default();
    if let Some(deploy) = table.take("deploy") {
        let path = table.at("deploy");
        let mut deploy = Table::new(path.clone(), deploy, table.findings());
        accept(&mut deploy, "replicas", &["1"], "leave it out: a service is one container");
        if let Some(resources) = deploy.take("resources") {
            let mut resources = Table::new(format!("{path}.resources"), resources, deploy.findings());
            for (key, target) in [("limits", &mut limits), ("reservations", &mut requests)] {
                let Some(value) = resources.take(key) else { continue };
                let path = resources.at(key);
                let mut amounts = Table::new(path, value, resources.findings());
                let (cpus, memory) = (amounts.text("cpus"), amounts.text("memory"));
                let said = side(cpus, memory, &mut amounts, "cpus", "memory");
                if !said.cpu.is_empty() {
                    target.cpu = said.cpu;
                }
                if !said.memory.is_empty() {
                    target.memory = said.memory;
                }
                amounts.finish(|_| "leave it out; cpus and memory can be limited");
            }
            resources.finish(|_| "leave it out");
        }
        deploy.finish(|_| "leave it out: this is one machine");
    }
    let said = |resources: &Resources| *resources != Resources::default();
    (said(&limits) || said(&requests)).then(|| ResourceRequirements {
        requests: said(&requests).then_some(requests),
        limits: said(&limits).then_some(limits),
    })
}

fn side(
    cpus: Option<String>,
    memory: Option<String>,
    table: &mut Table<'_>,
    cpu_key: &str,
    memory_key: &str,
) -> Resources {
    let mut resources = Resources::default();
    for (said, read, key, target) in [
        (cpus, cores as fn(&str) -> Option<String>, cpu_key, &mut resources.cpu),
        (memory, bytes as fn(&str) -> Option<String>, memory_key, &mut resources.memory),
    ] {
        let Some(said) = said else { continue };
        match read(&said) {
            Some(amount) => *target = amount,
            None => {
                let path = table.at(key);
                table.findings().fault(path, format!("{said:?} is no amount, e.g. 0.5 of cpus, 512m of memory"));
            }
        }
    }
    resources
}

fn health(table: &mut Table<'_>) -> Option<Probe> {
    let value = table.take("healthcheck")?;
    let path = table.at("healthcheck");
    let mut health = Table::new(path, value, table.findings());
    let disabled = health.text("disable").is_some_and(|text| text == "true");
    let test = health.take("test");
    let shell = |line: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()];
    let words = |test: &Value| test.as_array().and_then(|words| words.iter().map(scalar).collect::<Option<Vec<_>>>());
    let exec = match (&test, test.as_ref().and_then(words)) {
        (Some(Value::String(line)), _) => Some(shell(line)),
        (_, Some(words)) => match words.split_first() {
            Some((first, _)) if first == "NONE" => Some(Vec::new()),
            Some((first, rest)) if first == "CMD" && !rest.is_empty() => Some(rest.to_vec()),
            Some((first, [line])) if first == "CMD-SHELL" => Some(shell(line)),
            _ => None,
        },
        (None, _) if disabled => Some(Vec::new()),
        _ => None,
    };
    if exec.is_none() {
        let path = health.at("test");
        health.findings().fault(path, "must be a line, or a list that begins with CMD, CMD-SHELL or NONE");
    }
    let mut time = |key: &str, default: i32| match health.text(key) {
        None => default,
        Some(text) => seconds(&text).unwrap_or_else(|| {
            let path = health.at(key);
            health.findings().fault(path, format!("{text:?} is no duration, e.g. 30s or 1m30s"));
            default
        }),
    };
    let (interval, timeout) = (time("interval", 30).max(1), time("timeout", 30).max(1));
    let (grace, eager) = (time("start_period", 0), time("start_interval", 0));
    let period = if grace > 0 && eager > 0 { eager.min(interval) } else { interval };
    let retries = health.text("retries").map_or(Some(3), |text| text.parse::<i32>().ok().filter(|number| *number > 0));
    if retries.is_none() {
        let path = health.at("retries");
        health.findings().fault(path, "must be a number, 1 or more");
    }
    health.finish(|_| "leave it out");
    let exec = exec.filter(|exec| !exec.is_empty() && !disabled)?;
    // What fails while it starts does not count there; here it may fail that much more often.
    let failure_threshold = retries.unwrap_or(3).saturating_add(grace.div_euclid(period));
    Some(Probe { exec, period_seconds: period, timeout_seconds: timeout, failure_threshold, initial_delay_seconds: 0 })
}

fn ports(name: &str, table: &mut Table<'_>) -> Vec<Service> {
    let path = table.at("ports");
    let mut services = Vec::new();
    let Some(value) = table.take("ports") else { return services };
    let entries = value.as_array().cloned().unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let port = scalar(entry).and_then(|text| text.trim_end_matches("/tcp").parse::<u16>().ok());
        match port.filter(|port| *port > 0) {
            Some(port) => services.push(Service {
                port: port.into(),
                name: format!("{name}-{port}"),
                visibility: Visibility::Public.into(),
                ..Service::default()
            }),
            None => table.findings().unsupported(
                format!("{path}[{index}]"),
                "write the container's TCP port alone, e.g. \"8080\": the address is the server's to choose",
            ),
        }
    }
    services
}

fn depends(table: &mut Table<'_>) -> Vec<After> {
    let path = table.at("depends_on");
    match table.take("depends_on") {
        None => Vec::new(),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(scalar);
            names.map(|container| After { container, condition: Condition::Started }).collect()
        }
        Some(Value::Object(map)) => {
            let mut after = Vec::new();
            for (container, value) in map {
                let mut one = Table::new(format!("{path}.{container}"), value, table.findings());
                let condition = match one.text("condition").as_deref() {
                    None | Some("service_started") => Condition::Started,
                    Some("service_healthy") => Condition::Ready,
                    Some("service_completed_successfully") => Condition::Succeeded,
                    Some(_) => {
                        let path = one.at("condition");
                        let fix = "must be service_started, service_healthy or service_completed_successfully";
                        one.findings().fault(path, fix);
                        Condition::Started
                    }
                };
                accept(&mut one, "required", &["true"], "leave it out");
                one.finish(|_| "leave it out");
                after.push(After { container, condition });
            }
            after
        }
        Some(_) => {
            table.findings().fault(path, "must be a list or a mapping of services");
            Vec::new()
        }
    }
}
