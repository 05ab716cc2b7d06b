"""HubSpot's own client against the stand-in: hubspot.py BASE_URL.

Prints a line for each thing that holds; ends with an error at the first that does not.
"""

import json
import os
import sys
import urllib.request

# This file has the name of HubSpot's package and would be found in its place.
sys.path = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]

import hubspot
from hubspot.crm import contacts, properties
from hubspot.crm.associations.v4 import AssociationSpec
from hubspot.crm.contacts import ApiException as ContactError
from hubspot.crm.objects import notes
from hubspot.crm.objects.notes import ApiException as NoteError
from hubspot.crm.properties import ApiException as PropertyError
from hubspot.oauth import ApiException as OAuthError

BASE_URL = sys.argv[1].rstrip("/")
TOKEN = "pat-vendor"
TIME = "2026-11-22T10:00:00.000Z"


def control(path, setting):
    body = json.dumps(setting).encode()
    urllib.request.urlopen(urllib.request.Request(f"{BASE_URL}{path}", data=body, method="PUT")).close()


def client(token=None):
    return hubspot.Client.create(access_token=token, host=BASE_URL)


def refused(kind, status, call):
    """The error's body; the call must end in that error."""
    try:
        call()
    except kind as error:
        assert error.status == status, error
        return json.loads(error.body)
    raise AssertionError(f"{status} was expected")


def ok(sentence):
    print(f"ok {sentence}", flush=True)


def of_contact(fields):
    return contacts.SimplePublicObjectInputForCreate(properties=fields, associations=[])


crm = client(TOKEN).crm
people, note_api = crm.contacts.basic_api, crm.objects.notes.basic_api

# Contacts.
ana = people.create(of_contact({"email": "ana@example.com", "firstname": "Ana"}))
assert ana.properties["firstname"] == "Ana" and ana.created_at.tzinfo and not ana.archived, ana
ok("a contact is created")

body = refused(ContactError, 409, lambda: people.create(of_contact({"email": "Ana@example.com"})))
assert body["message"] == f"Contact already exists. Existing ID: {ana.id}", body
ok("a second contact with the address is a conflict that names the first")

change = contacts.SimplePublicObjectInput(properties={"lastname": "López"})
changed = people.update("ana@example.com", change, id_property="email")
assert (changed.id, changed.properties["lastname"]) == (ana.id, "López"), changed
assert refused(ContactError, 404, lambda: people.update("bob@example.com", change, id_property="email"))
ok("a contact is changed by its address, or not found")

read = people.get_by_id(ana.id, properties=["lastname", "phone"])
assert read.properties["lastname"] == "López" and read.properties["phone"] is None, read
ok("an empty property is read as none")

wrong = contacts.SimplePublicObjectInput(properties={"lifecyclestage": "Lead", "createdate": "2026-11-22"})
body = refused(ContactError, 400, lambda: people.update(ana.id, wrong))
assert {error["code"] for error in body["errors"]} == {"INVALID_OPTION", "READ_ONLY_VALUE"}, body
ok("values that HubSpot does not take are refused by name")

inputs = [contacts.SimplePublicObjectId(id=ana.id), contacts.SimplePublicObjectId(id="1")]
batch = contacts.BatchReadInputSimplePublicObjectId(properties=["email"], properties_with_history=[], inputs=inputs)
some = crm.contacts.batch_api.read(batch)
assert [one.id for one in some.results] == [ana.id] and some.errors[0].context == {"ids": ["1"]}, some
ok("contacts are read in a batch, and those that do not exist are named")

# Properties.
key = properties.PropertyCreate(
    name="conversation_id", label="Conversation", group_name="g", type="string", field_type="text", has_unique_value=True
)
defined = crm.properties.core_api.create("notes", key)
assert defined.has_unique_value and not defined.modification_metadata.read_only_value, defined
assert refused(PropertyError, 409, lambda: crm.properties.core_api.create("notes", key))
ok("a unique property of notes is defined, once")

listed = {one.name: one for one in crm.properties.core_api.get_all("notes").results}
assert listed["hs_note_body"].hubspot_defined and listed["hs_createdate"].modification_metadata.read_only_value
assert listed["conversation_id"].name == crm.properties.core_api.get_by_name("notes", "conversation_id").name
ok("properties are listed with what may be written")

# Notes and what they hang on.
to_contact = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=202)
association = notes.PublicAssociationsForObject(to=notes.PublicObjectId(id=ana.id), types=[to_contact])
fields = {"hs_timestamp": TIME, "hs_note_body": "<p>Hi</p>", "conversation_id": "s-1"}
new = notes.SimplePublicObjectInputForCreate(properties=fields, associations=[association])
note = note_api.create(new)
ok("a note is created on its contact")

body = refused(NoteError, 400, lambda: note_api.create(new))
assert body["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE", body
assert note_api.get_by_id("s-1", id_property="conversation_id").id == note.id
ok("a note's unique value is taken once and finds it")

inputs = [
    notes.SimplePublicObjectBatchInputUpsert(
        id=key, id_property="conversation_id", properties={"hs_timestamp": TIME, "hs_note_body": "<p>Upserted</p>"}
    )
    for key in ["s-1", "s-2"]
]
batch = notes.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
upserted = crm.objects.notes.batch_api.upsert(batch)
assert [one.new for one in upserted.results] == [False, True] and upserted.results[0].id == note.id, upserted
ok("notes are upserted by their unique value")

second = upserted.results[1].id
ties = crm.associations.v4.basic_api
tied = ties.create_default("notes", second, "contacts", ana.id)
assert {one.association_spec.association_type_id for one in tied.results} == {201, 202}, tied
page = ties.get_page("contacts", ana.id, "notes", limit=1)
assert [one.to_object_id for one in page.results] == [note.id], page
page = ties.get_page("contacts", ana.id, "notes", limit=1, after=page.paging.next.after)
assert [one.to_object_id for one in page.results] == [second] and page.paging is None, page
ok("a contact's notes are listed page by page")

inputs = [notes.SimplePublicObjectId(id=id) for id in [note.id, second]]
batch = notes.BatchReadInputSimplePublicObjectId(properties=["hs_note_body"], properties_with_history=[], inputs=inputs)
bodies = [one.properties["hs_note_body"] for one in crm.objects.notes.batch_api.read(batch).results]
assert bodies == ["<p>Upserted</p>"] * 2, bodies
ok("notes are read in a batch")

note_api.archive(second)
assert refused(NoteError, 404, lambda: note_api.get_by_id(second))
ok("an archived note is gone")

# Who may do what.
installation = {"client_id": "app", "client_secret": "hush", "refresh_token": "long-lived", "token": TOKEN}
control("/_oauth", {**installation, "expires_in": 60})


def refresh(refresh_token):
    tokens = client().oauth.tokens_api
    return tokens.create(
        grant_type="refresh_token", client_id="app", client_secret="hush", refresh_token=refresh_token
    )


fetched = refresh("long-lived")
assert (fetched.refresh_token, fetched.expires_in, fetched.token_type) == ("long-lived", 60, "bearer"), fetched
assert client(fetched.access_token).crm.contacts.basic_api.get_by_id(ana.id).id == ana.id
assert refused(OAuthError, 400, lambda: refresh("dead"))["status"] == "BAD_REFRESH_TOKEN"
ok("a refresh token fetches access to the same account")

control("/_oauth", {**installation, "expires_in": 0})
expired = client(refresh("long-lived").access_token).crm.contacts.basic_api
assert refused(ContactError, 401, lambda: expired.get_by_id(ana.id))["category"] == "EXPIRED_AUTHENTICATION"
ok("an access token expires")

control(f"/_scopes?token={TOKEN}", ["crm.objects.contacts.read"])
body = refused(ContactError, 403, lambda: people.update(ana.id, change))
assert body["category"] == "MISSING_SCOPES", body
control(f"/_scopes?token={TOKEN}", None)
ok("a missing scope is refused")

control("/_limits?token=pat-limited", {"ten_secondly": 1})
limited = client("pat-limited").crm.contacts.basic_api
limited.create(of_contact({"email": "ana@example.com"}))
body = refused(ContactError, 429, lambda: limited.create(of_contact({"email": "bob@example.com"})))
assert body["policyName"] == "TEN_SECONDLY_ROLLING", body
ok("what goes beyond the rate limit is refused")
