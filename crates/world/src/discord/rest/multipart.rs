//! The `payload_json` part of a form with files; the files themselves are not kept.

/// The boundary of a `multipart/form-data` content type.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.strip_prefix("multipart/form-data")?;
    parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary=")).map(|b| b.trim_matches('"'))
}

/// The bytes of the part named `payload_json`.
pub(super) fn payload_json<'b>(body: &'b [u8], boundary: &str) -> Option<&'b [u8]> {
    let marker = format!("--{boundary}");
    let mut rest = body;
    loop {
        let start = find(rest, marker.as_bytes())? + marker.len();
        let part = rest.get(start..)?;
        let end = find(part, format!("\r\n{marker}").as_bytes()).unwrap_or(part.len());
        let (part, after) = part.split_at(end);
        if let Some(split) = find(part, b"\r\n\r\n") {
            let (head, content) = part.split_at(split);
            if find(head, b"name=\"payload_json\"").is_some() {
                return content.get(4..);
            }
        }
        rest = after.get(2..)?;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_part_is_found_behind_a_file() {
        let boundary = boundary("multipart/form-data; boundary=XyZ").unwrap();
        let body = b"--XyZ\r\nContent-Disposition: form-data; name=\"files[0]\"\r\n\r\nhello\r\n--XyZ\r\n\
            Content-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n\
            --XyZ--\r\n";
        assert_eq!(payload_json(body, boundary), Some(&b"{\"a\":1}"[..]));
    }

    #[test]
    fn a_form_without_it_has_none() {
        assert_eq!(payload_json(b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--", "b"), None);
        assert_eq!(boundary("application/json"), None);
    }
}
