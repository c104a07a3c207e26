use super::*;

fn tls(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[test]
fn connection_errors_are_classified() {
    use rustls::CertificateError::UnknownIssuer;
    use rustls::InvalidMessage::InvalidContentType;
    let other = "something else";
    for (error, reason) in [
        (ErrorKind::ConnectionRefused.into(), Reason::Refused),
        (ErrorKind::HostUnreachable.into(), Reason::NoRoute),
        (ErrorKind::NetworkUnreachable.into(), Reason::NoRoute),
        (ErrorKind::ConnectionReset.into(), Reason::Closed),
        (ErrorKind::UnexpectedEof.into(), Reason::Closed),
        (ErrorKind::NotFound.into(), Reason::NoSocket),
        (
            tls(rustls::Error::InvalidMessage(InvalidContentType)),
            Reason::NoTls,
        ),
        (
            tls(rustls::Error::InvalidCertificate(UnknownIssuer)),
            Reason::Certificate("UnknownIssuer".to_owned()),
        ),
        (
            io::Error::other("failed to lookup address information: Name or service not known"),
            Reason::UnknownHost,
        ),
        (io::Error::other(other), Reason::Other(other.to_owned())),
    ] {
        assert_eq!(Reason::of(&error), Some(reason), "{error}");
    }
    assert_eq!(Reason::of(&fmt::Error), None);
}

#[tokio::test]
async fn a_host_without_an_address_is_unknown() {
    let error = tokio::net::lookup_host(("nonexistent.invalid", 1)).await;
    // The message of the operating system has the expected prefix.
    let error = error.map(|_| ()).unwrap_err();
    assert_eq!(Reason::of(&error), Some(Reason::UnknownHost), "{error}");
}

#[test]
fn each_reason_is_one_line_with_a_remedy() {
    let text = || "line\nend".to_owned();
    let reasons = [
        Reason::Refused,
        Reason::UnknownHost,
        Reason::NoNameServer,
        Reason::NoRoute,
        Reason::NoSocket,
        Reason::NoAnswer(CONNECT_TIMEOUT),
        Reason::Closed,
        Reason::WrongPassword,
        Reason::NoPassword,
        Reason::NotAllowed,
        Reason::NoTls,
        Reason::NeedsTls,
        Reason::Certificate(plain(&text())),
        Reason::Handshake(plain(&text())),
        Reason::NoDatabase(plain(&text())),
        Reason::Full,
        Reason::NotReady,
        Reason::ReadOnly,
        Reason::MemoryFull,
        Reason::Foreign,
        Reason::of_code("53\n100"),
        Reason::Other(plain(&text())),
    ];
    for service in [Service::Postgres, Service::Redis, Service::Mail] {
        for reason in reasons.clone() {
            let unreachable = Unreachable {
                service,
                place: place("::1", 5432),
                reason,
            };
            let text = unreachable.to_string();
            let (start, remedy) = text.split_once("; ").unwrap();
            assert!(start.contains(" at [::1]:5432: "), "{text}");
            assert!(!text.contains('\n') && remedy.len() > 10, "{text}");
        }
    }
}

#[test]
fn durations_are_written_in_words() {
    for (milliseconds, text) in [
        (250, "250 milliseconds"),
        (1000, "a second"),
        (1500, "1500 milliseconds"),
        (4000, "4 seconds"),
    ] {
        assert_eq!(Span(Duration::from_millis(milliseconds)).to_string(), text);
    }
}
