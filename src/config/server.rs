//! `[server]`: listeners, the public address, and the bounds of one request.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use crate::config::origin::{self, Origin};
use crate::config::report::Review;
use crate::config::values;

/// Where the gateway listens and what it believes about the way there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The public listener.
    #[serde(deserialize_with = "values::socket")]
    pub listen: SocketAddr,
    /// The listener for staff, when there is one.
    #[serde(deserialize_with = "values::optional_socket")]
    pub staff_listen: Option<SocketAddr>,
    /// The address at which browsers see that listener; never taken from a request.
    #[serde(deserialize_with = "origin::optional_web")]
    pub staff_url: Option<Origin>,
    /// The listener for the federation router, when there is one.
    #[serde(deserialize_with = "values::optional_socket")]
    pub router_listen: Option<SocketAddr>,
    /// The listener for probes and metrics, when there is one.
    #[serde(deserialize_with = "values::optional_socket")]
    pub ops_listen: Option<SocketAddr>,
    /// The address people see; never taken from a request.
    #[serde(deserialize_with = "values::url")]
    pub public_url: Url,
    /// Networks whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of a request body that are read.
    pub body_limit: usize,
    /// Seconds one request may take.
    pub request_timeout_seconds: u64,
    /// Seconds from connecting to the end of the first request's head.
    pub head_timeout_seconds: u64,
    /// Seconds from an answer to the end of the next request's head.
    pub idle_timeout_seconds: u64,
    /// Connections of one listener at a time.
    pub max_connections: usize,
    /// Seconds a stop goes on serving while it already says that it is draining.
    #[serde(deserialize_with = "values::number")]
    pub drain_notice_seconds: u64,
    /// Seconds a stop waits for requests under way.
    pub drain_seconds: u64,
    /// Origins whose scripts may read answers.
    pub cors_origins: Vec<Origin>,
    /// Headers that those scripts may send besides the usual ones.
    #[serde(deserialize_with = "values::header_names")]
    pub cors_headers: Vec<String>,
}

impl Server {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("server.body_limit", self.body_limit, 1_024..=16_777_216);
        review.within(
            "server.request_timeout_seconds",
            self.request_timeout_seconds,
            1..=300,
        );
        review.within(
            "server.head_timeout_seconds",
            self.head_timeout_seconds,
            1..=60,
        );
        review.within(
            "server.idle_timeout_seconds",
            self.idle_timeout_seconds,
            1..=3_600,
        );
        review.within("server.max_connections", self.max_connections, 16..=65_536);
        review.within(
            "server.drain_notice_seconds",
            self.drain_notice_seconds,
            0..=120,
        );
        review.within("server.drain_seconds", self.drain_seconds, 0..=600);
        let url = &self.public_url;
        review.web_address("server.public_url", url);
        self.check_staff_url(review);
        self.check_listeners(review);
    }

    /// Plain http is for this machine alone, in production too: that is where a tunnel ends.
    fn check_staff_url(&self, review: &mut Review<'_>) {
        let key = "server.staff_url";
        let Some(staff) = &self.staff_url else { return };
        if !values::is_loopback(staff.url()) {
            review.web_address(key, staff.url());
        }
        // Port 0 asks the system for a free port, so two of them never meet.
        let is_fixed = staff.url().port() != Some(0);
        if is_fixed && staff.url().origin() == self.public_url.origin() {
            review.refuse(
                key,
                "this is the public address too, so a page of one would count as the other's",
                "Give staff a name of their own, such as https://staff.example.com.",
            );
        }
    }

    fn check_listeners(&self, review: &mut Review<'_>) {
        let mut taken = vec![("server.listen", self.listen)];
        let others = [
            ("server.staff_listen", self.staff_listen),
            ("server.router_listen", self.router_listen),
            ("server.ops_listen", self.ops_listen),
        ];
        for (key, address) in others {
            let Some(address) = address else { continue };
            // Port 0 asks the system for a free port, so two of them never meet.
            let same = taken
                .iter()
                .find(|(_, other)| collide(*other, address) && address.port() != 0);
            if let Some((other, _)) = same {
                review.refuse(
                    key,
                    format!("{address} is already an address of {other}"),
                    "Give each listener an address of its own, or leave this one empty.",
                );
            }
            taken.push((key, address));
        }
    }
}

/// Whether the system refuses the second of two listeners at these addresses.
///
/// One on every interface has the port everywhere; `::` takes the IPv4 addresses along.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (one_ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let covers = |wide: IpAddr, ip: IpAddr| match wide {
        IpAddr::V4(wide) => wide.is_unspecified() && ip.is_ipv4(),
        IpAddr::V6(wide) => wide.is_unspecified(),
    };
    one.port() == other.port()
        && (one_ip == other_ip || covers(one_ip, other_ip) || covers(other_ip, one_ip))
}
