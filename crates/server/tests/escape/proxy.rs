//! The proxy that is a sandbox's only way out: what it reaches although the rules say "anything".

use std::sync::Arc;

use futures::future::BoxFuture;
use jetway_server::wire::sandbox::{Container, EgressRule, NetworkOptions, SandboxSpec, egress_rule::Destination};

use crate::{
    case::{Case, Outcome, ensure},
    site::Site,
};

const JUDGED: &str = "the proxy judges the address after names are resolved: the host, its network and link-local ones need the owner's word";

/// Asks the proxy for tunnels to these targets; every one is refused.
fn refused(site: Arc<Site>, targets: &'static [&'static str]) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let egress = vec![EgressRule { destination: Some(Destination::Any(true)), ..EgressRule::default() }];
        let spec = SandboxSpec {
            containers: vec![Container::default()],
            network: Some(NetworkOptions { egress, ..NetworkOptions::default() }),
            ..SandboxSpec::default()
        };
        let sandbox = site.create_from(spec).await.map_err(|status| format!("{status:?}"))?;
        let own = site.address.rsplit(':').next().unwrap_or_default();
        let asked: Vec<String> = targets.iter().map(|target| target.replace("OWN", own)).collect();
        let program = format!(
            "import os, socket, urllib.parse\nproxy = urllib.parse.urlsplit(os.environ['HTTPS_PROXY'])\n\
             for to in {asked:?}:\n s = socket.create_connection((proxy.hostname, proxy.port), 60)\n \
             s.sendall(b'CONNECT ' + to.encode() + b' HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')\n \
             print(s.recv(12).decode().split(' ')[-1])"
        );
        let seen = sandbox.python(&program).await?;
        sandbox.delete().await;
        let answers: Vec<&str> = seen.lines().collect();
        ensure!(answers.len() == asked.len() && answers.iter().all(|answer| ["400", "403"].contains(answer)), "{seen}");
        Ok(())
    })
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("metadata_by_proxy", "reach the cloud's metadata service through the proxy", |site| {
            refused(site, &["169.254.169.254:80", "[fd00:ec2::254]:80", "[::ffff:169.254.169.254]:80", "2852039166:80"])
        })
        .blocked_by(JUDGED),
        Case::scene("loopback_by_proxy", "reach the host's loopback through the proxy, however it is spelt", |site| {
            refused(
                site,
                &[
                    "127.0.0.1:22",
                    "localhost:22",
                    "127.1:22",
                    "2130706433:22",
                    "0x7f000001:22",
                    "0177.0.0.1:22",
                    "0.0.0.0:22",
                    "[::1]:22",
                    "[::ffff:127.0.0.1]:22",
                    "[64:ff9b::127.0.0.1]:22",
                    "[2002:7f00:1::]:22",
                ],
            )
        })
        .blocked_by(JUDGED),
        Case::scene("server_by_proxy", "reach the server's own port through the proxy", |site| {
            refused(site, &["127.0.0.1:OWN", "localhost:OWN", "[::1]:OWN", "0.0.0.0:OWN"])
        })
        .blocked_by(JUDGED),
        Case::scene("private_by_proxy", "reach the host's network through the proxy", |site| {
            refused(
                site,
                &["10.0.0.1:22", "172.16.0.1:22", "192.168.0.1:22", "100.64.0.1:22", "[fe80::1]:22", "[fc00::1]:22"],
            )
        })
        .blocked_by(JUDGED),
    ]
}
