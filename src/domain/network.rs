//! Network addresses: which one a request comes from, and which ones count as one.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The address a request comes from: the right-most hop that is not one of our proxies.
///
/// `forwarded` are the values of `X-Forwarded-For` in the order they were sent. Only what a
/// trusted hop wrote is believed: everything to the left of the answer may be invented by whoever
/// sends the request, to escape a budget or to put a false address into the audit log.
#[must_use]
pub fn client_address(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut address = peer.to_canonical();
    let mut hops = forwarded.iter().rev().flat_map(|value| value.rsplit(','));
    while is_trusted(address) {
        // No more hops, or one that is no address: the last that was vouched for is the answer.
        match hops.next().and_then(hop) {
            Some(previous) => address = previous,
            None => break,
        }
    }
    address
}

/// One entry of `X-Forwarded-For`: an address, with a port from some proxies.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// A network whose addresses are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How wide it is.
    pub prefix: Prefix,
    /// The text under which its attempts are counted.
    pub key: String,
}

/// The width of a network that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// What one host has: an IPv4 address, or the /64 in which it picks its IPv6 addresses.
    Host,
    /// An IPv4 /24, the smallest network that is routed on its own.
    V4Net24,
    /// An IPv6 /56, what many providers give to a home.
    V6Net56,
    /// An IPv6 /48, what anybody gets for a site (RFC 6177 §2).
    V6Net48,
}

/// The text of the narrowest network that is counted: the host's own.
#[must_use]
pub fn bucket(address: IpAddr) -> String {
    let narrowest = buckets(address).into_iter().next();
    narrowest.map_or_else(String::new, |bucket| bucket.key)
}

/// The networks under which attempts from an address are counted, the narrowest first.
///
/// RFC 4291 §2.5.1: a host picks the lower 64 bits of its IPv6 address itself, so counting single
/// addresses would count nothing. Who rents a /48 has 65536 such networks, hence the wider ones.
#[must_use]
pub fn buckets(address: IpAddr) -> Vec<Bucket> {
    let prefixes: &[(Prefix, u8)] = match address.to_canonical() {
        IpAddr::V4(_) => &[(Prefix::Host, 32), (Prefix::V4Net24, 24)],
        IpAddr::V6(_) => &[
            (Prefix::Host, 64),
            (Prefix::V6Net56, 56),
            (Prefix::V6Net48, 48),
        ],
    };
    let bucket = |&(prefix, length)| {
        let network = IpNet::new(address.to_canonical(), length).ok()?;
        let key = network.trunc().to_string();
        Some(Bucket { prefix, key })
    };
    prefixes.iter().filter_map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .map(|net| net.parse().unwrap())
            .into();
        client_address(peer.parse().unwrap(), forwarded, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_never_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(
            client("203.0.113.9", &["10.0.0.1, 10.0.0.2"]),
            "203.0.113.9"
        );
        let nobody = client_address("203.0.113.9".parse().unwrap(), &["198.51.100.1"], &[]);
        assert_eq!(nobody.to_string(), "203.0.113.9");
    }

    #[test]
    fn the_right_most_hop_that_is_not_ours_is_the_client() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6", "198.51.100.1", "10.0.0.2"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn where_every_hop_is_ours_the_first_is_the_client() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_walk_at_the_last_good_one() {
        for garbage in [
            "unknown",
            "",
            "_hidden",
            "198.51.100.1x",
            "999.1.1.1",
            "\u{0}",
        ] {
            let value = format!("198.51.100.1, {garbage}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", &[&value]), "10.0.0.2", "{garbage:?}");
        }
    }

    #[test]
    fn hops_are_read_with_ports_and_brackets() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("fd00::1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        assert_eq!(client("::ffff:203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(
            client("::ffff:10.0.0.1", &["::ffff:198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(keys("::ffff:198.51.100.1"), keys("198.51.100.1"));
    }

    fn keys(address: &str) -> Vec<String> {
        let buckets = buckets(address.parse().unwrap());
        buckets.into_iter().map(|bucket| bucket.key).collect()
    }

    #[test]
    fn an_address_is_counted_with_the_networks_around_it() {
        assert_eq!(
            keys("2001:db8:1:2345:6:7:8:9"),
            [
                "2001:db8:1:2345::/64",
                "2001:db8:1:2300::/56",
                "2001:db8:1::/48"
            ]
        );
        assert_eq!(keys("198.51.100.7"), ["198.51.100.7/32", "198.51.100.0/24"]);
        // A host picks the lower half itself, and a mapped address is no way around.
        assert_eq!(
            keys("2001:db8:1:2::"),
            keys("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader_or_moves_a_stranger(
            values in prop::collection::vec(".{0,60}", 0..4),
        ) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            prop_assert_eq!(client("203.0.113.9", &values), "203.0.113.9");
            client("10.0.0.1", &values);
        }

        #[test]
        fn what_a_client_sends_never_outweighs_what_a_proxy_adds(spoofed in "[0-9., a-f:]{0,80}") {
            let value = format!("{spoofed}, 198.51.100.1, 10.0.0.7");
            prop_assert_eq!(client("10.0.0.1", &[&value]), "198.51.100.1");
        }
    }
}
