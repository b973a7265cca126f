//! A server in a process of its own, that can be killed.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use jetway_server::{ServerConfig, wire::sandbox::sandbox_service_client::SandboxServiceClient};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// Names the data directory; whoever is started with it is a server.
pub const ROLE: &str = "JETWAY_SOAK_SERVER";

/// Serves until standard input ends; then stops its sandboxes.
pub fn serve(data_dir: PathBuf) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = ServerConfig::new(data_dir);
        config.agent_exe = Some("/proc/self/exe".into());
        config.max_sandboxes = 5000;
        let server = jetway_server::Server::bind(config).await.unwrap();
        println!("{} {}", server.url(), server.token().unwrap());
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        server
            .serve(async {
                let _ = ended.await;
            })
            .await;
    });
}

/// A running server.
pub struct Server {
    child: Child,
    client: Client,
}

/// A client with the token.
pub type Client = SandboxServiceClient<InterceptedService<Channel, Bearer>>;

/// Adds the token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Server {
    /// Starts one on a data directory.
    pub async fn start(data_dir: &Path) -> Result<Server, String> {
        let mut command = Command::new("/proc/self/exe");
        command.env(ROLE, data_dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).map_err(|error| error.to_string())?;
        let [url, token] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("the server did not come up: {line:?}"));
        };
        let channel = Endpoint::from_shared(url.to_owned()).unwrap().connect().await.map_err(|e| e.to_string())?;
        let bearer = Bearer(format!("Bearer {token}").parse().unwrap());
        let client = SandboxServiceClient::with_interceptor(channel, bearer).max_decoding_message_size(100 << 20);
        Ok(Server { child, client })
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and wait.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as SIGTERM would.
    pub fn stop(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
