//! What was found, for people and for programs: a table, JSON, YAML. Colours only on a terminal.
//! Must not know: how it was found.

use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::ValueEnum;
use console::style;
use jetway::{SandboxStatus, sandbox::SandboxInfo};
use serde_json::{Value, json};

use crate::{duration, output};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// For both
    Yaml,
}

/// Prints it in the form that was asked for.
pub fn print(format: Format, value: impl FnOnce() -> Value, table: impl FnOnce() -> String) -> Result<()> {
    match format {
        Format::Table => output::print(&table()),
        Format::Json => output::print(&format!("{:#}\n", value())),
        Format::Yaml => output::print(&serde_saphyr::to_string(&value()).context("this cannot be said in YAML")?),
    }
}

/// What there is of a thing, one line each: what is not known is left out.
pub fn lines(facts: &[(&str, Option<String>)]) -> String {
    let known = || facts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let width = known().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    known().map(|(name, value)| format!("{:width$} {value}\n", format!("{name}:"))).collect()
}

/// How long ago, roughly.
pub fn age(at: Option<SystemTime>) -> String {
    let ago = at.and_then(|at| SystemTime::now().duration_since(at).ok()).map(duration::roughly);
    ago.unwrap_or_else(|| NONE.to_owned())
}

/// What a table has where there is nothing.
pub const NONE: &str = "-";

/// Text, or what a table has where there is none.
pub fn or_none(text: Option<&str>) -> String {
    text.unwrap_or(NONE).to_owned()
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
    vec![
        info.id.clone(),
        status(info.status),
        or_none(info.image.as_deref()),
        age(info.created_at),
        if info.tags.is_empty() { NONE.to_owned() } else { info.tags.join(",") },
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
    let mut facts = vec![
        ("Id", Some(info.id.clone())),
        ("Status", Some(status(info.status))),
        ("Reason", info.status_reason.clone()),
        ("Exit code", info.exit_code.map(|code| code.to_string())),
        ("Name", info.display_name.clone()),
        ("Image", info.image.clone()),
        ("Tags", Some(info.tags.join(", ")).filter(|tags| !tags.is_empty())),
        ("Created", info.created_at.map(moment)),
        ("Started", info.started_at.map(moment)),
        ("Ended", info.ended_at.map(moment)),
        ("Lifetime", info.max_lifetime.map(duration::roughly)),
        ("Runner", info.runner_id.clone()),
        ("Runtime", info.runtime_class.clone()),
        ("CPU limit", info.resource_limits.cpu.clone()),
        ("Memory limit", info.resource_limits.memory.clone()),
    ];
    facts.extend(info.annotations.iter().map(|(name, value)| ("Annotation", Some(format!("{name}={value}")))));
    for service in &info.services {
        let url = service.url.as_deref().unwrap_or("not reachable from outside");
        facts.push(("Service", Some(format!("{} ({}): {url}", service.name, service.port))));
    }
    lines(&facts)
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
        "scratchVolumes": info.scratch_volumes,
        "volumeIds": info.volume_ids,
        "services": services,
    })
}

/// A time as RFC 3339 writes it.
pub fn moment(time: SystemTime) -> String {
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
