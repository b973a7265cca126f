//! `mcp`, used by the client of the protocol's own crate.

use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, object},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};

use crate::harness::{Site, wait_for};

type Connection = RunningService<RoleClient, ()>;

async fn connect(site: &Site, arguments: &[&str]) -> Connection {
    let command = site.command(&[&["mcp"], arguments].concat());
    ().serve(TokioChildProcess::new(tokio::process::Command::from(command)).unwrap()).await.unwrap()
}

async fn call(connection: &Connection, tool: &'static str, arguments: Value) -> CallToolResult {
    let request = CallToolRequestParams::new(tool).with_arguments(object(arguments));
    connection.call_tool(request).await.unwrap()
}

fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|it| it.as_text()).map(|it| it.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_model_has_a_sandbox_as_tools() {
    let site = Site::new();
    let model = connect(&site, &["--tag", "mcp"]).await;
    let tools = model.list_all_tools().await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    let all = [
        "create_sandbox",
        "delete_sandbox",
        "exec",
        "list_files",
        "list_sandboxes",
        "read_file",
        "remove_file",
        "run_code",
        "write_file",
    ];
    assert_eq!(names, all);
    for tool in &tools {
        assert!(tool.description.as_ref().is_some_and(|it| it.len() > 20), "{}", tool.name);
    }
    assert!(site.running().is_empty(), "nothing is made before it is needed");

    let ran = call(&model, "exec", json!({ "command": "echo out; echo err >&2; cat; exit 3", "stdin": "in" })).await;
    let told = ran.structured_content.unwrap();
    assert_eq!(told, json!({ "exit_code": 3, "stdout": "out\nin", "stderr": "err\n", "truncated": false }));
    let own = site.running();
    assert_eq!(own.len(), 1);
    assert_eq!(site.jetway(&["ls", "-q", "--tag", "mcp"]).stdout.trim(), own[0]);

    call(&model, "run_code", json!({ "code": "x = 20" })).await;
    assert_eq!(text(&call(&model, "run_code", json!({ "code": "print('hi')\nx * 2 + 2" })).await), "hi\n\n42");
    let raised = call(&model, "run_code", json!({ "code": "1 / 0" })).await;
    assert_eq!(raised.is_error, Some(true));
    assert!(text(&raised).contains("ZeroDivisionError"), "{raised:?}");
    let plot = "class P:\n  def _repr_png_(self): return b'\\x89PNG'\nP()";
    let shown = call(&model, "run_code", json!({ "code": plot })).await;
    assert_eq!(shown.content[0].as_image().unwrap().data, "iVBORw==");

    call(&model, "write_file", json!({ "path": "/w/a.txt", "content": "text" })).await;
    call(&model, "write_file", json!({ "path": "/w/b", "content": "AP8=", "base64": true })).await;
    assert_eq!(text(&call(&model, "read_file", json!({ "path": "/w/a.txt" })).await), "text");
    assert_eq!(text(&call(&model, "read_file", json!({ "path": "/w/b" })).await), "AP8=");
    let listed = call(&model, "list_files", json!({ "path": "/w" })).await.structured_content.unwrap();
    assert_eq!(listed["entries"][1], json!({ "path": "/w/b", "kind": "file", "size_bytes": 2 }));
    call(&model, "remove_file", json!({ "path": "/w", "recursive": true })).await;
    let missing = call(&model, "read_file", json!({ "path": "/w/a.txt" })).await;
    assert_eq!(missing.is_error, Some(true));
    assert!(text(&missing).contains("/w/a.txt"), "{missing:?}");

    let made = call(&model, "create_sandbox", json!({ "env": { "A": "1" } })).await.structured_content.unwrap();
    let other = made["sandbox_id"].as_str().unwrap();
    let ran = call(&model, "exec", json!({ "command": "echo $A", "sandbox_id": other })).await;
    assert_eq!(ran.structured_content.unwrap()["stdout"], "1\n");
    let listed = call(&model, "list_sandboxes", json!({})).await.structured_content.unwrap();
    assert_eq!(listed["sandboxes"].as_array().unwrap().len(), 2);
    call(&model, "delete_sandbox", json!({ "sandbox_id": other })).await;
    call(&model, "create_sandbox", json!({})).await;
    let wrong = CallToolRequestParams::new("exec").with_arguments(object(json!({ "comand": "x" })));
    let refused = match model.call_tool(wrong).await {
        Ok(result) => format!("{:?} {}", result.is_error, text(&result)),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("comand"), "{refused}");

    model.cancel().await.unwrap();
    wait_for("the conversation's sandboxes to end", || site.running().is_empty().then_some(()));
}

#[tokio::test]
async fn a_sandbox_that_was_there_stays() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let model = connect(&site, &["--in", &id]).await;
    call(&model, "write_file", json!({ "path": "/tmp/file", "content": "here" })).await;
    model.cancel().await.unwrap();
    site.jetway(&["exec", &id, "--", "cat", "/tmp/file"]).is(0, "here", "");
}
