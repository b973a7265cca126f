//! A connection that is cut at random bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy that cuts each connection after a random number of bytes from the server.
pub struct CuttingProxy {
    pub url: String,
    cuts: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl CuttingProxy {
    pub async fn open(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        let serving = tokio::spawn(async move {
            let mut random = 0x9e37_79b9_7f4a_7c15_u64;
            for number in 0_u64.. {
                let Ok((client, _)) = listener.accept().await else { return };
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Now and then enough for any message: whoever fell behind must be able to catch up.
                let range = if number % 8 == 7 { 150_000..200_000 } else { 0..100_000 };
                let after = range.start + (random >> 8) % (range.end - range.start);
                for socket in [&client, &server] {
                    socket.set_nodelay(true).unwrap();
                }
                tokio::spawn(carry(client, server, after as usize, Arc::clone(&counted)));
            }
        });
        Self { url, cuts, serving }
    }

    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, mut left: usize, cuts: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let down = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            let passed = left.min(count);
            if to_client.write_all(&buffer[..passed]).await.is_err() {
                return;
            }
            left -= passed;
            if left == 0 {
                cuts.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
