//! How the router authenticates itself.

use super::{Config, load, production, refused};

const FILES: [(&str, &str); 3] = [
    ("IDGATE_ROUTER__CERTIFICATE_FILE", "/etc/idgate/router.pem"),
    ("IDGATE_ROUTER__KEY_FILE", "/etc/idgate/router.key"),
    ("IDGATE_ROUTER__CLIENT_CA_FILE", "/etc/idgate/routers.pem"),
];
const LISTEN: (&str, &str) = ("IDGATE_SERVER__ROUTER_LISTEN", "10.0.0.7:8090");
const SECRET: (&str, &str) = (
    "IDGATE_ROUTER__SECRET",
    "a secret only the router has 01234",
);

fn with_files<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    FILES.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn certificates_need_a_listener_and_suffice_for_it() {
    let errors = refused(load(&FILES));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("router.certificate_file | "),
        "{errors:?}"
    );
    assert!(
        errors[0].contains("IDGATE_SERVER__ROUTER_LISTEN"),
        "{errors:?}"
    );
    let config = load(&with_files(&[LISTEN])).unwrap();
    let files = config.router.certificates().unwrap();
    assert_eq!(files.key.to_str(), Some("/etc/idgate/router.key"));
    assert!(load(&with_files(&[LISTEN, SECRET])).is_ok());
    assert!(load(&[SECRET]).unwrap().router.certificates().is_none());
}

#[test]
fn production_warns_of_a_secret_sent_in_clear_text() {
    let warned = |config: Config| -> Vec<String> {
        config
            .warnings()
            .iter()
            .map(|warning| warning.key.clone())
            .collect()
    };
    let local = ("IDGATE_SERVER__ROUTER_LISTEN", "127.0.0.1:8090");
    let key = "server.router_listen".to_owned();
    for (settings, expected) in [
        (vec![LISTEN, SECRET], true),
        (vec![local, SECRET], false),
        (with_files(&[LISTEN, SECRET]), false),
        (vec![SECRET], false),
    ] {
        let config = production(&settings).unwrap();
        assert_eq!(warned(config).contains(&key), expected, "{settings:?}");
    }
}
