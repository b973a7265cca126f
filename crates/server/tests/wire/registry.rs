//! Debian's `docker-registry` on loopback, and images that are made here and pushed to it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::required::missing;

/// The only user of a registry with a door.
pub const USER: &str = "reader";
/// Its password, and what the registry keeps of it.
pub const PASSWORD: &str = "correct horse";
const KEPT: &str = "$2b$04$hN.vDe5a5dMOUfFS5Bie.OcDJzGlSSkATdufXGwc0RtW9A01J3HkK";

/// A registry that runs.
pub struct Registry {
    /// Host and port, as image names begin.
    pub address: String,
    dir: TempDir,
    child: Child,
    auth: RegistryAuth,
}

/// What a layer holds.
pub type Layer = tar::Builder<GzEncoder<Vec<u8>>>;

/// On the path, or where `cargo xtask setup` unpacks it.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("debian/docker-registry/usr/bin");
    std::env::split_paths(&path).chain([own]).map(|dir| dir.join("docker-registry")).find(|path| path.is_file())
}

/// The busybox that roots are made of, and a registry. See [`missing`] for when there is none.
pub fn registry(with_a_door: bool) -> Option<(Registry, Vec<u8>)> {
    match (program(), std::fs::read("/bin/busybox")) {
        (Some(program), Ok(busybox)) => Some((Registry::start(&program, with_a_door), busybox)),
        _ => {
            missing("docker-registry or /bin/busybox");
            None
        }
    }
}

impl Registry {
    fn start(program: &Path, with_a_door: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = json!({
            "version": "0.1",
            "log": { "level": "info", "formatter": "text", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": dir.path().join("store") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        if with_a_door {
            let path = dir.path().join("htpasswd");
            std::fs::write(&path, format!("{USER}:{KEPT}\n")).unwrap();
            config["auth"] = json!({ "htpasswd": { "realm": "test", "path": path } });
        }
        // Its configuration is YAML, and JSON is.
        let path = dir.path().join("config.yml");
        std::fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(&path).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let port = said.find_map(|line| {
            let rest = line.split("listening on 127.0.0.1:").nth(1)?.to_owned();
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u16>().ok()
        });
        let address = format!("127.0.0.1:{}", port.expect("the registry says where it listens"));
        // It would stop at a full pipe.
        std::thread::spawn(move || said.for_each(drop));
        let auth = match with_a_door {
            true => RegistryAuth::Basic(USER.into(), PASSWORD.into()),
            false => RegistryAuth::Anonymous,
        };
        Self { address, dir, child, auth }
    }

    /// Its whole name here.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// Pushes an image; the digest of its manifest. `said` are its layers' digests where the configuration is to lie.
    pub async fn push(&self, image: &str, layers: &[Vec<u8>], config: Value, said: Option<Vec<String>>) -> String {
        let (client, reference) = self.client(image).await;
        let diff_ids = said.unwrap_or_else(|| layers.iter().map(|layer| digest(&unzip(layer))).collect());
        let file = json!({
            "architecture": architecture(), "os": "linux", "config": config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let mut described = Vec::new();
        for blob in layers {
            let media = "application/vnd.oci.image.layer.v1.tar+gzip";
            described.push(blob_in(&client, &reference, blob.clone(), media).await);
        }
        let media = "application/vnd.oci.image.config.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob_in(&client, &reference, file.to_string().into_bytes(), media).await,
            "layers": described,
        });
        put(&client, &reference, &manifest).await
    }

    /// Pushes an index whose entry for this machine is `own`, which was pushed under the same name, and a stranger's.
    pub async fn push_index(&self, image: &str, own: &str, size: usize) -> String {
        let (client, reference) = self.client(image).await;
        let entry = |machine: &str| {
            let media = "application/vnd.oci.image.manifest.v1+json";
            json!({ "mediaType": media, "digest": own, "size": size,
                    "platform": { "os": "linux", "architecture": machine } })
        };
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry("s390x"), entry(architecture())],
        });
        put(&client, &reference, &index).await
    }

    /// The file that the registry keeps a blob in.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let store = self.dir.path().join("store/docker/registry/v2/blobs/sha256");
        store.join(&hex[..2]).join(hex).join("data")
    }

    async fn client(&self, image: &str) -> (Client, Reference) {
        // The client's TLS takes the process's provider; the server under test may have chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = ClientProtocol::HttpsExcept(vec![self.address.clone()]);
        let client = Client::new(ClientConfig { protocol: plain, ..ClientConfig::default() });
        let reference: Reference = self.name(image).parse().unwrap();
        client.auth(&reference, &self.auth, RegistryOperation::Push).await.unwrap();
        (client, reference)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn blob_in(client: &Client, reference: &Reference, bytes: Vec<u8>, media: &str) -> Value {
    let described = json!({ "mediaType": media, "digest": digest(&bytes), "size": bytes.len() });
    let name = digest(&bytes);
    client.push_blob(reference, bytes, &name).await.unwrap();
    described
}

async fn put(client: &Client, reference: &Reference, document: &Value) -> String {
    let media = document["mediaType"].as_str().unwrap().parse().unwrap();
    let bytes = document.to_string().into_bytes();
    let name = digest(&bytes);
    client.push_manifest_raw(reference, bytes, media).await.unwrap();
    name
}

/// An empty layer.
pub fn layer() -> Layer {
    tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()))
}

/// Of an entry of the root's. A new one has no numbers at all, not even zeros.
fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Adds a file.
pub fn file(layer: &mut Layer, path: &str, content: &[u8]) {
    let mut header = header(content.len());
    layer.append_data(&mut header, path, content).unwrap();
}

/// A layer of a shell and tools.
pub fn tools(busybox: &[u8]) -> Layer {
    let mut base = layer();
    file(&mut base, "bin/busybox", busybox);
    for name in ["sh", "cat", "ls", "sleep", "printf"] {
        let mut header = header(0);
        header.set_entry_type(tar::EntryType::Symlink);
        base.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
    }
    base
}

/// Its bytes as they travel.
pub fn packed(layer: Layer) -> Vec<u8> {
    layer.into_inner().unwrap().finish().unwrap()
}

/// `sha256:` and what it is.
pub fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain).unwrap();
    plain
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
