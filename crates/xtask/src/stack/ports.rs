//! Free ports, and the servers that are about to listen on them.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::ensure;

use crate::progress::pause;

/// Below the ports that systems hand out for outgoing connections, so that none of those takes one of ours between the
/// look and the start.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Between two looks at a server that is starting.
const POLL: Duration = Duration::from_millis(50);

/// Finds free ports, starting at a place that differs from process to process.
pub(crate) fn take<const N: usize>() -> anyhow::Result<[u16; N]> {
    let size = RANGE.end - RANGE.start;
    let start = u16::try_from(std::process::id() * 101 % u32::from(size))?;
    let candidates = (0..size).map(|offset| RANGE.start + (start + offset) % size);
    let bound = candidates.filter_map(|port| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?)));
    // The listeners are held until all ports are found: no port is found twice.
    let found: Vec<_> = bound.take(N).collect();
    ensure!(found.len() == N, "no {N} free ports between {} and {}", RANGE.start, RANGE.end);
    Ok(std::array::from_fn(|index| found[index].0))
}

/// Asks repeatedly until the answer is yes, or the time is over.
pub(crate) async fn answers(within: Duration, mut asked: impl AsyncFnMut() -> bool) -> bool {
    let asking = async {
        while !asked().await {
            pause(POLL).await;
        }
    };
    tokio::time::timeout(within, asking).await.is_ok()
}
