//! JSON schemas of answers: Bedrock's rules for them, and what they ask for.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static OUTPUT: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("output.schema.json")));

/// The validator by a schema of this program.
#[expect(clippy::expect_used, reason = "the file is part of the program, and the first request of a test reads it")]
pub(super) fn validator(schema: &str) -> Validator {
    // Unwrap safety: both schemas are files of this program.
    let schema = serde_json::from_str(schema).expect("the file is JSON");
    jsonschema::validator_for(&schema).expect("the file is a JSON schema")
}

/// `Err` names the first place (as a JSON pointer) that breaks a rule.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    OUTPUT.validate(schema).map_err(|error| format!("at #{}: {error}", error.instance_path().as_str()))?;
    check_required(schema)
}

/// Refuses names in `required` that are not among the properties, at any depth.
fn check_required(schema: &Value) -> Result<(), String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let names = property_names(schema);
    if let Some(name) = required.into_iter().find(|name| !names.contains(name)) {
        return Err(format!("the required property {name:?} is not among the properties"));
    }
    match schema {
        Value::Object(members) => members.values().try_for_each(check_required),
        Value::Array(items) => items.iter().try_for_each(check_required),
        _ => Ok(()),
    }
}

/// Whether the schema's `type` is, or lists, this one.
pub(crate) fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        one => one.is_some_and(|one| one == name),
    }
}

/// Whether the schema takes a value, by its type or its list of values.
pub(crate) fn takes(schema: &Value, value: &Value) -> bool {
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        return options.iter().any(|option| takes(option, value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.contains(value);
    }
    match value {
        Value::Null => has_type(schema, "null"),
        Value::Bool(_) => has_type(schema, "boolean"),
        Value::Number(number) => has_type(schema, "number") || (!number.is_f64() && has_type(schema, "integer")),
        Value::String(_) => has_type(schema, "string"),
        Value::Array(_) => has_type(schema, "array"),
        Value::Object(_) => has_type(schema, "object"),
    }
}

pub(crate) fn property_names(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// Follows `$ref` into the root's definitions.
pub(crate) fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(inner: Value) -> Value {
        json!({"type": "object", "additionalProperties": false, "properties": {"a": inner}, "required": ["a"]})
    }

    #[test]
    fn every_rule_is_checked_at_any_depth_and_names_its_place() {
        for (inner, place) in [
            (json!({"type": "number", "minimum": 0}), "#/properties/a/minimum:"),
            (json!({"type": "array", "items": {"type": "string", "maxLength": 3}}), "#/properties/a/items/maxLength:"),
            (json!({"type": "array", "minItems": 2}), "#/properties/a/minItems:"),
            (json!({"anyOf": [{"type": "object"}]}), "#/properties/a/anyOf/0: \"additionalProperties\""),
            (json!({"type": ["object", "null"]}), "#/properties/a: \"additionalProperties\""),
            (json!({"$ref": "#/$defs/b", "required": ["c"]}), "required property \"c\""),
        ] {
            let error = check(&object(inner.clone())).unwrap_err();
            assert!(error.contains(place), "{error} for {inner}");
        }
        assert_eq!(check(&object(json!({"type": "array", "minItems": 1, "items": {"type": "string"}}))), Ok(()));
    }

    #[test]
    fn a_property_may_be_named_like_a_keyword() {
        let schema =
            json!({"type": "object", "additionalProperties": false, "properties": {"minimum": {"type": "number"}}});
        assert_eq!(check(&schema), Ok(()));
    }
}
