//! Checks of a Salesforce org: the external id of tasks, and the mapped fields.

use domain::id::MAX_ID_LENGTH;
use domain::integration::salesforce::UnknownVisitor;
use domain::integration::{FieldType, Mapping, SalesforceConfig};
use reqwest::Method;
use serde::Deserialize;

use super::Checked;
use super::fit::fit;
use crate::call::CallError;
use crate::reason::Reason;
use crate::rest::{NO_BODY, RestApi};

const TASK: &str = "Task";
const CONTACT: &str = "Contact";
const LEAD: &str = "Lead";
/// Fields that a sync sets itself: they identify the record.
const OF_PERSON: [&str; 2] = ["Id", "Email"];
const OF_TASK: [&str; 2] = ["Id", "WhoId"];

/// An object as the token's user sees it.
#[derive(Debug, Deserialize)]
struct ObjectDescription {
    createable: bool,
    fields: Vec<FieldDescription>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldDescription {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// UTF-16 units; 0 for fields that hold no text.
    #[serde(default)]
    length: u32,
    createable: bool,
    updateable: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    case_sensitive: bool,
    #[serde(default)]
    restricted_picklist: bool,
    #[serde(default)]
    picklist_values: Vec<PicklistValue>,
}

#[derive(Debug, Deserialize)]
struct PicklistValue {
    active: bool,
    value: String,
}

impl ObjectDescription {
    /// Finds a field by its name in any case.
    fn field(&self, name: &str) -> Option<&FieldDescription> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// Asks Salesforce. Answers that cannot be used are errors; problems of the org or the configuration are in the result.
pub(super) async fn check(api: &RestApi<'_>, config: &SalesforceConfig) -> Result<Checked, CallError> {
    let mut checked = Checked::default();
    let key = config.external_id_field.as_ref();
    if let Some(task) = describe(api, TASK, &mut checked).await? {
        if !task.createable {
            checked.problems.push("The user that signs in may not create tasks.".to_owned());
        }
        external_id(key, task.field(key), &mut checked);
        let reserved = OF_TASK.into_iter().chain([key]).collect::<Vec<_>>();
        mapped(&[(TASK, &task)], "task_fields", &config.task_fields, &reserved, &mut checked);
    }
    let contact = describe(api, CONTACT, &mut checked).await?;
    let lead = describe(api, LEAD, &mut checked).await?;
    let (Some(contact), Some(lead)) = (contact, lead) else { return Ok(checked) };
    let created = match config.unknown_visitor {
        UnknownVisitor::Lead => Some((LEAD, &lead)),
        UnknownVisitor::Contact => Some((CONTACT, &contact)),
        UnknownVisitor::Skip => None,
    };
    if let Some((name, _)) = created.filter(|(_, object)| !object.createable) {
        checked.problems.push(format!("config.unknown_visitor: the user that signs in may not create a {name}"));
    }
    mapped(&[(CONTACT, &contact), (LEAD, &lead)], "person_fields", &config.person_fields, &OF_PERSON, &mut checked);
    Ok(checked)
}

/// `None`, and a problem, if the user does not see the object: all of them are asked in each sync.
async fn describe(
    api: &RestApi<'_>,
    object: &str,
    checked: &mut Checked,
) -> Result<Option<ObjectDescription>, CallError> {
    let path = format!("sobjects/{object}/describe");
    match api.call("describe an object", Method::GET, &path, NO_BODY).await {
        Err(error) if error.is(Reason::NotFound) => {
            let what =
                "The org does not have the API version, or the user that signs in may not see objects of the kind";
            checked.problems.push(format!("{what} {object}."));
            Ok(None)
        }
        described => described.map(Some),
    }
}

/// Checks the external id: without it a repeated delivery would leave two tasks.
fn external_id(name: &str, field: Option<&FieldDescription>, checked: &mut Checked) {
    let mut problem = |what: &str| checked.problems.push(format!("config.external_id_field: {name} {what}"));
    let Some(field) = field else {
        return problem("is no field of tasks, or the user that signs in may not see it; make it on Activity");
    };
    if field.kind != "string" || !field.external_id || !field.unique {
        return problem("must be a text field that is both unique and an external id");
    }
    // Ids of sessions are: another session's task would be written over.
    if !field.case_sensitive {
        return problem("must be case sensitive: ids that differ only in upper and lower case are two sessions");
    }
    if !field.createable || !field.updateable {
        return problem("may not be written by the user that signs in");
    }
    if (field.length as usize) < MAX_ID_LENGTH {
        let most = field.length;
        checked.notices.push(format!("{name} takes {most} characters: sessions with longer ids are refused."));
    }
}

/// Each mapped field must be of one of the objects; of the others a notice says what that costs.
fn mapped(
    objects: &[(&str, &ObjectDescription)],
    member: &str,
    mapping: &Mapping,
    reserved: &[&str],
    checked: &mut Checked,
) {
    for (name, source) in mapping.iter() {
        let mut problem = |why: &str| {
            let source = source.as_ref();
            checked.problems.push(format!("config.{member}.{name}: cannot be set to {source}: {why}"));
        };
        if reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            problem("a sync sets it itself");
            continue;
        }
        if !objects.iter().any(|(_, object)| object.field(name).is_some()) {
            problem("there is no such field, or the user that signs in may not see it");
            continue;
        }
        for (object, described) in objects {
            let Some(field) = described.field(name) else {
                checked.notices.push(format!(
                    "There is no field {name} of a {object}, or the user that signs in may not see it: where one is \
                     written, all of {member} is left out."
                ));
                continue;
            };
            match writable(field).and_then(kind).and_then(|kind| fit(name, kind, source)) {
                Ok((kind, notice)) => {
                    checked.notices.extend(field.unique.then(|| taken_once(name, object, member)));
                    checked.connection.fields.insert(format!("{object}.{name}"), kind);
                    checked.notices.extend(notice.filter(|notice| !checked.notices.contains(notice)));
                }
                Err(why) => {
                    let source = source.as_ref();
                    let problem = format!("config.{member}.{name}: cannot be set to {source} in a {object}: {why}");
                    checked.problems.push(problem);
                }
            }
        }
    }
}

fn taken_once(name: &str, object: &str, member: &str) -> String {
    format!("{name} takes a value in one {object} only: where another one has it already, all of {member} is left out.")
}

fn writable(field: &FieldDescription) -> Result<&FieldDescription, String> {
    let may = field.createable && field.updateable;
    may.then_some(field)
        .ok_or_else(|| "the user that signs in may not write it, or Salesforce sets it itself".to_owned())
}

fn kind(field: &FieldDescription) -> Result<FieldType, String> {
    let active = field.picklist_values.iter().filter(|choice| choice.active);
    let values = || active.map(|choice| choice.value.clone()).collect();
    let max_length = Some(field.length).filter(|length| *length > 0);
    match field.kind.as_str() {
        "string" | "textarea" | "email" | "phone" | "url" | "encryptedstring" | "combobox" | "reference" => {
            Ok(FieldType::Text { max_length })
        }
        "multipicklist" => Ok(FieldType::Options { values: values(), is_multiple: true }),
        "picklist" if field.restricted_picklist => Ok(FieldType::Options { values: values(), is_multiple: false }),
        // It suggests its values, and takes others.
        "picklist" => Ok(FieldType::Text { max_length }),
        "boolean" => Ok(FieldType::Boolean),
        "int" | "long" => Ok(FieldType::Integer),
        "double" | "currency" | "percent" => Ok(FieldType::Number),
        "date" => Ok(FieldType::Date),
        "datetime" => Ok(FieldType::DateTime),
        _ => Err("fields of its type are not supported".to_owned()),
    }
}
