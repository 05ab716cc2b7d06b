//! A SES v2 `SendEmail` request, laid out for tests.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// Lays out a `request` with upstream's `status` and `answer`.
///
/// Absent parts are `null`, `[]` or `{}`; `raw` is the whole request.
pub(crate) fn parse(request: Value, status: u16, answer: &Value) -> Value {
    let at = |path: &str| request.pointer(path).cloned().unwrap_or_default();
    let attachments = request.pointer("/Content/Simple/Attachments").and_then(Value::as_array).into_iter().flatten();
    json!({
        "status": status,
        "message_id": answer.get("MessageId"),
        "from": at("/FromEmailAddress"),
        "to": at("/Destination/ToAddresses"),
        "subject": at("/Content/Simple/Subject/Data"),
        "text": at("/Content/Simple/Body/Text/Data"),
        "html": at("/Content/Simple/Body/Html/Data"),
        "headers": pairs(request.pointer("/Content/Simple/Headers")),
        "tags": pairs(request.get("EmailTags")),
        "attachments": attachments.map(attachment).collect::<Vec<_>>(),
        "raw": request,
    })
}

/// `[{Name, Value}]` as an object.
fn pairs(list: Option<&Value>) -> Map<String, Value> {
    let pairs = list.and_then(Value::as_array).into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.get("Name")?.as_str()?.to_owned(), pair.get("Value")?.clone()))).collect()
}

fn attachment(attachment: &Value) -> Value {
    let text = attachment.get("RawContent").and_then(Value::as_str).and_then(decode);
    json!({ "name": attachment.get("FileName"), "text": text })
}

/// `None` for what is not text.
fn decode(base64: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(base64).ok()?).ok()
}
