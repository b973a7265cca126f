//! A remote command as if it ran here: its output, its input, its exit code, Ctrl-C.
//! Must not know: which subcommand started it, terminals (see `attach.rs`).

use std::pin::pin;

use anyhow::Result;
use futures::future::{FutureExt, OptionFuture, join};
use jetway::{ErrorKind, Process};

use crate::{
    exit, input, output,
    signals::{Caught, Signals},
};

/// Follows a process to its end and gives the exit code to end with.
///
/// The first Ctrl-C goes to the process, which may take it as it likes; where it cannot be passed on, and on the second,
/// the process is ended. So it is on any other signal.
pub async fn follow(mut process: Process, signals: &mut Signals) -> Result<u8> {
    let feeding = process.stdin().map(|writer| tokio::spawn(input::feed(writer)));
    let (stdout, stderr) = (process.stdout(), process.stderr());
    let streaming = async {
        let out = async {
            let copied = match stdout {
                Some(stdout) => output::copy(stdout, tokio::io::stdout()).await,
                None => Ok(()),
            };
            // Nobody wants the rest, so nobody needs the process.
            copied.inspect_err(|_| process.cancel())
        };
        let err = async {
            if let Some(stderr) = stderr {
                // Its failure is stdout's too, and a closed stderr has nobody to be told.
                let _ = output::copy(stderr, tokio::io::stderr()).await;
            }
        };
        join(out, err).await.0?;
        anyhow::Ok(process.wait().await?)
    };
    let mut streaming = pin!(streaming);
    let mut interrupted = false;
    let mut passing_on = pin!(OptionFuture::from(None).fuse());
    let ended = loop {
        tokio::select! {
            ended = &mut streaming => break ended,
            caught = signals.next() => {
                if interrupted || caught != Caught::Interrupt {
                    process.cancel();
                    return Ok(caught.exit_code());
                }
                interrupted = true;
                passing_on.set(OptionFuture::from(Some(process.kill("INT"))).fuse());
            }
            Some(passed) = &mut passing_on => {
                // Not started yet, ended already, or out of reach.
                if !matches!(passed, Ok(true)) {
                    process.cancel();
                }
            }
        }
    };
    if let Some(feeding) = feeding {
        feeding.abort();
    }
    match ended {
        Err(error) if interrupted && kind(&error) == Some(ErrorKind::Cancelled) => Ok(Caught::Interrupt.exit_code()),
        ended => ended.map(exit::of_remote),
    }
}

fn kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.downcast_ref::<jetway::Error>().map(jetway::Error::kind)
}
