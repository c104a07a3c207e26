//! Reads the process environment; nothing else in the project does.

/// Every variable of the process, as [`Config::load`](super::Config::load) wants them.
///
/// Bytes that are no UTF-8 become replacement characters, which loading then refuses by name.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place they are kept for"
)]
pub fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect()
}
