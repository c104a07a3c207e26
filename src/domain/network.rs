//! Network addresses: which one a request comes from, and which ones share a rate limit.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The longest chain of proxies that is followed; a longer one is an attack on the parser.
const MAX_HOPS: usize = 32;
/// The longest entry that can be an address with zone and port, in bytes.
const MAX_HOP_BYTES: usize = 128;

/// The address of the client: the right-most hop that is not one of our proxies.
///
/// `forwarded` are the values of `X-Forwarded-For` as raw bytes, since a client may send any before
/// what a proxy appends. Each trusted hop wrote the entry to its left, and only those are trusted:
/// everything further left may be forged, to evade a rate limit or to falsify the audit log.
///
/// Entries that no proxy writes are skipped: empty ones (RFC 9110 §5.6.1.2), and those with bytes
/// that no address or host name has. A proxy that appends would have written to their right; one
/// that does not leaves the whole header to the client, who gains nothing. Any other entry that is
/// not an address (`unknown`, `_hidden`, `unix:`) may be what a proxy wrote in place of one, and
/// counts as the hop to its right: skipping it would trust an entry that no proxy wrote.
#[must_use]
pub fn client_address(peer: IpAddr, forwarded: &[&[u8]], trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    let mut hops = 0;
    let lines = forwarded.iter().rev();
    let entries = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
    for entry in entries {
        if hops == MAX_HOPS || !is_trusted(address, trusted) {
            break;
        }
        match hop(entry) {
            Hop::Address(previous) => address = previous,
            Hop::Skipped => continue,
            Hop::Unnamed => break,
        }
        hops += 1;
    }
    address
}

/// Whether forwarding headers of this peer are trusted.
#[must_use]
pub fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|net| net.contains(&peer))
}

/// The content of an entry of `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    /// An address.
    Address(IpAddr),
    /// Nothing: no proxy writes this.
    Skipped,
    /// A proxy withholds the address.
    Unnamed,
}

fn hop(entry: &[u8]) -> Hop {
    let entry = entry.trim_ascii();
    let is_text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    if entry.is_empty() || !entry.iter().all(is_text) {
        return Hop::Skipped;
    }
    let text = std::str::from_utf8(entry).ok();
    let address = text
        .filter(|text| text.len() <= MAX_HOP_BYTES)
        .and_then(hop_address);
    address.map_or(Hop::Unnamed, Hop::Address)
}

/// Parses an address, which some proxies write with a port, a zone or quotes (as RFC 7239 §4
/// requires in `Forwarded`).
///
/// An invalid port is ignored: otherwise the entry would count as the proxy that wrote it.
fn hop_address(text: &str) -> Option<IpAddr> {
    let quoted = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(text).trim_ascii();
    let address: Option<IpAddr> = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            let is_end = port.is_empty() || port.starts_with(':');
            without_zone(inside).parse().ok().filter(|_| is_end)
        }
        None => without_zone(text).parse().ok().or_else(|| {
            let (address, _) = text.split_once(':')?;
            address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        }),
    };
    address.map(|address| address.to_canonical())
}

/// RFC 4007 §11: the zone after `%` is local to the host that wrote the address.
fn without_zone(text: &str) -> &str {
    text.split_once('%').map_or(text, |(address, _)| address)
}

/// A network whose addresses share a rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How wide it is.
    pub prefix: Prefix,
    /// The key of its rate limits.
    pub key: String,
}

/// The prefix of such a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// One host: an IPv4 address, or the /64 in which it chooses its IPv6 addresses.
    Host,
    /// An IPv4 /24, the smallest network that is routed on its own.
    V4Net24,
    /// An IPv6 /56, which many providers assign to a home.
    V6Net56,
    /// An IPv6 /48, which every site can get (RFC 6177 §2).
    V6Net48,
}

/// The key of the narrowest network: the host's own.
#[must_use]
pub fn bucket(address: IpAddr) -> String {
    let narrowest = buckets(address).into_iter().next();
    narrowest.map_or_else(String::new, |bucket| bucket.key)
}

/// The networks that an address is rate limited by, narrowest first.
///
/// RFC 4291 §2.5.1: a host chooses the lower 64 bits of its IPv6 address, so limits per address
/// would limit nothing. A rented /48 has 65536 such networks, hence the wider ones.
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
        let forwarded: Vec<&[u8]> = forwarded.iter().map(|text| text.as_bytes()).collect();
        client_address(peer.parse().unwrap(), &forwarded, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_never_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(
            client("203.0.113.9", &["10.0.0.1, 10.0.0.2"]),
            "203.0.113.9"
        );
        let client = client_address(
            "203.0.113.9".parse().unwrap(),
            &[b"198.51.100.1".as_slice()],
            &[],
        );
        assert_eq!(client.to_string(), "203.0.113.9");
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
        for garbage in ["unknown", "_hidden", "unix:", "198.51.100.1x", "999.1.1.1"] {
            let value = format!("198.51.100.1, {garbage}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", &[&value]), "10.0.0.2", "{garbage:?}");
        }
    }

    #[test]
    fn what_no_proxy_writes_does_not_make_a_proxy_the_client() {
        let trusted: Vec<IpNet> = vec![
            "127.0.0.1/32".parse().unwrap(),
            "10.0.0.0/8".parse().unwrap(),
        ];
        let many = b"198.51.100.1".iter().chain([b','; 5000].iter());
        let many: Vec<u8> = many.copied().collect();
        let odd = [b"198.51.100.1,".as_slice(), &b"\xff,".repeat(5000)].concat();
        for (value, client) in [
            (b"198.51.100.1, , ".as_slice(), "198.51.100.1"),
            (b"198.51.100.1,\t,, 10.0.0.2,", "198.51.100.1"),
            (b"198.51.100.1, \xff", "198.51.100.1"),
            (b"198.51.100.1, \xff, 10.0.0.2", "198.51.100.1"),
            (b"198.51.100.1, 10.0.0.2\xa0", "198.51.100.1"),
            ("198.51.100.1, é, １０.0.0.2".as_bytes(), "198.51.100.1"),
            (b"198.51.100.1, \"\xff\", ", "198.51.100.1"),
            (&many, "198.51.100.1"),
            (&odd, "198.51.100.1"),
            // A proxy may have written the entry that ends the search, or the address itself.
            (b"6.6.6.6, unknown, \xff", "127.0.0.1"),
            (b"6.6.6.6, \xff, unknown", "127.0.0.1"),
            (b"6.6.6.6, , unknown, , 10.0.0.2", "10.0.0.2"),
            (b"6.6.6.6, , \xff, 198.51.100.1", "198.51.100.1"),
            // There is no other entry.
            (b"", "127.0.0.1"),
            (b" , \xff,", "127.0.0.1"),
            (b"10.0.0.2, \xff", "10.0.0.2"),
        ] {
            let peer = "127.0.0.1".parse().unwrap();
            let shown = value.escape_ascii().to_string();
            assert_eq!(
                client_address(peer, &[value], &trusted).to_string(),
                client,
                "{shown}"
            );
            // A comma and a repeated header are equivalent (RFC 9110 §5.3).
            let lines: Vec<&[u8]> = value.split(|byte| *byte == b',').collect();
            assert_eq!(
                client_address(peer, &lines, &trusted).to_string(),
                client,
                "{shown}"
            );
        }
    }

    #[test]
    fn quotes_around_an_address_are_read() {
        for (entry, address) in [
            ("\"[2001:db8::1]:44\"", "2001:db8::1"),
            ("\"[2001:db8::1]\"", "2001:db8::1"),
            ("\"2001:db8::1\"", "2001:db8::1"),
            ("\"198.51.100.1:44\"", "198.51.100.1"),
            ("\"198.51.100.1\"", "198.51.100.1"),
            (" \" 198.51.100.1 \" ", "198.51.100.1"),
            // An unterminated quotation is not an address.
            ("\"198.51.100.1", "10.0.0.1"),
            ("198.51.100.1\"", "10.0.0.1"),
            ("\"\"", "10.0.0.1"),
            ("\"", "10.0.0.1"),
            ("\"198.51.100.1, 10.0.0.2\"", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[entry]), address, "{entry:?}");
            let behind = format!("\"6.6.6.6, {entry}");
            assert_eq!(client("10.0.0.1", &[&behind]), address, "{entry:?}");
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
    fn a_damaged_port_and_a_zone_hide_no_address() {
        for (entry, address) in [
            ("198.51.100.1:99999", "198.51.100.1"),
            ("198.51.100.1:", "198.51.100.1"),
            ("198.51.100.1:port", "198.51.100.1"),
            ("[2001:db8::1]:99999", "2001:db8::1"),
            ("[2001:db8::1]:", "2001:db8::1"),
            ("[2001:db8::1%eth0]:443", "2001:db8::1"),
            ("2001:db8::1%eth0", "2001:db8::1"),
            ("\t 198.51.100.1 \t", "198.51.100.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[entry]), address, "{entry:?}");
            let behind = format!("6.6.6.6, {entry}");
            assert_eq!(client("10.0.0.1", &[&behind]), address, "{entry:?}");
        }
    }

    #[test]
    fn nothing_is_read_beyond_what_a_proxy_may_have_written() {
        for entry in [
            "unknown",
            "-",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "198.51.100",
        ] {
            // Our proxy may have written this, so nothing to its left is trusted.
            let value = format!("6.6.6.6, {entry}");
            assert_eq!(client("10.0.0.1", &[&value]), "10.0.0.1", "{entry:?}");
            assert_eq!(client("10.0.0.1", &["6.6.6.6", entry]), "10.0.0.1");
        }
        let many = vec!["10.0.0.2"; 10_000].join(",");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", &many]), "10.0.0.2");
        let long = format!("198.51.100.1:{}", "1".repeat(100_000));
        assert_eq!(client("10.0.0.1", &[&long]), "10.0.0.1");
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
        // A host chooses the lower half itself, and a mapped address does not evade the limit.
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
        fn no_byte_of_a_client_changes_what_an_appending_proxy_says(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4),
            spoofed in prop::collection::vec(any::<u8>(), 0..200),
            second in any::<bool>(),
        ) {
            let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
            let peer = "10.0.0.1".parse().unwrap();
            let own: &[u8] = if second { b"198.51.100.1, 10.0.0.7" } else { b"198.51.100.1" };
            let appended = [spoofed.as_slice(), b", ", own].concat();
            let before: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            for added in [vec![appended.as_slice()], vec![spoofed.as_slice(), own]] {
                let sent: Vec<&[u8]> = before.iter().copied().chain(added).collect();
                let client = client_address(peer, &sent, &trusted);
                prop_assert_eq!(client.to_string(), "198.51.100.1");
            }
        }

        #[test]
        fn what_a_client_sends_never_outweighs_what_a_proxy_adds(spoofed in "[0-9., a-f:]{0,80}") {
            let value = format!("{spoofed}, 198.51.100.1, 10.0.0.7");
            prop_assert_eq!(client("10.0.0.1", &[&value]), "198.51.100.1");
        }
    }
}
