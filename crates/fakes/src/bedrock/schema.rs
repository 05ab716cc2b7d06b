//! Bedrock's rules for JSON schemas, and answers cut to fit one.

use serde_json::{Map, Value, json};

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
    if is_type(map, "object") && map.get("additionalProperties") != Some(&Value::Bool(false)) {
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

fn is_type(map: &Map<String, Value>, name: &str) -> bool {
    match map.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// `answer` as a model under that schema must give it: nothing undeclared, nothing required missing.
///
/// Follows `$ref` into the root's definitions.
pub(crate) fn fit(answer: &Value, schema: &Value) -> Value {
    fit_at(Some(answer), schema, schema)
}

fn fit_at(answer: Option<&Value>, schema: &Value, root: &Value) -> Value {
    let schema = resolve(schema, root);
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let option = options.iter().find(|option| answer.is_some_and(|answer| suits(answer, resolve(option, root))));
        return option.or(options.first()).map_or(Value::Null, |option| fit_at(answer, option, root));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let same = answer.filter(|answer| values.contains(answer));
        return same.or(values.first()).cloned().unwrap_or_default();
    }
    match answer.filter(|answer| suits(answer, schema)) {
        Some(Value::Object(map)) => fit_object(map, schema, root),
        Some(Value::Array(items)) => {
            let inner = schema.get("items").unwrap_or(&Value::Null);
            items.iter().map(|item| fit_at(Some(item), inner, root)).collect()
        }
        Some(value) => value.clone(),
        None => placeholder(schema, root),
    }
}

fn fit_object(map: &Map<String, Value>, schema: &Value, root: &Value) -> Value {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return json!(map) };
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let wanted = properties.iter().filter(|(name, _)| map.contains_key(*name) || is_required(name));
    wanted.map(|(name, inner)| (name.clone(), fit_at(map.get(name), inner, root))).collect()
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

fn suits(answer: &Value, schema: &Value) -> bool {
    let Some(map) = schema.as_object().filter(|map| map.contains_key("type")) else { return true };
    match answer {
        Value::Null => is_type(map, "null"),
        Value::Bool(_) => is_type(map, "boolean"),
        Value::Number(number) => is_type(map, "number") || (is_type(map, "integer") && !number.is_f64()),
        Value::String(_) => is_type(map, "string"),
        Value::Array(_) => is_type(map, "array"),
        Value::Object(_) => is_type(map, "object"),
    }
}

fn placeholder(schema: &Value, root: &Value) -> Value {
    let Some(map) = schema.as_object() else { return Value::Null };
    let values = [
        ("null", Value::Null),
        ("array", json!([])),
        ("string", json!("")),
        ("boolean", json!(false)),
        ("integer", json!(0)),
        ("number", json!(0)),
    ];
    let value = values.into_iter().find(|(name, _)| is_type(map, name)).map(|(_, value)| value);
    value.unwrap_or_else(|| fit_object(&Map::new(), schema, root))
}

#[cfg(test)]
mod tests {
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
    fn a_property_named_like_a_keyword_is_no_keyword() {
        let schema =
            json!({"type": "object", "additionalProperties": false, "properties": {"minimum": {"type": "number"}}});
        assert_eq!(check(&schema), Ok(()));
    }

    #[test]
    fn an_answer_is_cut_and_filled_to_its_schema() {
        let schema = json!({"type": "object", "additionalProperties": false, "required": ["a", "b", "c", "d"], "properties": {
            "a": {"type": "string"}, "b": {"type": "array", "items": {"$ref": "#/$defs/x"}},
            "c": {"enum": ["one", "two"]}, "d": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "$defs": {"x": {"type": "object", "additionalProperties": false, "required": ["n"],
                            "properties": {"n": {"type": "integer"}}}}});
        let fitted = fit(&json!({"a": 1, "b": [{"n": 4, "extra": 1}, {}], "c": "three", "d": null, "e": 0}), &schema);
        assert_eq!(fitted, json!({"a": "", "b": [{"n": 4}, {"n": 0}], "c": "one", "d": null}));
    }
}
