//! Notes: at some time, and no longer than HubSpot takes them.

use std::collections::BTreeMap;

use super::error::Problem;

/// The longest `hs_note_body`, in characters.
const LONGEST_BODY: usize = 65_536;

pub(crate) fn check(properties: &BTreeMap<String, String>, is_new: bool) -> Result<(), Problem> {
    if is_new && properties.get("hs_timestamp").is_none_or(String::is_empty) {
        let message = "hs_timestamp is required".to_owned();
        return Err(Problem::property("hs_timestamp", "MISSING_REQUIRED_PROPERTY", message));
    }
    let length = properties.get("hs_note_body").map_or(0, |body| body.chars().count());
    if length > LONGEST_BODY {
        let message = format!("hs_note_body has {length} characters, the limit is {LONGEST_BODY}");
        return Err(Problem::property("hs_note_body", "INVALID_LENGTH", message));
    }
    Ok(())
}

/// HubSpot's editor drops comments.
pub(crate) fn sanitize(properties: &mut BTreeMap<String, String>) {
    if let Some(body) = properties.get_mut("hs_note_body") {
        *body = without_comments(body);
    }
}

fn without_comments(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some((before, comment)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    kept + rest
}
