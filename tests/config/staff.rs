//! The public URL of the staff listener.

use idgate::config::Config;

use super::{load, production};

#[test]
fn staff_listener_has_its_own_address() {
    let seen = |config: &Config| {
        let staff = config.server.staff_url.as_ref();
        staff.map(|origin| origin.to_header().to_owned())
    };
    assert_eq!(seen(&load(&[]).unwrap()), None);
    let here = load(&[("IDGATE_SERVER__STAFF_LISTEN", "0.0.0.0:8081")]).unwrap();
    assert_eq!(seen(&here).as_deref(), Some("http://localhost:8081"));
    // In production the default is the end of a tunnel; a name needs https.
    let tunnel = production(&[("IDGATE_SERVER__STAFF_LISTEN", "127.0.0.1:8081")]).unwrap();
    assert_eq!(seen(&tunnel).as_deref(), Some("http://127.0.0.1:8081"));
    assert_eq!(tunnel.warnings(), []);
    let open = production(&[
        ("IDGATE_SERVER__STAFF_LISTEN", "10.0.0.1:8081"),
        ("IDGATE_SERVER__STAFF_URL", "https://staff.example.com"),
        ("IDGATE_GRAPHQL__STAFF_INTROSPECTION", "listener"),
    ])
    .unwrap();
    assert_eq!(seen(&open).as_deref(), Some("https://staff.example.com"));
    let warned: Vec<_> = open
        .warnings()
        .iter()
        .map(|warning| warning.key.as_str())
        .collect();
    assert_eq!(warned, ["graphql.staff_introspection"]);
}
