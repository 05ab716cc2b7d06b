//! CloudFormation's YAML as JSON, its short forms written out: `!Ref X` becomes `{"Ref": "X"}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Parses a template that is known to be valid.
pub(crate) fn parse(text: &str) -> Value {
    let mut documents = Yaml::load_from_str(text).expect("valid YAML");
    assert_eq!(documents.len(), 1);
    value(&documents.remove(0))
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(boolean)) => json!(boolean),
        Yaml::Value(Scalar::Integer(integer)) => json!(integer),
        Yaml::Value(Scalar::FloatingPoint(float)) => json!(float.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(entries) => entries.iter().map(|(name, item)| (key(name), value(item))).collect(),
        Yaml::Tagged(tag, inner) => Map::from_iter([(function(&tag.suffix), value(inner))]).into(),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("unexpected YAML: {yaml:?}"),
    }
}

fn key(yaml: &Yaml<'_>) -> String {
    yaml.as_str().expect("keys are text").to_owned()
}

fn function(short: &str) -> String {
    if matches!(short, "Ref" | "Condition") { short.to_owned() } else { format!("Fn::{short}") }
}
