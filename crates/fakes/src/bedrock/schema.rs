//! Bedrock's rules for JSON schemas.

use serde_json::{Map, Value};

/// Keywords that Bedrock's structured output refuses.
const REFUSED: [&str; 9] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
];

/// `Err` names the first place (as a JSON pointer) that breaks a rule.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    if schema.get("type").is_none() && schema.get("anyOf").is_none() && schema.get("$ref").is_none() {
        return Err("at #: the schema needs a type".to_owned());
    }
    check_at(schema, "#")
}

fn check_at(schema: &Value, path: &str) -> Result<(), String> {
    let Some(map) = schema.as_object() else { return Ok(()) };
    if let Some(keyword) = REFUSED.iter().find(|keyword| map.contains_key(**keyword)) {
        return Err(format!("at {path}: the keyword {keyword:?} is not supported"));
    }
    if map.get("minItems").is_some_and(|items| !matches!(items.as_u64(), Some(0 | 1))) {
        return Err(format!("at {path}: minItems may only be 0 or 1"));
    }
    if has_type(schema, "object") && map.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(format!("at {path}: an object needs \"additionalProperties\": false"));
    }
    check_required(map, path)?;
    for (keyword, inner) in map {
        match (keyword.as_str(), inner) {
            ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                named.iter().try_for_each(|(name, inner)| check_at(inner, &format!("{path}/{keyword}/{name}")))?;
            }
            ("anyOf" | "allOf" | "oneOf", Value::Array(options)) => {
                let mut options = options.iter().enumerate();
                options.try_for_each(|(i, option)| check_at(option, &format!("{path}/{keyword}/{i}")))?;
            }
            ("items", inner) => check_at(inner, &format!("{path}/items"))?,
            _ => {}
        }
    }
    Ok(())
}

fn check_required(map: &Map<String, Value>, path: &str) -> Result<(), String> {
    let required = map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let known = |name: &str| map.get("properties").is_some_and(|properties| properties.get(name).is_some());
    match required.into_iter().find(|name| !known(name)) {
        Some(name) => Err(format!("at {path}: required property {name:?} is not among the properties")),
        None => Ok(()),
    }
}

/// Whether the schema's `type` is, or lists, this one.
pub(crate) fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
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
            (json!({"type": "number", "minimum": 0}), "#/properties/a: the keyword \"minimum\""),
            (
                json!({"type": "array", "items": {"type": "string", "maxLength": 3}}),
                "#/properties/a/items: the keyword",
            ),
            (json!({"type": "array", "minItems": 2}), "#/properties/a: minItems"),
            (json!({"anyOf": [{"type": "object"}]}), "#/properties/a/anyOf/0: an object needs"),
            (json!({"type": ["object", "null"]}), "#/properties/a: an object needs"),
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
