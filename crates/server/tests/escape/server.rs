//! A server in a process of its own, under the user that the suite chose. It reads one line before it begins, so that it
//! can be put into control groups first, and ends with its standard input.

use std::{io::Read, path::PathBuf};

use jetway_server::{Server, ServerConfig};

/// Names the data directory; whoever is started with it is a server.
pub const ROLE: &str = "JETWAY_ESCAPE_SERVER";

/// A secret of the server's own environment.
pub const SECRET: (&str, &str) = ("JETWAY_ESCAPE_SECRET", "only-the-server-knows");

/// Processes and threads of one sandbox: few, so that a bomb does not take the machine's time.
pub const PROCESSES: i64 = 200;

/// Serves until standard input ends.
pub fn serve(data_dir: PathBuf) {
    let mut line = [0];
    std::io::stdin().read_exact(&mut line).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = ServerConfig::new(data_dir);
        config.ephemeral = true;
        // An ordinary user may not reach the path that this program was started by.
        config.agent_exe = Some("/proc/self/exe".into());
        config.processes_per_sandbox = PROCESSES;
        config.max_sandboxes = 40;
        let server = Server::bind(config).await.unwrap();
        let (url, token, link) = (server.url(), server.token().unwrap().to_owned(), server.launch_url());
        println!("{url} {token} {link}");
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        server
            .serve(async {
                let _ = ended.await;
            })
            .await;
    });
}
