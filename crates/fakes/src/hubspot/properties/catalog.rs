//! The properties that HubSpot brings, as far as a sync may meet them.

use std::sync::LazyLock;

use super::super::contacts::LIFECYCLE;
use super::super::portal::Kind;
use super::definition::{Choice, Definition, Type, yes_and_no};
use Type::{Bool, Date, DateTime, Enumeration, Number, String as Text};

/// Whether a value can be written.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    Open,
    /// HubSpot sets it.
    ReadOnly,
    /// HubSpot computes it.
    Calculated,
}
use Access::{Calculated, Open, ReadOnly};

/// Name, label, type, field type, access.
type Row = (&'static str, &'static str, Type, &'static str, Access);

const CONTACT: [Row; 43] = [
    ("address", "Street Address", Text, "text", Open),
    ("annualrevenue", "Annual Revenue", Text, "text", Open),
    ("city", "City", Text, "text", Open),
    ("closedate", "Close Date", DateTime, "date", Open),
    ("company", "Company Name", Text, "text", Open),
    ("country", "Country/Region", Text, "text", Open),
    ("createdate", "Create Date", DateTime, "date", ReadOnly),
    ("date_of_birth", "Date of birth", Text, "text", Open),
    ("email", "Email", Text, "text", Open),
    ("fax", "Fax Number", Text, "text", Open),
    ("firstname", "First Name", Text, "text", Open),
    ("hs_additional_emails", "Additional email addresses", Enumeration, "checkbox", Open),
    ("hs_buying_role", "Buying Role", Enumeration, "checkbox", Open),
    ("hs_email_domain", "Email Domain", Text, "text", Calculated),
    ("hs_is_contact", "Is a contact", Bool, "booleancheckbox", Calculated),
    ("hs_job_change_detected_date", "Job change detected date", Date, "date", ReadOnly),
    ("hs_language", "Preferred language", Enumeration, "select", Open),
    ("hs_lead_status", "Lead Status", Enumeration, "radio", Open),
    ("hs_object_id", "Record ID", Number, "number", ReadOnly),
    ("hs_timezone", "Time Zone", Enumeration, "select", Open),
    ("hs_whatsapp_phone_number", "WhatsApp Phone Number", Text, "phonenumber", Open),
    ("hubspot_owner_id", "Contact owner", Enumeration, "select", Open),
    ("industry", "Industry", Text, "text", Open),
    ("jobtitle", "Job Title", Text, "text", Open),
    ("lastmodifieddate", "Last Modified Date", DateTime, "date", ReadOnly),
    ("lastname", "Last Name", Text, "text", Open),
    ("lifecyclestage", "Lifecycle Stage", Enumeration, "radio", Open),
    ("message", "Message", Text, "textarea", Open),
    ("mobilephone", "Mobile Phone Number", Text, "phonenumber", Open),
    ("notes_last_updated", "Last Activity Date", DateTime, "date", Calculated),
    ("num_associated_deals", "Number of Associated Deals", Number, "number", Calculated),
    ("num_notes", "Number of Sales Activities", Number, "number", Calculated),
    ("numemployees", "Number of Employees", Enumeration, "select", Open),
    ("phone", "Phone Number", Text, "phonenumber", Open),
    ("preferred_language", "Preferred language (form)", Text, "text", Open),
    ("salutation", "Salutation", Text, "text", Open),
    ("start_date", "Start date", Text, "text", Open),
    ("state", "State/Region", Text, "text", Open),
    ("twitterhandle", "Twitter Username", Text, "text", Open),
    ("website", "Website URL", Text, "text", Open),
    ("work_email", "Work email", Text, "text", Open),
    ("zip", "Postal Code", Text, "text", Open),
    ("hs_v2_date_entered_lead", "Date entered \"Lead (Lifecycle Stage Pipeline)\"", DateTime, "date", Calculated),
];

const NOTE: [Row; 10] = [
    ("hs_attachment_ids", "Attached file IDs", Enumeration, "checkbox", Open),
    ("hs_body_preview", "Body preview", Text, "text", Calculated),
    ("hs_createdate", "Create date", DateTime, "date", ReadOnly),
    ("hs_created_by_user_id", "Created by user ID", Number, "number", ReadOnly),
    ("hs_lastmodifieddate", "Last modified date", DateTime, "date", ReadOnly),
    ("hs_note_body", "Note body", Text, "html", Open),
    ("hs_object_id", "Record ID", Number, "number", ReadOnly),
    ("hs_timestamp", "Activity date", DateTime, "date", Open),
    ("hs_unique_creation_key", "Unique creation key", Text, "text", ReadOnly),
    ("hubspot_owner_id", "Activity assigned to", Enumeration, "select", Open),
];

const LEAD_STATUS: [&str; 8] =
    ["NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"];
const EMPLOYEES: [&str; 7] = ["1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+"];
const BUYING_ROLES: [&str; 9] = [
    "BLOCKER",
    "BUDGET_HOLDER",
    "CHAMPION",
    "DECISION_MAKER",
    "END_USER",
    "EXECUTIVE_SPONSOR",
    "INFLUENCER",
    "LEGAL_AND_COMPLIANCE",
    "OTHER",
];
/// The first ones of HubSpot's, which are many more.
const LANGUAGES: [&str; 12] = ["de", "en", "en-gb", "en-us", "es", "fr", "it", "ja", "nl", "pl", "pt", "pt-br"];
const TIME_ZONES: [&str; 6] = [
    "america_slash_new_york",
    "america_slash_los_angeles",
    "europe_slash_berlin",
    "europe_slash_london",
    "europe_slash_madrid",
    "utc",
];

/// HubSpot's own properties of a kind.
pub(crate) fn of(kind: Kind) -> &'static [Definition] {
    static CONTACTS: LazyLock<Vec<Definition>> = LazyLock::new(|| all("contactinformation", &CONTACT));
    static NOTES: LazyLock<Vec<Definition>> = LazyLock::new(|| all("engagementinformation", &NOTE));
    match kind {
        Kind::Contact => &CONTACTS,
        Kind::Note => &NOTES,
    }
}

fn all(group: &str, rows: &[Row]) -> Vec<Definition> {
    rows.iter().map(|row| definition(group, row)).collect()
}

fn definition(group: &str, &(name, label, kind, field_type, access): &Row) -> Definition {
    Definition {
        name: name.to_owned(),
        label: label.to_owned(),
        group_name: group.to_owned(),
        kind,
        field_type: field_type.to_owned(),
        description: None,
        options: Some(choices(name, kind)),
        has_unique_value: name == "hs_object_id",
        external_options: name == "hubspot_owner_id",
        is_hubspots: true,
        is_calculated: access == Calculated,
        is_read_only: access != Open,
    }
}

fn choices(name: &str, kind: Type) -> Vec<Choice> {
    let values: &[&str] = match name {
        "hs_buying_role" => &BUYING_ROLES,
        "hs_language" => &LANGUAGES,
        "hs_lead_status" => &LEAD_STATUS,
        "hs_timezone" => &TIME_ZONES,
        "lifecyclestage" => &LIFECYCLE,
        "numemployees" => &EMPLOYEES,
        _ if kind == Bool => return yes_and_no(),
        _ => &[],
    };
    values.iter().map(|value| Choice::new(value, value)).collect()
}
