//! Text in messages, without what may be a secret in it.

use std::borrow::Cow;

use url::Url;

/// A refused text as the message may repeat it: what was meant for another setting can hold a
/// password before an `@`, or a key in a query or in base64.
pub(super) fn quoted(text: &str) -> String {
    if text.contains("://") || text.contains("-----BEGIN") {
        format!("{:?}", redacted(text))
    } else if text.contains(['@', '?', '=']) {
        "the value".to_owned()
    } else {
        format!("{text:?}")
    }
}

/// A text without the user name, password, query and fragment of the URL that it may be.
pub(super) fn redacted(text: &str) -> Cow<'_, str> {
    // A private key in the place of the path to it.
    if text.contains("-----BEGIN") {
        return Cow::Borrowed("***");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    if !rest.contains(['@', '?', '#']) && !rest.contains("://") {
        return Cow::Borrowed(text);
    }
    let known = Url::parse(text).ok().filter(|url| {
        let path = url.path();
        url.has_host() && !path.contains('@') && !path.contains("://")
    });
    let host = known.as_ref().and_then(Url::host_str);
    let (Some(url), Some(host)) = (&known, host) else {
        // In a damaged URL the password may end anywhere.
        return Cow::Owned(format!("{scheme}://***"));
    };
    let user = if rest.contains('@') { "***@" } else { "" };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let query = if url.query().is_some() { "?***" } else { "" };
    let fragment = if url.fragment().is_some() { "#***" } else { "" };
    Cow::Owned(format!(
        "{}://{user}{host}{port}{}{query}{fragment}",
        url.scheme(),
        url.path()
    ))
}
