//! How a server makes itself known: on the terminal, to clients of the same user, to whoever started it.
//! The token is in here: files are readable by their owner only, and nothing of this goes to the log.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use jetway_server::Server;
use serde_json::{Value, json};

/// What there is to know about a server.
pub struct Announcement {
    url: String,
    token: Option<String>,
    /// The page's link.
    pub launch_url: String,
    authority: PathBuf,
}

impl Announcement {
    /// A server's.
    pub fn of(server: &Server) -> Self {
        Self {
            url: server.url(),
            token: server.token().map(str::to_owned),
            launch_url: server.launch_url(),
            authority: server.authority().to_owned(),
        }
    }

    /// What `serve.json` says.
    pub fn for_clients(&self) -> Value {
        json!({ "url": self.url, "token": self.token, "pid": std::process::id() })
    }

    /// What `--ready-file` says.
    pub fn for_starter(&self) -> Value {
        json!({ "url": self.url, "token": self.token, "launchUrl": self.launch_url, "pid": std::process::id(),
            "authority": self.authority })
    }

    /// Two lines to paste into a shell, and a link to open.
    pub fn print(&self, open: bool) {
        // Public clients insist on a key; an open server takes any.
        let token = self.token.as_deref().unwrap_or("none");
        println!("export CWSANDBOX_BASE_URL={}", self.url);
        println!("export CWSANDBOX_API_KEY={token}");
        println!();
        println!("Open {}", self.launch_url);
        if open {
            println!("Everybody who reaches this port can run code in sandboxes here (--no-auth).");
        }
        let authority = self.authority.display();
        println!("For https here, trust {authority} (NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, curl --cacert).");
        println!("Stop with Ctrl-C; it stops the sandboxes too.");
        // Whoever reads through a pipe waits for this; a reader that is gone is no reason to stop.
        let _ = io::stdout().flush();
    }
}

/// A file that tells of a running server, and goes with it.
pub struct SharedFile {
    path: PathBuf,
    content: String,
}

impl SharedFile {
    /// Puts it there whole, readable by its owner only.
    pub fn write(path: PathBuf, content: &Value) -> io::Result<Self> {
        let content = content.to_string();
        write_private(&path, &content)?;
        Ok(Self { path, content })
    }
}

/// Puts a file there whole, readable by its owner only.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(content.as_bytes())?;
    std::fs::rename(&draft, path)
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        // Another server may have put its own there meanwhile.
        if std::fs::read_to_string(&self.path).is_ok_and(|now| now == self.content) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
