//! A server of its own for each test, and what tests ask of it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use jetway::{Client, ClientConfig, Credentials, ErrorKind, Sandbox, SandboxOptions};
use jetway_server::{Access, SecretSource, Server, ServerConfig, runtime::local::agent_exe_for_tests};
use tokio::{sync::oneshot, task::JoinHandle};

pub const TOKEN: &str = "a-token-for-tests";

/// A running server; stopped, with everything in it, by [`Site::close`].
pub struct Site {
    pub url: String,
    pub client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl Site {
    pub async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(data.path());
        config.access = Access::Token(TOKEN.to_owned());
        config.ephemeral = true;
        let secrets = data.path().join("secrets.env");
        private_file(&secrets, "API=value-of-a-test-secret\n");
        config.secret_stores = [("tests".to_owned(), SecretSource::File(secrets))].into();
        config.agent_exe = Some(agent_exe().await);
        config.shutdown_grace = Duration::from_millis(200);
        let server = Server::bind(config).await.unwrap();
        let url = server.url();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        let client = client(&url);
        Self { url, client, stop, served, _data: data }
    }

    pub fn sandbox(&self) -> Sandbox {
        Sandbox::run(&self.client, SandboxOptions::new())
    }

    pub async fn close(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }
}

fn private_file(path: &Path, content: &str) {
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path).unwrap().write_all(content.as_bytes()).unwrap();
}

async fn agent_exe() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let find = || FOUND.get_or_init(|| agent_exe_for_tests().unwrap()).clone();
    tokio::task::spawn_blocking(find).await.unwrap()
}

pub fn client(url: &str) -> Client {
    Client::new(ClientConfig::new(url).credentials(Credentials::bearer(TOKEN))).unwrap()
}

/// The field that a validation error names.
pub fn field(error: &jetway::Error) -> &str {
    assert_eq!(error.kind(), ErrorKind::Validation, "{error:?}");
    &error.field_violations()[0].field
}
