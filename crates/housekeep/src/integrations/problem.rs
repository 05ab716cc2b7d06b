//! Mistakes in a task, without the values that the parser repeats: a value may be a secret in the wrong place.

/// Such as ``must be `token` or `oauth` ``. Texts of our own types come through: they name no values.
pub(crate) fn of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    if begins(&["unknown variant ", "invalid type: ", "invalid value: ", "invalid length "]) {
        expected.map_or("is not what is expected here".to_owned(), |expected| format!("must be {expected}"))
    } else if begins(&["unknown field ", "duplicate field "]) {
        expected.map_or("unknown field".to_owned(), |expected| format!("unknown field, expected {expected}"))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::task::read;

    #[test]
    fn a_value_is_never_repeated_wherever_it_stands() {
        const SECRET: &str = "pat-na1-`, expected `secret";
        let save = |member: &str, value: serde_json::Value| {
            let mut task = json!({
                "task": "save_integration", "tenant_id": "acme", "integration_id": "crm", "config": {},
                "secret_name": "s",
            });
            task[member] = value;
            task
        };
        for (task, expected) in [
            (json!({ "task": SECRET, "tenant_id": "acme" }), "must be one of `requeue`, "),
            (json!(SECRET), "must be internally tagged enum HousekeepTask"),
            (save("enabled", json!(SECRET)), "must be a boolean"),
            (save("enabled", json!({ "token": SECRET })), "must be a boolean"),
            (save("secret_name", json!([SECRET])), "must be a string"),
            (save("tenant_id", json!(SECRET)), "may contain only letters, digits and"),
            (save("token", json!(SECRET)), "unknown field, expected one of `tenant_id`, "),
            (json!({ "tenant_id": SECRET }), "missing field `task`"),
        ] {
            let error = read(task.clone()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("invalid task: {expected}")), "{task}: {error}");
            assert!(!error.contains("pat-na1"), "{error}");
        }
    }
}
