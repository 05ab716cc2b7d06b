//! Free ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::ensure;

/// Below the ports that systems hand out for outgoing connections, so that none of those takes one of ours between the
/// look and the start.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// One port for each listener of a stack.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    pub(crate) postgres: u16,
    pub(crate) ministack: u16,
    pub(crate) bedrock: u16,
    pub(crate) hubspot: u16,
    pub(crate) salesforce: u16,
    pub(crate) webhook: u16,
    pub(crate) ses: u16,
    pub(crate) sqs: u16,
}

/// Finds free ports, starting at a place that differs from process to process.
pub(crate) fn free() -> anyhow::Result<Ports> {
    let [postgres, ministack, bedrock, hubspot, salesforce, webhook, ses, sqs] = take()?;
    Ok(Ports { postgres, ministack, bedrock, hubspot, salesforce, webhook, ses, sqs })
}

/// One free port, for a server outside a stack.
pub(crate) fn one() -> anyhow::Result<u16> {
    take::<1>().map(|[port]| port)
}

/// Several free ports, for servers outside a stack.
pub(crate) fn take<const N: usize>() -> anyhow::Result<[u16; N]> {
    let size = RANGE.end - RANGE.start;
    let start = u16::try_from(std::process::id() * 101 % u32::from(size))?;
    let candidates = (0..size).map(|offset| RANGE.start + (start + offset) % size);
    let mut listeners = Vec::new();
    let mut found = [0; N];
    for port in candidates {
        if listeners.len() == N {
            break;
        }
        if let Ok(listener) = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            found[listeners.len()] = port;
            // Held until all are found: none is found twice.
            listeners.push(listener);
        }
    }
    ensure!(listeners.len() == N, "no {N} free ports between {} and {}", RANGE.start, RANGE.end);
    Ok(found)
}

/// Between two looks at a server that is starting.
const POLL: Duration = Duration::from_millis(50);

/// Asks repeatedly until the answer is yes, or the time is over.
pub(crate) async fn answers(within: Duration, mut asked: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if asked().await {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "waits for a server to start; no function of the service")]
async fn pause() {
    tokio::time::sleep(POLL).await;
}
