//! The form's field, which a POST must have.

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use aws_lambda_events::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The field and its value of RFC 8058; the page's form sends the same.
pub(super) const FIELD: &str = "List-Unsubscribe";
pub(super) const VALUE: &str = "One-Click";

/// A form with that field has less than 300 bytes in either encoding; a much larger body is not this form.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// Returns whether the body has the field, as `application/x-www-form-urlencoded` or `multipart/form-data`. Other fields
/// are ignored.
pub(super) fn asks(request: &ApiGatewayProxyRequest) -> bool {
    let body = request.body.as_deref().unwrap_or_default();
    if body.len() > MAX_FORM_BYTES {
        return false;
    }
    let decoded = request.is_base64_encoded.then(|| STANDARD.decode(body).unwrap_or_default());
    let body = decoded.unwrap_or_else(|| body.as_bytes().to_vec());
    let body = String::from_utf8_lossy(&body);
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.and_then(boundary) {
        Some(boundary) => body.split(&format!("--{boundary}")).any(is_the_part),
        None => body.split('&').filter_map(|pair| pair.split_once('=')).any(|(name, value)| is_it(name, value)),
    }
}

/// Finds the boundary of a `multipart/form-data` body.
fn boundary(content_type: &str) -> Option<&str> {
    let (media_type, parameters) = content_type.split_once(';')?;
    let mut parameters = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, boundary) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    media_type.trim().eq_ignore_ascii_case("multipart/form-data").then(|| boundary.trim().trim_matches('"'))
}

fn is_the_part(part: &str) -> bool {
    let blank_line = ["\r\n\r\n", "\n\n"].iter().find_map(|blank| part.split_once(blank));
    let Some((headers, value)) = blank_line else { return false };
    let mut parameters = headers.split([';', '\r', '\n']).filter_map(|parameter| parameter.trim().split_once('='));
    let name = parameters.find(|(name, _)| name.eq_ignore_ascii_case("name"));
    name.is_some_and(|(_, name)| is_it(name.trim_matches('"'), value))
}

fn is_it(name: &str, value: &str) -> bool {
    name.trim().eq_ignore_ascii_case(FIELD) && value.trim().eq_ignore_ascii_case(VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, body: &str) -> ApiGatewayProxyRequest {
        let mut request = ApiGatewayProxyRequest::default();
        request.headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        request.body = Some(body.to_owned());
        request
    }

    // The examples of RFC 8058, section 8.
    const URLENCODED: &str = "List-Unsubscribe=One-Click";
    const MULTIPART: &str = "---FormBoundaryzjUmLvwl\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n---FormBoundaryzjUmLvwl--";

    #[test]
    fn both_encodings_of_a_form_are_read() {
        assert!(asks(&request("application/x-www-form-urlencoded", URLENCODED)));
        assert!(asks(&request(
            "application/x-www-form-urlencoded; charset=UTF-8",
            "a=b&list-unsubscribe=one-click\r\n"
        )));
        assert!(asks(&request("multipart/form-data; boundary=-FormBoundaryzjUmLvwl", MULTIPART)));
        assert!(asks(&request("Multipart/Form-Data; charset=utf-8; Boundary=\"-FormBoundaryzjUmLvwl\"", MULTIPART)));
        let mut encoded = request("multipart/form-data; boundary=-FormBoundaryzjUmLvwl", &STANDARD.encode(MULTIPART));
        encoded.is_base64_encoded = true;
        assert!(asks(&encoded));
    }

    #[test]
    fn a_body_that_says_something_else_asks_for_nothing() {
        let urlencoded = "application/x-www-form-urlencoded";
        for body in
            ["", "List-Unsubscribe", "List-Unsubscribe=", "One-Click=List-Unsubscribe", "x=List-Unsubscribe=One-Click"]
        {
            assert!(!asks(&request(urlencoded, body)), "{body:?}");
        }
        let multipart = "multipart/form-data; boundary=-FormBoundaryzjUmLvwl";
        for body in [URLENCODED, &MULTIPART.replace("One-Click", "No"), &MULTIPART.replace("\"List-Un", "\"Un"), ""] {
            assert!(!asks(&request(multipart, body)), "{body:?}");
        }
        let large = format!("{URLENCODED}&x={}", "y".repeat(MAX_FORM_BYTES));
        assert!(!asks(&request(urlencoded, &large)));
    }
}
