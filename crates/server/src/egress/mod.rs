//! The way out of a sandbox: an HTTP proxy that runs out here and is reached from inside. It looks names up, checks what
//! it found against the sandbox's rules and the owner's, and connects to what it checked.
//! Must not know: how a sandbox is run, the wire.

mod address;
mod names;
mod proxy;
mod rules;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

pub(crate) use address::is_all_internal;
pub(crate) use names::{SystemNames, is_dns_name};
pub(crate) use rules::Owner;

use crate::runtime::EgressPlan;
use names::{Host, Names};
use rules::Grant;

/// Connections of one sandbox at a time; more wait in its listener's queue.
const CONNECTIONS: usize = 256;
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;

/// What all sandboxes' proxies share.
#[derive(Debug)]
pub(crate) struct Egress {
    owner: Owner,
    names: Box<dyn Names>,
}

/// Why a connection was not made. The text is for the program inside.
#[derive(Debug)]
enum Denied {
    /// It may not be.
    Forbidden(String),
    /// It could not be.
    Failed(String),
}

impl Egress {
    /// With the owner's rules.
    pub fn new(owner: Owner, names: SystemNames) -> Self {
        Self { owner, names: Box::new(names) }
    }

    /// The owner's rules.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Serves one sandbox's programs until it is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, plan: Arc<EgressPlan>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (egress, plan) = (self.clone(), plan.clone());
                    tokio::spawn(async move {
                        proxy::serve(egress, plan, stream).await;
                        drop(place);
                    });
                }
                // Its sandbox is gone, or this process is out of descriptors: neither gets better by spinning.
                Err(error) => {
                    tracing::debug!(%error, "a sandbox's connection to the outside could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Connects to where `plan` lets a program connect.
    async fn connect(&self, plan: &EgressPlan, host: &str, port: u16) -> Result<(TcpStream, Grant), Denied> {
        let asked = Host::parse(host);
        let (name, found) = match &asked {
            None => return Err(Denied::Forbidden(format!("{host:?} is neither a host name nor an address"))),
            Some(Host::Address(ip)) => (None, vec![*ip]),
            Some(Host::Name(_)) if !plan.names => {
                return Err(Denied::Forbidden("this sandbox may not look names up; connect to an address".to_owned()));
            }
            Some(Host::Name(name)) => {
                let found = self.names.look_up(name).await;
                let found = found.map_err(|error| Denied::Failed(format!("{name} could not be looked up: {error}")))?;
                (Some(name.as_str()), found)
            }
        };
        // What is checked here is what is connected to: a name that answers otherwise the next time gains nothing.
        let checked = found.iter().filter_map(|ip| {
            rules::check(plan, &self.owner, name, *ip, port).map(|grant| (SocketAddr::new(*ip, port), grant))
        });
        let checked: Vec<_> = checked.take(MOST_ADDRESSES).collect();
        if checked.is_empty() {
            return Err(Denied::Forbidden(format!(
                "this sandbox may not connect to {host}:{port}; give it an egress rule for that, and where it is no public \
                 address, start the server with --allow-egress-to"
            )));
        }
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for (address, grant) in checked {
            match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Costs latency when it fails, nothing else.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, grant));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(Denied::Failed(format!("{host}:{port} cannot be connected to: {last}")))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::IpAddr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::runtime::Target;

    /// An attacker's name server: a good address first, this machine's from then on.
    #[derive(Debug)]
    struct Rebinding {
        answers: Vec<Vec<IpAddr>>,
        asked: Arc<AtomicUsize>,
    }

    #[async_trait::async_trait]
    impl Names for Rebinding {
        async fn look_up(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(self.answers[asked.min(self.answers.len() - 1)].clone())
        }
    }

    fn egress(allowed: &str, answers: &[&[&str]]) -> (Egress, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let parse = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        let names = Rebinding { answers: answers.iter().map(parse).collect(), asked: asked.clone() };
        let owner = Owner { allowed: vec![allowed.parse().unwrap()], port: 1 };
        (Egress { owner, names: Box::new(names) }, asked)
    }

    fn everything() -> EgressPlan {
        EgressPlan { targets: vec![Target::Any { ports: Vec::new() }], names: true }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_connected_to_where_it_was_checked() {
        let good = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = good.local_addr().unwrap().port();
        let (egress, asked) = egress("127.0.0.2/32", &[&["127.0.0.2"], &["127.0.0.1"]]);
        let (stream, grant) = egress.connect(&everything(), "rebind.example", port).await.unwrap();
        assert_eq!((stream.peer_addr().unwrap(), grant), (good.local_addr().unwrap(), Grant::Address));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let second = egress.connect(&everything(), "rebind.example", port).await;
        assert!(matches!(second, Err(Denied::Forbidden(_))), "{second:?}");
    }

    #[tokio::test]
    async fn of_several_addresses_only_the_good_ones_are_tried() {
        let bad = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = bad.local_addr().unwrap().port();
        let (egress, _) = egress("127.0.0.2/32", &[&["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"]]);
        let answer = egress.connect(&everything(), "both.example", port).await;
        assert!(matches!(answer, Err(Denied::Failed(_))), "{answer:?}");
    }
}
