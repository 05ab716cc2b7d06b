//! The visitor as a contact or lead.

use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::integration::salesforce::UnknownVisitor;

use super::client::Org;
use super::error_answer::may_be_of_a_field;
use super::fields::{self, Fields, filled};
use super::soql::literal;
use crate::call::CallError;
use crate::crm::Person;
use crate::error::Error;
use crate::job::Job;
use crate::name;
use crate::reason::Reason;
use crate::text::{cut, length};

/// Lengths of Salesforce's standard fields, in UTF-16 units.
const MAX_LAST_NAME: usize = 80;
const MAX_FIRST_NAME: usize = 40;
const MAX_PHONE: usize = 40;
const MAX_COMPANY: usize = 255;
/// The field that identifies a person.
const EMAIL: &str = "Email";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PersonObject {
    Contact,
    Lead,
}

impl PersonObject {
    fn name(self) -> &'static str {
        match self {
            Self::Contact => "Contact",
            Self::Lead => "Lead",
        }
    }

    /// Finds the object by the first characters of the id.
    fn of_id(id: &str) -> Option<Self> {
        match id.get(..3)? {
            "003" => Some(Self::Contact),
            "00Q" => Some(Self::Lead),
            _ => None,
        }
    }
}

/// Finds the contact with this address, else the lead, else creates a person; writes the mapped fields.
pub(super) async fn find_or_create(org: &Org<'_>, job: &Job<'_>, email: &EmailAddress) -> Result<Person, Error> {
    if let Some((object, id)) = find(org, email).await.map_err(Error::Crm)? {
        return write_mapped(org, job, object, id).await.map_err(Error::Crm);
    }
    let object = match org.config.unknown_visitor {
        UnknownVisitor::Lead => PersonObject::Lead,
        UnknownVisitor::Contact => PersonObject::Contact,
        UnknownVisitor::Skip => return Ok(Person::Skipped(Reason::NoPerson)),
    };
    let key = &job.key;
    let address = AddressHash::of(key.tenant_id, email);
    // The lease covers every request that this delivery can still make.
    let lease = job.delivery.remaining();
    if !org.store.take_person(key, &address, lease).await? {
        return Err(Error::Reason(Reason::OtherSession));
    }
    let made = create_once(org, job, object, email).await;
    // Without an answer they may still be created: others wait until the lease ends.
    let is_open = |error: &CallError| error.answer().is_none() || error.is(Reason::Unavailable);
    if !made.as_ref().is_err_and(is_open) {
        org.store.release_person(key, &address).await?;
    }
    made.map_err(Error::Crm)
}

/// Creates a person, under the lease that keeps other sessions from creating one with this address.
async fn create_once(
    org: &Org<'_>,
    job: &Job<'_>,
    object: PersonObject,
    email: &EmailAddress,
) -> Result<Person, CallError> {
    // The session that held the lease until now may have created the person.
    if let Some(id) = find_one(org, object, email).await? {
        return write_mapped(org, job, object, id).await;
    }
    let error = match create(org, job, object, email).await {
        Err(error) if error.is(Reason::Conflict) => error,
        created => return created.map(Person::Known),
    };
    // Another program was faster, or the org's duplicate rules found the same person.
    let named = error.existing().and_then(|id| Some((PersonObject::of_id(id)?, id.to_owned())));
    let known = match named {
        Some(named) => Some(named),
        None => find(org, email).await?,
    };
    let (object, id) = known.ok_or(error)?;
    write_mapped(org, job, object, id).await
}

/// Finds the oldest contact, else the oldest lead: a later one with the same address is more likely a mistake.
async fn find(org: &Org<'_>, email: &EmailAddress) -> Result<Option<(PersonObject, String)>, CallError> {
    for object in [PersonObject::Contact, PersonObject::Lead] {
        if let Some(id) = find_one(org, object, email).await? {
            return Ok(Some((object, id)));
        }
    }
    Ok(None)
}

async fn find_one(org: &Org<'_>, object: PersonObject, email: &EmailAddress) -> Result<Option<String>, CallError> {
    let more = match object {
        PersonObject::Contact => "",
        // A converted lead lives on as a contact, and Salesforce refuses to change it.
        PersonObject::Lead => " AND IsConverted=false",
    };
    let (object, email) = (object.name(), literal(email.as_str()));
    org.first(&format!("SELECT Id FROM {object} WHERE Email={email}{more} ORDER BY CreatedDate LIMIT 2")).await
}

async fn create(org: &Org<'_>, job: &Job<'_>, object: PersonObject, email: &EmailAddress) -> Result<String, CallError> {
    let company = (object == PersonObject::Lead).then_some(org.config.company.as_str());
    let (known, mapped) = (known(job, email, company), mapped(org, job, object));
    let object = object.name();
    fields::write(job, object, known, mapped, async |fields| org.create_person(object, fields).await).await
}

/// Lists what is known of the visitor. `LastName` is required, and `Company` of a lead.
fn known(job: &Job<'_>, email: &EmailAddress, company: Option<&str>) -> Fields {
    let visitor = &job.session.visitor;
    let name = visitor.name.as_deref().map(name::split).unwrap_or_default();
    let local = || email.as_str().rsplit_once('@').map_or_else(String::new, |(local, _)| local.to_owned());
    let (first, last) = match (name.first, name.last) {
        (first, Some(last)) => (first, last),
        (Some(only), None) => (None, only),
        (None, None) => (None, local()),
    };
    let phone = visitor.phone.as_deref().map(name::clean);
    filled([
        ("LastName", Some(cut(&last, MAX_LAST_NAME))),
        ("FirstName", first.map(|first| cut(&first, MAX_FIRST_NAME))),
        (EMAIL, Some(email.as_str().to_owned())),
        // A number cut short is a wrong number.
        ("Phone", phone.filter(|phone| length(phone) <= MAX_PHONE)),
        ("Company", company.map(|company| cut(company, MAX_COMPANY))),
    ])
}

fn mapped(org: &Org<'_>, job: &Job<'_>, object: PersonObject) -> Fields {
    fields::mapped(job, object.name(), &org.config.person_fields, &["Id", EMAIL])
}

/// Writes only what is mapped: the names of a person whom the org knows are the org's.
async fn write_mapped(org: &Org<'_>, job: &Job<'_>, object: PersonObject, id: String) -> Result<Person, CallError> {
    let mapped = mapped(org, job, object);
    let written = if mapped.is_empty() { Ok(()) } else { org.update_person(object.name(), &id, &mapped).await };
    match written {
        Ok(()) => Ok(Person::Known(id)),
        // A change that is not made costs neither the person nor the task.
        Err(error) if may_be_of_a_field(&error) => {
            fields::leave_out(job, object.name());
            Ok(Person::Known(id))
        }
        Err(error) => Err(error.if_gone_again()),
    }
}
