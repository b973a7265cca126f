//! `jetway port-forward`: ports of this machine that lead into a sandbox.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::ArgValueCandidates;
use futures::future::join_all;
use jetway::{Client, Sandbox};
use tokio::net::TcpListener;

use crate::{candidates, output, signals::Signals, tunnel};

/// Let ports of this machine lead into a sandbox, until Ctrl-C.
///
/// Any TCP port that something listens on in the sandbox, on its loopback address too; it need not be published. Each
/// connection goes through a process in the sandbox, which takes python3, node, socat, bash or nc, whichever is there.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway port-forward ID 8000                  http://127.0.0.1:8000 is port 8000 of the sandbox
  jetway port-forward ID 8080:80 5433:5432     two of them
  jetway port-forward ID :8000                 any free port here; it is printed
  jetway port-forward ID 8000 --address 0.0.0.0    for everybody who reaches this machine")]
pub struct PortForward {
    /// Sandbox
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: String,

    /// Port here and port there; one alone is both
    #[arg(value_name = "[LOCAL:]REMOTE", required = true)]
    ports: Vec<Pair>,

    /// Address of this machine to listen on
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// Which container of the sandbox
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    /// 0: any that is free.
    local: u16,
    remote: u16,
}

impl std::str::FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = |part: &str| part.parse::<u16>().map_err(|_| format!("{part:?} is no port; e.g. 8080:80"));
        let (local, remote) = match text.split_once(':') {
            None => (port(text)?, port(text)?),
            Some(("", remote)) => (0, port(remote)?),
            Some((local, remote)) => (port(local)?, port(remote)?),
        };
        match remote {
            0 => Err("port 0 of a sandbox leads nowhere".to_owned()),
            _ => Ok(Self { local, remote }),
        }
    }
}

/// Leads connections there until a signal.
pub async fn run(forward: PortForward, client: Client) -> Result<u8> {
    let PortForward { id, ports, address, container } = forward;
    let sandbox = Sandbox::from_id(&client, &id).await?;
    let mut signals = Signals::listen()?;
    let mut listening = Vec::new();
    for Pair { local, remote } in ports {
        let here = SocketAddr::new(address, local);
        let listener = TcpListener::bind(here).await.with_context(|| {
            format!("cannot listen on {here}; choose another port, e.g. :{remote} for any that is free")
        })?;
        let here = listener.local_addr().context("cannot say where it listens")?;
        output::print(&format!("Forwarding {here} -> {remote}\n"))?;
        listening.push((listener, remote));
    }
    let serving = listening.into_iter().map(|(listener, port)| serve(&sandbox, listener, port, container.as_deref()));
    tokio::select! {
        served = join_all(serving) => served.into_iter().collect::<Result<Vec<()>>>().map(|_| 0),
        caught = signals.next() => Ok(caught.exit_code()),
    }
}

async fn serve(sandbox: &Sandbox, listener: TcpListener, port: u16, container: Option<&str>) -> Result<()> {
    loop {
        let (connection, _) = listener.accept().await.context("cannot accept connections")?;
        // Small writes are what people type.
        let _ = connection.set_nodelay(true);
        let (sandbox, container) = (sandbox.clone(), container.map(str::to_owned));
        tokio::spawn(async move {
            if let Err(error) = tunnel::carry(&sandbox, connection, port, container).await {
                output::tell(&format!("port {port}: {error:#}"));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn ports_are_pairs_or_one_for_both() {
        let pair = |local, remote| Ok(Pair { local, remote });
        assert_eq!("80".parse(), pair(80, 80));
        assert_eq!("8080:80".parse(), pair(8080, 80));
        assert_eq!(":80".parse(), pair(0, 80));
        for wrong in ["", ":", "x", "1:x", "80:", "70000", "8080:0", "1:2:3"] {
            assert!(wrong.parse::<Pair>().is_err(), "{wrong}");
        }
    }
}
