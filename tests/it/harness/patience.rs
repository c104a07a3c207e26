//! What makes tests independent of how busy the machine is.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Limits that only guard against hanging, so large that no busy machine reaches them.
///
/// A test of a limit sets it for an instance that serves nothing but what has to run into it
/// (`TestApp::over`).
pub(crate) const PATIENT: [(&str, &str); 11] = [
    ("IDGATE_SERVER__REQUEST_TIMEOUT_SECONDS", "90"),
    ("IDGATE_GRAPHQL__TIMEOUT_SECONDS", "80"),
    ("IDGATE_DATABASE__ACQUIRE_TIMEOUT_SECONDS", "60"),
    ("IDGATE_DATABASE__STATEMENT_TIMEOUT_SECONDS", "60"),
    ("IDGATE_REDIS__TIMEOUT_MILLISECONDS", "10000"),
    ("IDGATE_SMTP__TIMEOUT_SECONDS", "30"),
    ("IDGATE_SMS__TIMEOUT_SECONDS", "30"),
    ("IDGATE_MEDIA__TIMEOUT_SECONDS", "30"),
    ("IDGATE_BREACHED__TIMEOUT_MILLISECONDS", "10000"),
    ("IDGATE_SUBSCRIPTIONS__INIT_SECONDS", "60"),
    ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "60"),
];

/// The first port of a range from which no kernel takes the ports that it chooses itself: until a
/// test uses its port, no other connection or listener can get it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// An address of the loopback on which nothing listens, and which only the caller will use.
pub(crate) fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test runs at the same time begin at different places.
    let begin = std::process::id().wrapping_mul(37);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = begin.wrapping_add(u32::from(step)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(place).unwrap();
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
