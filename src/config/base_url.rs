//! Whether the base URL of links leads to this server.

use url::Url;

/// The path of `links.base_url` on this server, with a slash at both ends; `None` if links lead
/// elsewhere.
///
/// The path of the public URL is left out, because a proxy that serves idgate below a path strips it.
pub(super) fn path_here(base_url: &Url, public_url: &Url) -> Option<String> {
    if base_url.origin() != public_url.origin() {
        return None;
    }
    let below = public_url.path().trim_end_matches('/');
    let path = base_url.path().strip_prefix(below)?;
    path.starts_with('/').then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_here_only_below_the_public_url() {
        for (base, public, expected) in [
            ("https://id.test/", "https://id.test/", Some("/")),
            ("https://id.test/", "https://id.test", Some("/")),
            ("https://id.test/mine/", "https://id.test", Some("/mine/")),
            ("https://id.test/a/", "https://id.test/a", Some("/")),
            ("https://id.test/a/b/", "https://id.test/a/", Some("/b/")),
            ("https://id.test/ab/", "https://id.test/a", None),
            ("https://id.test/", "https://id.test/a", None),
            ("http://id.test/", "https://id.test/", None),
            ("https://id.test:8443/", "https://id.test/", None),
            ("https://app.test/", "https://id.test/", None),
        ] {
            let url = |text: &str| text.parse::<Url>().unwrap();
            let found = path_here(&url(base), &url(public));
            assert_eq!(found.as_deref(), expected, "{base} below {public}");
        }
    }
}
