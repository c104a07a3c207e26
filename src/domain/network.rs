//! Network addresses: which one a request comes from, and which ones count as one.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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

/// The text under which attempts from an address are counted.
///
/// RFC 4291 §2.5.1: a host picks the lower 64 bits of its IPv6 address itself, so counting single
/// addresses would count nothing.
#[must_use]
pub fn bucket(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
            format!("{network}/64")
        }
    }
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
        assert_eq!(
            bucket("::ffff:198.51.100.1".parse().unwrap()),
            "198.51.100.1"
        );
    }

    #[test]
    fn all_addresses_of_one_site_share_a_bucket() {
        let bucket = |text: &str| bucket(text.parse().unwrap());
        assert_eq!(bucket("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(
            bucket("2001:db8:1:2::"),
            bucket("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(bucket("2001:db8:1:2::"), bucket("2001:db8:1:3::"));
        assert_ne!(bucket("198.51.100.1"), bucket("198.51.100.2"));
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
