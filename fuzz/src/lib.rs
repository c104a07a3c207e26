//! What has to hold for every input of every reader of what strangers send.
//!
//! Each function takes arbitrary bytes and panics where a promise is broken. `targets/` hands them
//! to libFuzzer, `tests/seeds.rs` runs them on the committed seeds, and `examples/worst.rs`
//! searches for the input that costs most.

mod identifiers;
mod pictures;
mod requests;
mod secrets;
mod settings;

pub use identifiers::{email, forwarded, identifier, phone, text, user_agent};
pub use pictures::avatar;
pub use requests::{LIMITS, cookies, cursors, document, headers, rest, variables};
pub use secrets::{access_token, id_token, strength};
pub use settings::configuration;

/// A promise of a reader.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder of seeds.
pub const TARGETS: [(&str, Target); 17] = [
    ("access_token", access_token),
    ("avatar", avatar),
    ("configuration", configuration),
    ("cookies", cookies),
    ("cursors", cursors),
    ("document", document),
    ("email", email),
    ("forwarded", forwarded),
    ("headers", headers),
    ("id_token", id_token),
    ("identifier", identifier),
    ("phone", phone),
    ("rest", rest),
    ("strength", strength),
    ("text", text),
    ("user_agent", user_agent),
    ("variables", variables),
];

/// The bytes as a text, if they are one.
fn utf8(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The lines of some bytes, as a header that is sent several times.
fn lines(data: &[u8]) -> Vec<&[u8]> {
    data.split(|byte| *byte == b'\n').collect()
}
