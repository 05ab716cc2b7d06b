//! Lets containers reach the stack, which only listens on this machine's own 127.0.0.1.
//!
//! `sam local` always puts its containers on Docker's bridge (`--docker-network host` changes nothing), where 127.0.0.1
//! is the container. The relay listens on this machine's address on that bridge, which other machines do not reach;
//! with `--add-host localhost:host-gateway` a container finds it under `localhost` after no process answers on its own
//! 127.0.0.1.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::progress::pause;
use crate::stack::StateDir;
use crate::{paths, process};

const ROLE: &str = "relay";
/// The interface of Docker's default network. Docker Desktop has none here, and needs no relay.
const BRIDGE: &str = "docker0";
/// Between two looks for the bridge: Docker may be started later.
const POLL: Duration = Duration::from_millis(500);

/// Starts the relay for these ports unless it runs already, or this is a system without such a bridge.
pub(super) fn start(dir: &StateDir, ports: &[u16]) -> anyhow::Result<()> {
    let runs = dir.read_processes().unwrap_or_default().get(ROLE).is_some_and(process::Identity::is_alive);
    if runs || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let mut command = Command::new(paths::program());
    command.arg("relay").args(ports.iter().map(u16::to_string));
    dir.record(ROLE, process::start(&mut command, &dir.log(ROLE))?)
}

/// The relay: passes connections to these ports of the bridge on to the same ports of 127.0.0.1.
pub(crate) async fn run(ports: &[u16]) -> anyhow::Result<()> {
    let address = bridge_address().await;
    let mut relays = tokio::task::JoinSet::new();
    for &port in ports {
        match TcpListener::bind((address, port)).await {
            Ok(listener) => drop(relays.spawn(relay(listener, port))),
            // A database of the developer's own may listen on every address already.
            Err(error) => eprintln!("{address}:{port} is not relayed: {error}"),
        }
    }
    match relays.join_next().await {
        Some(ended) => ended?.context("failed to accept a connection"),
        None => Ok(()),
    }
}

/// This machine's address on Docker's bridge, once there is one.
async fn bridge_address() -> Ipv4Addr {
    loop {
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        if let Some(address) = gateway(&routes) {
            return address;
        }
        pause(POLL).await;
    }
}

/// From `/proc/net/route`, with addresses in hexadecimal, last byte first. Docker takes the network's first address.
fn gateway(routes: &str) -> Option<Ipv4Addr> {
    let destination = routes.lines().find_map(|line| line.strip_prefix(BRIDGE))?.split_whitespace().next()?;
    let network = u32::from_str_radix(destination, 16).ok()?.swap_bytes();
    Some(Ipv4Addr::from_bits(network | 1))
}

async fn relay(listener: TcpListener, port: u16) -> std::io::Result<()> {
    loop {
        let (mut outer, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Ok(mut inner) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                // Either end may break off.
                let _ = copy_bidirectional(&mut outer, &mut inner).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
";

    #[test]
    fn the_bridges_address_is_the_first_of_its_network() {
        assert_eq!(gateway(ROUTES), Some(Ipv4Addr::new(172, 17, 0, 1)));
        assert_eq!(gateway(&ROUTES.replace("docker0", "wlan0")), None);
    }

    #[tokio::test]
    async fn what_is_sent_to_the_relay_arrives_at_this_machines_port() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let outer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = outer.local_addr().unwrap();
        let relay = tokio::spawn(relay(outer, server.local_addr().unwrap().port()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"ping").await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        let mut received = [0; 4];
        accepted.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"ping");
        relay.abort();
    }
}
