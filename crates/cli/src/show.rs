//! Sandboxes for people and for programs: a table, JSON. Colours only on a terminal.
//! Must not know: how they were found.

use std::time::SystemTime;

use clap::ValueEnum;
use console::style;
use jetway::{SandboxStatus, sandbox::SandboxInfo};
use serde_json::{Value, json};

use crate::duration;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// Columns as wide as their widest cell.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| console::measure_text_width(cell));
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells
            .zip(&widths)
            .map(|(cell, width)| console::pad_str(cell, *width, console::Alignment::Left, None).into_owned())
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head = line(&mut header.iter().copied());
    rows.iter().fold(head, |text, row| text + &line(&mut row.iter().map(String::as_str)))
}

/// One row of a list.
pub fn row(info: &SandboxInfo) -> Vec<String> {
    let age = info.created_at.and_then(|at| SystemTime::now().duration_since(at).ok()).map(duration::roughly);
    let none = || "-".to_owned();
    vec![
        info.id.clone(),
        status(info.status),
        info.image.clone().unwrap_or_else(none),
        age.unwrap_or_else(none),
        if info.tags.is_empty() { none() } else { info.tags.join(",") },
    ]
}

/// The names of [`row`]'s columns.
pub const COLUMNS: [&str; 5] = ["ID", "STATUS", "IMAGE", "AGE", "TAGS"];

/// A status in its colour.
pub fn status(status: SandboxStatus) -> String {
    let name = style(status.name());
    match status {
        SandboxStatus::Running => name.green(),
        SandboxStatus::Failed => name.red(),
        status if status.is_terminal() => name.dim(),
        _ => name.yellow(),
    }
    .to_string()
}

/// Everything about one, for people: what is not known is left out.
pub fn details(info: &SandboxInfo) -> String {
    let mut lines = vec![("Id", info.id.clone()), ("Status", status(info.status))];
    let mut say = |name: &'static str, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    say("Reason", info.status_reason.clone());
    say("Exit code", info.exit_code.map(|code| code.to_string()));
    say("Name", info.display_name.clone());
    say("Image", info.image.clone());
    say("Tags", Some(info.tags.join(", ")).filter(|tags| !tags.is_empty()));
    say("Created", info.created_at.map(moment));
    say("Started", info.started_at.map(moment));
    say("Ended", info.ended_at.map(moment));
    say("Lifetime", info.max_lifetime.map(duration::roughly));
    say("Runner", info.runner_id.clone());
    say("Runtime", info.runtime_class.clone());
    say("CPU limit", info.resource_limits.cpu.clone());
    say("Memory limit", info.resource_limits.memory.clone());
    for (name, value) in &info.annotations {
        say("Annotation", Some(format!("{name}={value}")));
    }
    for service in &info.services {
        let url = service.url.as_deref().unwrap_or("not reachable from outside");
        say("Service", Some(format!("{} ({}): {url}", service.name, service.port)));
    }
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    lines.iter().map(|(name, value)| format!("{:width$} {value}\n", format!("{name}:"))).collect()
}

/// Everything about one, by the names that the JavaScript client uses.
pub fn json(info: &SandboxInfo) -> Value {
    let services: Vec<_> =
        info.services.iter().map(|it| json!({ "name": it.name, "port": it.port, "url": it.url })).collect();
    json!({
        "sandboxId": info.id,
        "status": info.status.name(),
        "statusReason": info.status_reason,
        "exitCode": info.exit_code,
        "displayName": info.display_name,
        "image": info.image,
        "tags": info.tags,
        "annotations": info.annotations,
        "createdAt": info.created_at.map(moment),
        "startedAt": info.started_at.map(moment),
        "endedAt": info.ended_at.map(moment),
        "maxLifetimeSeconds": info.max_lifetime.map(|it| it.as_secs()),
        "runnerId": info.runner_id,
        "runnerGroupId": info.runner_group_id,
        "runtimeClass": info.runtime_class,
        "resourceRequests": { "cpu": info.resource_requests.cpu, "memory": info.resource_requests.memory },
        "resourceLimits": { "cpu": info.resource_limits.cpu, "memory": info.resource_limits.memory },
        "services": services,
    })
}

fn moment(time: SystemTime) -> String {
    prost_types::Timestamp::from(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_align_and_lines_end_clean() {
        let rows = [vec!["long-id".to_owned(), "\u{1b}[32mup\u{1b}[0m".to_owned(), "x".to_owned()]];
        assert_eq!(table(&["ID", "STATUS", "T"], &rows), "ID       STATUS  T\nlong-id  \u{1b}[32mup\u{1b}[0m      x\n");
    }
}
