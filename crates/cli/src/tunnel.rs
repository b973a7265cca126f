//! One TCP connection into a sandbox, carried by a process there: works with any port on any server.
//! Must not know: who listens here.

use anyhow::{Result, bail};
use bytes::BytesMut;
use futures::StreamExt;
use jetway::{ExecOptions, Sandbox};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Connects to the port `$1` of the sandbox's loopback and carries bytes both ways, the end of each direction by itself.
/// 111: nobody listens. 127: nothing to do it with. nc comes last: its kinds differ about the end of input.
const CONNECT: &str = r#"p=$1
if command -v python3 >/dev/null 2>&1; then exec python3 -I -S -c '
import os, socket, sys, threading
try: s = socket.create_connection(("localhost", int(sys.argv[1])))
except OSError: sys.exit(111)
def up():
    try:
        while True:
            data = os.read(0, 65536)
            if not data: break
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError: pass
threading.Thread(target=up, daemon=True).start()
try:
    while True:
        data = s.recv(65536)
        if not data: break
        while data: data = data[os.write(1, data):]
except OSError: pass
os._exit(0)' "$p"
elif command -v node >/dev/null 2>&1; then exec node -e '
const s = require("net").connect({ port: +process.argv[1], host: "localhost", allowHalfOpen: true });
s.on("error", (e) => process.exit(e.code === "ECONNREFUSED" ? 111 : 1));
s.on("connect", () => { process.stdin.pipe(s); s.pipe(process.stdout); s.on("end", () => process.exit(0)); });' "$p"
elif command -v socat >/dev/null 2>&1; then exec socat -t 3600 - "TCP:localhost:$p"
elif command -v bash >/dev/null 2>&1; then exec bash -c 'exec 3<>"/dev/tcp/localhost/$1" || exit 111
cat >&3 & cat <&3; kill $! 2>/dev/null' bash "$p" 2>/dev/null
elif command -v nc >/dev/null 2>&1; then exec nc localhost "$p"
else exit 127; fi"#;

const REFUSED: i32 = 111;
const NOTHING: i32 = 127;
const CHUNK: usize = 64 * 1024;

/// Carries it to its end.
pub async fn carry(sandbox: &Sandbox, connection: TcpStream, port: u16, container: Option<String>) -> Result<()> {
    let mut options = ExecOptions::default().stdin(true);
    options.container = container;
    let mut process = sandbox.exec(["/bin/sh", "-c", CONNECT, "sh", &port.to_string()], options);
    let (mut from_here, mut to_here) = connection.into_split();
    let (Some(mut stdin), Some(mut stdout)) = (process.stdin(), process.stdout()) else { return Ok(()) };
    let up = async {
        loop {
            let mut buffer = BytesMut::with_capacity(CHUNK);
            match from_here.read_buf(&mut buffer).await {
                Ok(1..) if stdin.write(buffer.freeze()).await.is_ok() => {}
                // The end of this direction; the other one may go on.
                _ => break,
            }
        }
        drop(stdin);
        std::future::pending::<()>().await
    };
    let down = async {
        while let Some(data) = stdout.next().await {
            // Why the process failed is in its end.
            let Ok(data) = data else { break };
            if to_here.write_all(&data).await.is_err() {
                return false;
            }
        }
        let _ = to_here.shutdown().await;
        true
    };
    let whole = tokio::select! {
        whole = down => whole,
        () = up => false,
    };
    if !whole {
        // Whoever connected is gone: so is the process, with its handle.
        return Ok(());
    }
    match process.wait().await? {
        REFUSED => bail!("nothing listens there in the sandbox"),
        NOTHING => bail!("the sandbox has none of python3, node, socat, bash, nc to connect with"),
        _ => Ok(()),
    }
}
