//! Contact, Lead and Task as a new org has them: what a sync may meet of them.

use super::schema::{Field, Kind, Object};

/// The longest long text, in characters.
const LONG: usize = 32_000;

const SALUTATIONS: [&str; 5] = ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."];
const SOURCES: [&str; 5] = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"];
const LEAD_STATES: [&str; 4] =
    ["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"];
const TASK_STATES: [&str; 5] = ["Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"];
const PRIORITIES: [&str; 3] = ["High", "Normal", "Low"];
const SUBJECTS: [&str; 5] = ["Call", "Email", "Send Letter", "Send Quote", "Other"];
const SUBTYPES: [&str; 5] = ["Task", "Email", "ListEmail", "Cadence", "Call"];

/// Ids of objects that the stand-in does not hold: whatever has the right form is taken.
pub(crate) fn prefix_elsewhere(object: &str) -> Option<&'static str> {
    match object {
        "Account" => Some("001"),
        "User" => Some("005"),
        _ => None,
    }
}

pub(crate) fn objects() -> Vec<Object> {
    vec![
        Object::new("Contact", "003", contact()),
        Object::new("Lead", "00Q", lead()),
        Object::new("Task", "00T", task()),
    ]
}

fn text(name: &str, length: usize) -> Field {
    Field::new(name, Kind::String, length)
}

fn flag(name: &str) -> Field {
    Field::new(name, Kind::Boolean, 0)
}

fn picklist(name: &str, values: &[&str]) -> Field {
    Field::new(name, Kind::Picklist, 255).values(values)
}

fn reference(name: &str, objects: &[&str]) -> Field {
    Field::new(name, Kind::Reference, 18).refers_to(objects)
}

/// What contacts and leads have in common.
fn person() -> Vec<Field> {
    let phone = |name| Field::new(name, Kind::Phone, 40);
    let mut fields = vec![
        text("LastName", 80).required(),
        text("FirstName", 40),
        text("Name", 121).read_only(),
        picklist("Salutation", &SALUTATIONS),
        Field::new("Email", Kind::Email, 80),
        text("Title", 128),
        picklist("LeadSource", &SOURCES),
        Field::new("Description", Kind::Textarea, LONG),
        flag("HasOptedOutOfEmail"),
    ];
    fields.extend(["Phone", "MobilePhone", "Fax"].map(phone));
    fields
}

fn address(before: &str) -> [Field; 5] {
    let part = |name: &str, length| text(&format!("{before}{name}"), length);
    let street = Field::new(&format!("{before}Street"), Kind::Textarea, 255);
    [street, part("City", 40), part("State", 80), part("PostalCode", 20), part("Country", 80)]
}

fn contact() -> Vec<Field> {
    let mut fields = person();
    fields.extend([reference("AccountId", &["Account"]), text("Department", 80)]);
    fields.extend(address("Mailing"));
    fields
}

fn lead() -> Vec<Field> {
    let mut fields = person();
    fields.extend([
        text("Company", 255).required(),
        picklist("Status", &LEAD_STATES).default(LEAD_STATES[0]),
        picklist("Rating", &["Hot", "Warm", "Cold"]),
        picklist("Industry", &["Consulting", "Education", "Finance", "Retail", "Technology", "Other"]),
        Field::new("Website", Kind::Url, 255),
        Field::new("NumberOfEmployees", Kind::Int, 0),
        flag("IsConverted").read_only(),
        Field::new("ConvertedDate", Kind::Date, 0).read_only(),
        reference("ConvertedContactId", &["Contact"]).read_only(),
    ]);
    fields.extend(address(""));
    fields
}

fn task() -> Vec<Field> {
    let mut subtype = picklist("TaskSubtype", &SUBTYPES).default(SUBTYPES[0]);
    subtype.restricted = true;
    vec![
        reference("WhoId", &["Contact", "Lead"]),
        reference("WhatId", &["Account"]),
        Field::new("Subject", Kind::Combobox, 255).values(&SUBJECTS),
        Field::new("Description", Kind::Textarea, LONG),
        picklist("Status", &TASK_STATES).default(TASK_STATES[0]),
        picklist("Priority", &PRIORITIES).default(PRIORITIES[1]),
        picklist("Type", &["Call", "Email", "Meeting", "Other"]),
        picklist("CallType", &["Internal", "Inbound", "Outbound"]),
        text("CallDisposition", 255),
        Field::new("CallDurationInSeconds", Kind::Int, 0),
        Field::new("ActivityDate", Kind::Date, 0),
        Field::new("ReminderDateTime", Kind::Datetime, 0),
        flag("IsReminderSet"),
        flag("IsClosed").read_only(),
        subtype,
    ]
}
