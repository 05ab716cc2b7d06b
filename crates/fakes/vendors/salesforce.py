"""Drives the stand-in for Salesforce with the vendor's Python client: `python salesforce.py BASE_URL`.

Each check is a function whose name is its sentence; the first that fails ends the run with its assertion. The client is
left as it is: it insists on https, so its session sends whatever goes to Salesforce to the stand-in.
"""

import sys
import uuid
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SFType, format_soql
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id

VERSION = "68.0"
# The shape of query that a sync sends.
QUERY = "SELECT Id FROM {} WHERE Email={{}} ORDER BY CreatedDate LIMIT 2"


class ToStandIn(HTTPAdapter):
    """Sends each request to one server, whatever host it names."""

    def __init__(self, base_url):
        super().__init__()
        self.server = urlsplit(base_url)

    def send(self, request, **options):
        asked = urlsplit(request.url)
        request.url = asked._replace(scheme=self.server.scheme, netloc=self.server.netloc).geturl()
        return super().send(request, **options)


def found(client, object, email):
    return client.query(format_soql(QUERY.format(object), email))


class Org:
    """An org of this run alone, and what only a stand-in can do to it."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.key = f"3MVG9.{uuid.uuid4().hex}"
        self.secret = "secret"

    def put(self, path, body=None):
        requests.put(f"{self.base_url}/_orgs/{self.key}{path}", json=body, timeout=10).raise_for_status()

    def expire_sessions(self):
        requests.delete(f"{self.base_url}/_orgs/{self.key}/tokens", timeout=10).raise_for_status()

    def state(self):
        return requests.get(f"{self.base_url}/_state", params={"client_id": self.key}, timeout=10).json()

    def define_key(self, unique=True):
        field = {"object": "Activity", "name": "PostSession_Id__c", "externalId": True, "unique": unique}
        self.put("/fields", field)

    def session(self):
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", ToStandIn(self.base_url))
        return session

    def by_session_id(self):
        form = {"grant_type": "client_credentials"}
        url = f"{self.base_url}/services/oauth2/token"
        answer = requests.post(url, form, auth=(self.key, self.secret), timeout=10).json()
        token, url = answer["access_token"], answer["instance_url"]
        return Salesforce(instance_url=url, session_id=token, version=VERSION, session=self.session())

    def by_client_credentials(self):
        options = {"consumer_key": self.key, "consumer_secret": self.secret, "domain": "acme.my"}
        return Salesforce(version=VERSION, session=self.session(), **options)

    def by_assertion(self, key, domain="login"):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        options = {"consumer_key": self.key, "privatekey": pem.decode(), "username": "sync@example.com"}
        return Salesforce(version=VERSION, session=self.session(), domain=domain, **options)


def refused(expected, call):
    """What the client raises; an assertion unless it is that."""
    try:
        result = call()
    except expected as error:
        return error
    raise AssertionError(f"expected {expected.__name__}, got {result!r}")


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def register(org, key):
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    org.put("", {"public_key": public.decode()})


def a_session_id_and_an_instance_url_are_a_login(org):
    client = org.by_session_id()
    assert found(client, "Contact", "ana@example.com")["totalSize"] == 0


def client_credentials_are_a_login_and_an_expired_session_is_renewed(org):
    client = org.by_client_credentials()
    org.expire_sessions()
    assert found(client, "Contact", "ana@example.com")["done"] is True
    assert org.state()["tokens_issued"] == 2


def a_wrong_secret_is_a_failed_login(org):
    org.put("", {"secret": "another"})
    error = refused(SalesforceAuthenticationFailed, org.by_client_credentials)
    assert error.code == "invalid_client", error


def an_assertion_is_a_login_when_its_key_is_registered(org):
    key = new_key()
    error = refused(SalesforceAuthenticationFailed, lambda: org.by_assertion(key))
    assert (error.code, error.auth_message) == ("invalid_grant", "invalid assertion"), error
    register(org, key)
    client = org.by_assertion(key)
    org.expire_sessions()
    assert found(client, "Lead", "ana@example.com")["totalSize"] == 0


def an_assertion_for_a_sandbox_is_none_for_production(org):
    key = new_key()
    register(org, key)
    error = refused(SalesforceAuthenticationFailed, lambda: org.by_assertion(key, domain="test"))
    assert error.auth_message == "audience is invalid", error
    org.put("", {"sandbox": True})
    org.by_assertion(key, domain="test")


def an_expired_session_is_an_error_to_who_cannot_renew_it(org):
    client = org.by_session_id()
    org.expire_sessions()
    error = refused(SalesforceExpiredSession, lambda: found(client, "Contact", "ana@example.com"))
    assert error.content == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], error


def quotation_marks_are_found_again(org):
    client = org.by_session_id()
    email = "o'brien@example.com"
    made = client.Lead.create({"LastName": "O'Brien", "Company": "Acme", "Email": email})
    client.Lead.create({"LastName": "Brien", "Company": "Acme", "Email": "brien@example.com"})
    query = "SELECT Id FROM Lead WHERE Email={} AND IsConverted={} ORDER BY CreatedDate LIMIT 2"
    result = client.query(format_soql(query, email, False))
    assert result["totalSize"] == 1 and result["done"] is True, result
    assert result["records"][0]["Id"] == made["id"], result
    assert result["records"][0]["attributes"]["type"] == "Lead", result
    ids = [record["Id"] for record in client.query_all_iter(format_soql(query, email, False))]
    assert ids == [made["id"]], ids


def what_is_not_escaped_is_a_malformed_query(org):
    client = org.by_session_id()
    query = QUERY.format("Lead").format("'O'Brien'")
    error = refused(SalesforceMalformedRequest, lambda: client.query(query))
    assert error.content[0]["errorCode"] == "MALFORMED_QUERY", error
    error = refused(SalesforceMalformedRequest, lambda: found(client, "Task", "ana@example.com"))
    assert error.content[0]["errorCode"] == "INVALID_FIELD", error


def a_record_is_made_read_changed_and_removed(org):
    client = org.by_session_id()
    made = client.Contact.create({"LastName": "Diaz", "Email": "ana@example.com"})
    assert made["success"] is True and made["errors"] == [] and len(made["id"]) == 18, made
    assert client.Contact.get(made["id"])["Email"] == "ana@example.com"
    assert client.Contact.update(made["id"], {"FirstName": "Ana"}) == 204
    assert client.Contact.get(made["id"], params={"fields": "Name"})["Name"] == "Ana Diaz"
    assert client.Contact.delete(made["id"]) == 204
    error = refused(SalesforceResourceNotFound, lambda: client.Contact.get(made["id"]))
    assert error.content[0]["errorCode"] == "NOT_FOUND", error


def an_upsert_makes_and_then_changes(org):
    client = org.by_session_id()
    org.define_key()
    where = format_external_id("PostSession_Id__c", "tenant/session 1")
    assert client.Task.upsert(where, {"Subject": "one"}) == 201
    answer = client.Task.upsert(where, {"Subject": "two"}, raw_response=True)
    assert answer.status_code == 200 and answer.json()["created"] is False, answer.text
    task = client.Task.get(where)
    assert (task["Id"], task["Subject"]) == (answer.json()["id"], "two"), task
    assert len(org.state()["tasks"]) == 1


def a_record_is_read_by_its_external_id(org):
    client = org.by_session_id()
    org.define_key()
    client.Task.create({"PostSession_Id__c": "s-1", "Subject": "one"})
    assert client.Task.get_by_custom_id("PostSession_Id__c", "s-1")["Subject"] == "one"
    refused(SalesforceResourceNotFound, lambda: client.Task.get_by_custom_id("PostSession_Id__c", "s-2"))
    refused(SalesforceResourceNotFound, lambda: client.Task.get_by_custom_id("Subject", "one"))


def an_external_id_that_is_not_unique_may_name_more_than_one_record(org):
    client = org.by_session_id()
    org.define_key(unique=False)
    ids = [client.Task.create({"PostSession_Id__c": "s-1"})["id"] for _ in range(2)]
    error = refused(SalesforceMoreThanOneRecord, lambda: client.Task.upsert("PostSession_Id__c/s-1", {"Subject": "x"}))
    assert error.content == [f"/services/data/v{VERSION}/sobjects/Task/{id}" for id in ids], error
    assert all("Subject" not in task["fields"] for task in org.state()["tasks"])


def an_external_id_in_the_body_and_a_unique_value_twice_are_refused(org):
    client = org.by_session_id()
    org.define_key()
    body = {"PostSession_Id__c": "s-1"}
    error = refused(SalesforceMalformedRequest, lambda: client.Task.upsert("PostSession_Id__c/s-1", body))
    assert error.content[0]["errorCode"] == "INVALID_FIELD", error
    made = client.Task.create(body)
    error = refused(SalesforceMalformedRequest, lambda: client.Task.create(body))
    assert error.content[0]["errorCode"] == "DUPLICATE_VALUE" and made["id"] in error.content[0]["message"], error


def a_duplicate_is_refused_with_the_record_it_duplicates(org):
    client = org.by_session_id()
    org.put("", {"duplicate_rule": "alert"})
    person = {"LastName": "Diaz", "Email": "ana@example.com"}
    made = client.Contact.create(person)
    error = refused(SalesforceMalformedRequest, lambda: client.Contact.create(person))
    assert error.content[0]["errorCode"] == "DUPLICATES_DETECTED", error
    found = error.content[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]
    assert found["Id"] == made["id"], error
    allowed = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert client.Contact.create(person, headers=allowed)["success"] is True
    assert org.state()["allow_saves"] == 1


def what_is_missing_or_too_long_is_named(org):
    client = org.by_session_id()
    error = refused(SalesforceMalformedRequest, lambda: client.Lead.create({"LastName": "Diaz"}))
    assert error.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING", error
    assert error.content[0]["fields"] == ["Company"], error
    error = refused(SalesforceMalformedRequest, lambda: client.Task.create({"Subject": "x" * 256}))
    assert (error.content[0]["errorCode"], error.content[0]["fields"]) == ("STRING_TOO_LONG", ["Subject"]), error


def an_object_is_described_with_its_fields(org):
    client = org.by_session_id()
    org.define_key()
    task = client.Task
    assert isinstance(task, SFType)
    fields = {field["name"]: field for field in task.describe()["fields"]}
    key = fields["PostSession_Id__c"]
    assert key["externalId"] is True and key["unique"] is True and key["length"] == 255, key
    assert fields["Status"]["picklistValues"][0]["value"] == "Not Started", fields["Status"]


def the_days_requests_are_told_and_bounded(org):
    client = org.by_session_id()
    org.put("", {"daily_limit": 2})
    found(client, "Lead", "ana@example.com")
    assert client.api_usage["api-usage"] == (1, 2), client.api_usage
    found(client, "Lead", "ana@example.com")
    error = refused(SalesforceRefusedRequest, lambda: found(client, "Lead", "ana@example.com"))
    assert error.content[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED", error


CHECKS = [
    a_session_id_and_an_instance_url_are_a_login,
    client_credentials_are_a_login_and_an_expired_session_is_renewed,
    a_wrong_secret_is_a_failed_login,
    an_assertion_is_a_login_when_its_key_is_registered,
    an_assertion_for_a_sandbox_is_none_for_production,
    an_expired_session_is_an_error_to_who_cannot_renew_it,
    quotation_marks_are_found_again,
    what_is_not_escaped_is_a_malformed_query,
    a_record_is_made_read_changed_and_removed,
    an_upsert_makes_and_then_changes,
    a_record_is_read_by_its_external_id,
    an_external_id_that_is_not_unique_may_name_more_than_one_record,
    an_external_id_in_the_body_and_a_unique_value_twice_are_refused,
    a_duplicate_is_refused_with_the_record_it_duplicates,
    what_is_missing_or_too_long_is_named,
    an_object_is_described_with_its_fields,
    the_days_requests_are_told_and_bounded,
]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python salesforce.py BASE_URL")
    base_url = sys.argv[1].rstrip("/")
    for check in CHECKS:
        check(Org(base_url))
        print("ok", check.__name__.replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
