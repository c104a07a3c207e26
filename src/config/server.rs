//! `[server]`: listeners, the public address, and the limits of requests and connections.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::Url;

use super::declaration::list;
use super::diagnostics::Diagnostics;
use super::origin::{self, Origin};
use super::read::header_names;
use super::section::{Check, section};
use super::service_url::is_loopback;

section! {
    /// Where the gateway listens, and which proxies and pages it trusts.
    pub struct Server("server") {
        /// The public listener.
        pub listen: SocketAddr = "127.0.0.1:8080";
        /// A listener for staff only, which keeps introspection and GraphiQL off the public one. Empty
        /// opens none.
        pub staff_listen: Option<SocketAddr> = "";
        /// The origin at which staff see that listener; only its pages may use its cookie. Empty
        /// follows `server.staff_listen`.
        pub staff_url: Option<Origin> = "", with origin::optional_web;
        /// A listener for the federation router only. Empty opens none.
        pub router_listen: Option<SocketAddr> = "";
        /// A listener for probes and metrics, which keeps details away from the public. Empty opens
        /// none.
        pub ops_listen: Option<SocketAddr> = "";
        /// The address that people see; links, cookies and tokens use it, never the Host header. Empty
        /// follows `server.listen`.
        pub public_url: Url = "";
        /// Networks of proxies whose X-Forwarded-For is trusted; anyone else could forge an address.
        pub trusted_proxies: Vec<IpNet> = list([]);
        /// Largest request body in bytes, which bounds the memory of a request.
        pub body_limit: usize = 1_048_576, in 1_024..=16_777_216;
        /// Seconds after which a request is cancelled.
        pub request_timeout_seconds: u64 = 15, in 1..=300;
        /// Seconds in which a new connection has to send the head of its first request.
        pub head_timeout_seconds: u64 = 10, in 1..=60;
        /// Seconds for which a kept-alive connection may be idle; longer than a proxy in front allows.
        pub idle_timeout_seconds: u64 = 75, in 1..=3_600;
        /// Concurrent connections per listener, which bounds memory and open files; more have to wait.
        pub max_connections: usize = 4_096, in 16..=65_536;
        /// Seconds for which a stopping server still serves but reports "draining", so that load
        /// balancers leave first.
        pub drain_notice_seconds: u64 = "", development 0, production 5, in 0..=120;
        /// Seconds for which a stopping server waits for running requests before it closes them.
        pub drain_seconds: u64 = 20, in 0..=600;
        /// Origins whose pages may read responses, use cookies and open WebSocket connections, such as
        /// `https://app.example.com`, `capacitor://localhost` or `chrome-extension://<id>`. There are no
        /// patterns.
        pub cors_origins: Vec<Origin> = list([]);
        /// Request headers that those pages may send besides the usual ones of GraphQL clients and
        /// tracing (see docs/edge.md).
        pub cors_headers: Vec<String> = list([]), with header_names;
    }
}

impl Server {
    /// Plain http is for this machine only, in production too, where a tunnel ends.
    fn check_staff_url(&self, diagnostics: &mut Diagnostics<'_>) {
        let key = "server.staff_url";
        let Some(staff) = &self.staff_url else { return };
        if !is_loopback(staff.url()) {
            diagnostics.web_address(key, staff.url());
        }
        // Two listeners at port 0 get different ports from the system.
        let is_fixed = staff.url().port() != Some(0);
        if is_fixed && staff.url().origin() == self.public_url.origin() {
            diagnostics.refuse(
                key,
                "this is the public address too, so a page of one would count as the other's",
                "Give staff a name of their own, such as https://staff.example.com.",
            );
        }
    }

    fn check_listeners(&self, diagnostics: &mut Diagnostics<'_>) {
        let mut taken = vec![("server.listen", self.listen)];
        let others = [
            ("server.staff_listen", self.staff_listen),
            ("server.router_listen", self.router_listen),
            ("server.ops_listen", self.ops_listen),
        ];
        for (key, address) in others {
            let Some(address) = address else { continue };
            // Two listeners at port 0 get different ports from the system.
            let same = taken
                .iter()
                .find(|(_, other)| collide(*other, address) && address.port() != 0);
            if let Some((other, _)) = same {
                diagnostics.refuse(
                    key,
                    format!("{address} is already an address of {other}"),
                    "Give each listener an address of its own, or leave this one empty.",
                );
            }
            taken.push((key, address));
        }
    }
}

impl Check for Server {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        diagnostics.web_address("server.public_url", &self.public_url);
        self.check_staff_url(diagnostics);
        self.check_listeners(diagnostics);
    }
}

/// Whether the system refuses the second of two listeners at these addresses.
///
/// An unspecified address takes the port on every interface; `::` takes it for IPv4 too.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (one_ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let covers = |wide: IpAddr, ip: IpAddr| match wide {
        IpAddr::V4(wide) => wide.is_unspecified() && ip.is_ipv4(),
        IpAddr::V6(wide) => wide.is_unspecified(),
    };
    one.port() == other.port()
        && (one_ip == other_ip || covers(one_ip, other_ip) || covers(other_ip, one_ip))
}
