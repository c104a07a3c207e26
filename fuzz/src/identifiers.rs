//! Names that people have: addresses, numbers, programs, networks.

use std::net::IpAddr;

use idgate::domain::digits;
use idgate::domain::email::EmailAddress;
use idgate::domain::identifier::Identifier;
use idgate::domain::network::{client_address, is_trusted};
use idgate::domain::phone::PhoneNumber;
use idgate::domain::text::{self as people, Layout};
use idgate::domain::user_agent::UserAgent;

use crate::{lines, utf8};

/// Regions with different trunk prefixes, and none.
const REGIONS: [Option<&str>; 5] = [None, Some("US"), Some("DE"), Some("IT"), Some("RU")];

/// RFC 5321 §4.5.3.1: octets of an address that mail can be sent to.
const MAX_ADDRESS_BYTES: usize = 254;

/// One address has one canonical form, which fits where mail is sent.
pub fn email(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    let Ok(address) = EmailAddress::parse(text) else {
        return;
    };
    assert!(text.len() <= 1024, "a long text was looked at");
    for written in [
        address.as_str(),
        address.canonical(),
        &address.deliverable(),
    ] {
        assert!(written.len() <= MAX_ADDRESS_BYTES, "{written} is too long");
        let again = EmailAddress::parse(written).expect("what was written can be read");
        assert_eq!(again.canonical(), address.canonical(), "{written}");
        assert_eq!(again.deliverable(), again.deliverable().trim());
    }
    let written = EmailAddress::parse(address.as_str()).expect("a form of it");
    assert_eq!(written.as_str(), address.as_str());
    let (_, domain) = address.canonical().rsplit_once('@').expect("an @");
    assert!(domain.is_ascii(), "{domain} is for protocols");
}

/// A number is E.164 and reads as itself, wherever it is read.
pub fn phone(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    if let Some(digits) = digits::read(text) {
        assert!(text.chars().count() <= 128, "a long text was looked at");
        assert!(digits.len() <= 128 * 64, "{} bytes", digits.len());
    }
    for region in REGIONS {
        let Ok(number) = PhoneNumber::parse(text, region) else {
            continue;
        };
        let e164 = number.as_str();
        let digits = e164.strip_prefix('+').expect("a plus");
        assert!((7..=15).contains(&digits.len()), "{e164}");
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{e164}");
        for region in REGIONS {
            let again = PhoneNumber::parse(e164, region);
            assert_eq!(again.as_ref().map(PhoneNumber::as_str), Ok(e164));
        }
    }
}

/// Whatever is typed has one bounded key, and names an address only as that address.
pub fn identifier(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    for region in REGIONS {
        let found = Identifier::read(text, region);
        let key = found.key();
        assert!(key.len() <= 6 + 4 * 254, "{} bytes of key", key.len());
        let (_, written) = key.split_once(':').expect("a kind");
        let again = Identifier::read(written, region);
        let shown = format!("{found:?}");
        if let Identifier::Other(_) = found {
            assert!(!matches!(again, Identifier::Email(_)), "{key}");
            assert_eq!(shown, "Other(***)");
        } else {
            assert_eq!(again.key(), key);
            // The stars that stand for it may be what was typed.
            assert!(!shown.contains(written) || written.contains('*'), "{shown}");
        }
    }
}

/// What a program says of itself is cut, and what is shown of it is short.
pub fn user_agent(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let agent = UserAgent::parse(Some(&text));
    assert!(agent.text.chars().count() <= 512);
    assert!(agent.browser.len() <= 100, "{}", agent.browser);
    assert!(agent.os.len() <= 100, "{}", agent.os);
    let devices = ["desktop", "mobile", "tablet", "bot", "unknown"];
    assert!(devices.contains(&agent.device.as_str()), "{}", agent.device);
    let again = UserAgent::parse(Some(&agent.text));
    assert_eq!(again.text, agent.text.trim());
}

/// Only entries of trusted proxies decide which address counts; clients can forge all before them.
pub fn forwarded(data: &[u8]) {
    let trusted = ["10.0.0.0/8", "fc00::/7"].map(|net| net.parse().expect("a network"));
    let headers = lines(data);
    let stranger: IpAddr = "198.51.100.9".parse().expect("an address");
    let proxy: IpAddr = "10.1.2.3".parse().expect("an address");
    assert_eq!(client_address(stranger, &headers, &trusted), stranger);
    let found = client_address(proxy, &headers, &trusted);
    assert_eq!(found, found.to_canonical());
    for client in ["203.0.113.7", "2001:db8::7"] {
        let appended = [data, b", ", client.as_bytes()].concat();
        let found = client_address(proxy, &lines(&appended), &trusted);
        assert_eq!(found.to_string(), client);
        assert!(!is_trusted(found, &trusted));
    }
}

/// Texts of people are read once and for all, and those of others can be read after salvage.
pub fn text(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    for (layout, most) in [(Layout::Line, 100), (Layout::Lines, 500)] {
        if let Ok(read) = people::read(text, layout, most) {
            assert!(read.chars().count() <= most);
            assert_eq!(people::read(&read, layout, most).as_ref(), Ok(&read));
        }
        let salvaged = people::salvage(text, layout, most);
        assert_eq!(
            people::read(&salvaged, layout, most).as_ref(),
            Ok(&salvaged)
        );
    }
}
