//! Owns the reading of `Link` (RFC 8288): of the next page only its place is taken, never its
//! address.

use hyper::HeaderMap;

/// Longest place that is handed back, in bytes.
const PLACE_BYTES_MAX: usize = 256;

/// The query parameter `name` of the link to the next page.
pub(crate) fn next(headers: &HeaderMap, name: &str) -> Option<String> {
    let links = headers.get("link")?.to_str().ok()?;
    let next = links.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters
            .split(';')
            .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then_some(target)
    })?;
    let (_, query) = next.split_once('?')?;
    let (_, place) = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
    (!place.is_empty() && place.len() <= PLACE_BYTES_MAX).then(|| place.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_pages_place_is_read_and_nothing_else() {
        let long = format!("<https://h/?cursor={}>; rel=\"next\"", "x".repeat(257));
        for (link, expected) in [
            (
                "<https://h/a?per_page=100&cursor=v1_7%3D>; rel=\"next\"",
                Some("v1_7="),
            ),
            (
                "<https://h/?cursor=a>; rel=\"prev\", <https://h/?cursor=b>; rel=\"next\"",
                Some("b"),
            ),
            ("<https://elsewhere/?cursor=b>; rel=next", Some("b")),
            ("<https://h/?cursor=a>; rel=\"last\"", None),
            ("<https://h/?page=2>; rel=\"next\"", None),
            ("<https://h/?cursor=>; rel=\"next\"", None),
            (&long, None),
            ("cursor=a; rel=next", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("link", link.parse().unwrap());
            assert_eq!(next(&headers, "cursor").as_deref(), expected, "{link}");
        }
        assert_eq!(next(&HeaderMap::new(), "cursor"), None);
    }
}
