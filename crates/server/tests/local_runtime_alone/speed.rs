//! How long starting takes. It prints figures and judges none: a loaded machine is not a fault. `cargo xtask bench` judges.

use std::time::{Duration, Instant};

use jetway_server::runtime::Runtime;
use tokio::io::AsyncReadExt;

use crate::support::{plan, request, run, site};

fn percentile(mut times: Vec<Duration>, part: usize) -> Duration {
    times.sort();
    times[times.len() * part / 100]
}

pub async fn starting_is_measured_and_a_flood_arrives_whole() {
    let site = site();
    let (mut starts, mut execs, mut removals) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..30 {
        let begun = Instant::now();
        let sandbox = site.runtime.start(plan(&format!("bench-{number}"))).await.unwrap();
        starts.push(begun.elapsed());
        run(&sandbox, &["/bin/true"]).await;
        for _ in 0..10 {
            let begun = Instant::now();
            let mut handle = sandbox.exec(request(&["/bin/true"])).await.unwrap();
            handle.control.wait().await;
            execs.push(begun.elapsed());
        }
        let begun = Instant::now();
        sandbox.remove().await.unwrap();
        removals.push(begun.elapsed());
    }
    let sandbox = site.runtime.start(plan("bulk")).await.unwrap();
    let begun = Instant::now();
    let mut handle = sandbox.exec(request(&["head", "-c", "268435456", "/dev/zero"])).await.unwrap();
    let (mut bytes, mut total) = (vec![0; 256 << 10], 0);
    loop {
        match handle.stdout.read(&mut bytes).await.unwrap() {
            0 => break,
            count => total += count,
        }
    }
    assert_eq!(total, 256 << 20);
    println!("stdout {:.0} MiB/s", 256.0 / begun.elapsed().as_secs_f64());

    let [start, exec, removal] =
        [starts, execs, removals].map(|times| (percentile(times.clone(), 10), percentile(times, 50)));
    println!("start p10/p50 {start:?}  exec p10/p50 {exec:?}  remove p10/p50 {removal:?}");
}
