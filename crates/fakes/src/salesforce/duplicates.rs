//! The rule that knows a contact or lead by its address.

use serde_json::{Value, json};

use super::org::{DuplicateRule, Fields, Org, Record};
use super::schema::Object;
use super::{Call, error};
use crate::rest::Problem;

/// Refuses a new contact or lead whose address one has already, if the org has the rule.
pub(crate) fn check(org: &Org, object: &Object, fields: &Fields, call: &Call<'_>) -> Result<(), Problem> {
    let kinds = ["Contact", "Lead"];
    let (Some(rule), Some(email)) = (org.settings.duplicate_rule, fields.get("Email").and_then(Value::as_str)) else {
        return Ok(());
    };
    let can_save = rule == DuplicateRule::Alert;
    if !kinds.contains(&object.name.as_str()) || (can_save && call.allow_save) {
        return Ok(());
    }
    let same = |record: &&Record| record.text("Email").eq_ignore_ascii_case(email) && !record.is_converted();
    let found = kinds.map(|kind| (kind, org.of(kind).filter(same).collect::<Vec<_>>()));
    let found = found.iter().filter(|(_, records)| !records.is_empty());
    let results = found.map(|(kind, records)| match_result(kind, records, call.version)).collect::<Vec<_>>();
    if results.is_empty() {
        return Ok(());
    }
    let member = if org.settings.duplicate_result { "duplicateResult" } else { "duplicateResut" };
    let (kind, message) = (&object.name, "Use one of these records?");
    let mut problem = error::bad("DUPLICATES_DETECTED", message);
    problem.body[0][member] = json!({
        "allowSave": can_save, "duplicateRule": format!("Standard_{kind}_Duplicate_Rule"),
        "duplicateRuleEntityType": kind, "errorMessage": message, "matchResults": results,
    });
    Err(problem)
}

fn match_result(kind: &str, records: &[&Record], version: &str) -> Value {
    let found = records.iter().map(|record| {
        let attributes = json!({ "type": kind, "url": record.url(version) });
        let record = json!({ "attributes": attributes, "Id": record.id });
        json!({ "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record })
    });
    json!({
        "entityType": kind, "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": found.collect::<Vec<_>>(),
        "rule": format!("Standard_{kind}_Match_Rule_v1_1"), "size": records.len(), "success": true,
    })
}
