//! The network: the host's loopback, its neighbours, the cloud's metadata, the world.

use crate::case::{Case, ensure};

const NO_WAY: &str = "its own network namespace, with a loopback and no route";

fn unreachable(name: &'static str, attack: &'static str, family: &str, kind: &str, address: &str) -> Case {
    let program = format!(
        "s = socket.socket(socket.{family}, socket.{kind})\ns.settimeout(20)\n\
         attempt(lambda: (s.connect({address}), s.send(b'x')))"
    );
    Case::python(name, attack, &program).prints("ENETUNREACH").blocked_by(NO_WAY)
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("host_loopback", "reach the server's own port on 127.0.0.1", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let port = site.address.rsplit(':').next().unwrap_or_default();
                let program = format!(
                    "import socket\nfor host in ('127.0.0.1', '0.0.0.0', 'localhost'):\n s = socket.socket(); s.settimeout(20); \
                     print(s.connect_ex((host, {port})))"
                );
                let seen = sandbox.python(&program).await?;
                sandbox.delete().await;
                ensure!(seen == "111\n111\n111", "{seen}");
                Ok(())
            })
        })
        .blocked_by("its own network namespace: 127.0.0.1 is the sandbox"),
        unreachable("metadata", "reach the cloud's metadata service", "AF_INET", "SOCK_STREAM", "('169.254.169.254', 80)"),
        unreachable("private_network", "reach the host's network", "AF_INET", "SOCK_STREAM", "('10.0.0.1', 22)"),
        unreachable("internet", "reach the world", "AF_INET", "SOCK_STREAM", "('192.0.2.1', 443)"),
        unreachable("internet_v6", "reach the world by IPv6", "AF_INET6", "SOCK_STREAM", "('2001:db8::1', 443)"),
        unreachable("datagrams", "send data out by UDP, as name look-ups do", "AF_INET", "SOCK_DGRAM", "('192.0.2.53', 53)"),
        Case::python("raw_packets", "send raw packets", "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nattempt(s.sendto, b'x' * 8, ('192.0.2.1', 0))")
            .prints("ENETUNREACH")
            .blocked_by(NO_WAY),
        Case::shell("interfaces", "listen on the host's interfaces", "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")
            .prints("lo")
            .blocked_by("its own network namespace: there is a loopback only"),
        Case::scene("host_connections", "list the host's connections", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let port: u16 = site.address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
                let seen = sandbox.sh(&format!("cat /proc/net/tcp /proc/net/tcp6 | grep -ci ':{port:04X} '")).await?;
                sandbox.delete().await;
                ensure!(seen == "0", "{seen}");
                Ok(())
            })
        })
        .blocked_by("its own network namespace"),
    ]
}
