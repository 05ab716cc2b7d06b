"""The reference library of Standard Webhooks against the receiver: webhook.py BASE_URL.

Prints a line for each thing that holds; ends with an error at the first that does not.
"""

import base64
import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

BASE_URL = sys.argv[1].rstrip("/")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
BODY = json.dumps({"type": "session.analyzed", "data": {"summary": "Señora López, 5 €"}}, ensure_ascii=False)


def request(method, path, body=None, headers=None):
    data = None if body is None else body.encode()
    sent = urllib.request.Request(f"{BASE_URL}{path}", data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def deliver(hook, id, *, secrets=(SECRET,), at=None, body=BODY, signed=BODY):
    at = at or datetime.now(timezone.utc)
    signatures = [Webhook(secret).sign(msg_id=id, timestamp=at, data=signed) for secret in secrets]
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    status, _ = request("POST", f"/hooks/{hook}", body, headers)
    deliveries = json.loads(request("GET", "/_state")[1])["deliveries"]
    return status, [one for one in deliveries if one["name"] == hook and one["id"] == id][-1]


def verifies(secret, delivery):
    try:
        return Webhook(secret).verify(delivery["text"], delivery["headers"]) == json.loads(BODY)
    except WebhookVerificationError:
        return False


def ok(sentence):
    print(f"ok {sentence}", flush=True)


request("PUT", "/_secrets/acme", SECRET)

status, delivery = deliver("acme", "msg_1")
assert (status, delivery["verified"]) == (204, True), delivery
ok("what the library signed is verified")

assert verifies(SECRET, delivery) and not verifies(OTHER, delivery), delivery
ok("the library verifies what the receiver recorded")

status, delivery = deliver("acme", "msg_2", body=BODY.replace("5", "6"))
assert (status, delivery["verified"]) == (401, False) and not verifies(SECRET, delivery), delivery
ok("a body that was changed is not")

status, delivery = deliver("acme", "msg_3", secrets=[OTHER])
assert (status, delivery["verified"]) == (401, False), delivery
ok("what another secret signed is not")

for minutes in [-6, 6]:
    at = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    status, delivery = deliver("acme", "msg_4", at=at)
    assert (status, delivery["verified"]) == (401, False) and not verifies(SECRET, delivery), delivery
ok("what was signed long ago or lies ahead is not")

for secrets in [[SECRET, OTHER], [OTHER, SECRET]]:
    assert deliver("acme", "msg_5", secrets=secrets)[0] == 204
ok("one of several signatures is enough")

request("PUT", "/_secrets/acme", f"{OTHER} {SECRET}")
assert [deliver("acme", "msg_6", secrets=[secret])[0] for secret in [SECRET, OTHER]] == [204, 204]
ok("one of several secrets is enough")

events = json.loads(request("GET", "/_state")[1])["events"]["acme"]
assert events == ["msg_1", "msg_5", "msg_6"], events
ok("each event is counted once, forged ones never")
