//! `/files`: list, write, delete; and `/files/content`, which the original lacks: read.

use axum::body::Body;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderValue, Method, Response, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Reply, ok, success};
use crate::service::{Api, Entry};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    sandbox_id: String,
    path: String,
    /// The text itself.
    content: String,
}

pub(super) async fn answer(api: &Api, call: &Call) -> Reply {
    match call.method {
        Method::GET => {
            let path = call.query("path").filter(|path| !path.is_empty()).unwrap_or("/workspace");
            let entries = api.list_directory(call.needed("sandbox_id")?, path).await?;
            let files: Vec<Value> = entries.iter().map(shown).collect();
            ok(&json!({ "files": files }))
        }
        Method::PUT => {
            let Written { sandbox_id, path, content } = call.json()?;
            api.put_file(&sandbox_id, &path, content.into_bytes().into()).await?;
            success()
        }
        Method::DELETE => {
            api.delete_path(call.needed("sandbox_id")?, call.needed("path")?).await?;
            success()
        }
        _ => Err(call.not_allowed()),
    }
}

/// A file's bytes.
pub(super) async fn content(api: &Api, call: &Call) -> Reply {
    if call.method != Method::GET {
        return Err(call.not_allowed());
    }
    let bytes = api.get_file(call.needed("sandbox_id")?, call.needed("path")?).await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // What is in a sandbox must never become a page of this origin.
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn shown(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "path": entry.path,
        "size": entry.size,
        "is_dir": entry.is_directory,
        "mod_time": DateTime::<Utc>::from(entry.modified).to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}
