//! `idgate health`: one request to the readiness address of a running gateway.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Failure, say};
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    let address = reachable(config.server.listen);
    let asked = tokio::time::timeout(PATIENCE, ask(address)).await;
    let answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            return Err(Failure::Failed(format!(
                "nothing answers at {address}: {error}"
            )));
        }
        Err(_) => {
            return Err(Failure::Failed(format!(
                "{address} does not answer in time"
            )));
        }
    };
    let ready = answer.starts_with("HTTP/1.1 200");
    say(answer.lines().last().unwrap_or_default());
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The address to connect to; a listener on every interface is reached by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(16 * 1024).read_to_string(&mut answer).await?;
    Ok(answer)
}
