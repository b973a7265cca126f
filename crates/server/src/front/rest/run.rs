//! `/execute`: code or a command, run to its end.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Call, Failure, Reply, ok};
use crate::service::{Api, Execute, Executed, What};

/// How long code may run when nobody says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(300);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    sandbox_id: String,
    code: Option<String>,
    language: Option<String>,
    command: Option<Vec<String>>,
    work_dir: Option<String>,
    env: Option<BTreeMap<String, String>>,
    /// Seconds.
    timeout: Option<f64>,
}

pub(super) async fn answer(api: &Api, call: &Call) -> Reply {
    if call.method != Method::POST {
        return Err(call.not_allowed());
    }
    let Wanted { sandbox_id, code, language, command, work_dir, env, timeout } = call.json()?;
    let limit = match timeout {
        None => DEFAULT_LIMIT,
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|limit| !limit.is_zero())
            .ok_or_else(|| Failure::invalid("timeout: must be a number of seconds above zero"))?,
    };
    let what = match (command.filter(|command| !command.is_empty()), code) {
        (Some(command), _) => What::Command(command),
        (None, Some(code)) => What::Code { language: language.unwrap_or_else(|| "python".to_owned()), code },
        (None, None) => return Err(Failure::invalid("give code and its language, or a command")),
    };
    let (work_dir, env) = (work_dir.unwrap_or_default(), env.unwrap_or_default());
    let done = api.execute(Execute { sandbox_id, what, work_dir, env, limit }).await?;
    let Executed { exit_code, stdout, stderr, duration, timed_out, error, results } = done;
    let mut shown = json!({
        "exit_code": exit_code,
        "stdout": String::from_utf8_lossy(&stdout),
        "stderr": String::from_utf8_lossy(&stderr),
        "duration_ms": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        "timed_out": timed_out,
    });
    if let Some(error) = error {
        shown["error"] = json!(error);
    }
    if !results.is_empty() {
        shown["results"] = json!(results);
    }
    ok(&shown)
}
