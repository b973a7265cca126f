//! Plain HTTP/1.1, byte by byte: what a page or a careless program can send.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::site::Site;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The gRPC code of a refusal, wherever it is said.
    pub fn code(&self) -> Option<&str> {
        self.header("grpc-status")
    }
}

/// The path of a harmless call.
pub const LIST: &str = "/coreweave.sandbox.v1.SandboxService/ListSandboxes";
/// An empty gRPC-web message.
pub const EMPTY: &[u8] = &[0; 5];

impl Site {
    /// Sends one request: its first line, headers, body. `{host}`, `{token}` are filled in.
    pub async fn http(&self, first: &str, headers: &[&str], body: &[u8]) -> Result<Answer, String> {
        let mut head = format!("{first} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
            head.push_str("host: {host}\r\n");
        }
        for line in headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        let head = head.replace("{host}", &self.address).replace("{token}", &self.token) + "\r\n";
        let raw = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw).await?;
            std::io::Result::Ok(raw)
        };
        let raw = raw.await.map_err(|error| format!("{first}: {error}"))?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(format!("no head in {text:?}"))?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or("no status")?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Answer { status, headers, body: body.to_owned() })
    }

    /// A gRPC-web call as a page sends it, with these headers.
    pub async fn call(&self, headers: &[&str]) -> Result<Answer, String> {
        let mut all = vec!["content-type: application/grpc-web+proto"];
        all.extend(headers);
        self.http(&format!("POST {LIST}"), &all, EMPTY).await
    }
}
