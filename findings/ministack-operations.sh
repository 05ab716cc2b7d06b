#!/usr/bin/env bash
# ministack 1.5.33: what AWS refuses in a deployment is accepted, and a message cannot be moved out of a dead-letter queue.
#
# Expected: CloudFormation refuses a parameter that the template does not declare ("Parameters: [X] do not exist in the
# template") and a property that the resource does not have; SQS moves messages with StartMessageMoveTask, as AWS does
# since 2023.
# Seen: the stack with both is CREATE_COMPLETE, although a value outside AllowedPattern is refused; StartMessageMoveTask
# is answered with InvalidAction. A misspelt parameter keeps its default, and nothing says so.
# Source: AWS's CloudFormation and SQS API references; the output below.
# Dealt with in: crates/xtask/README.md; cfn-lint and crates/xtask/tests/template check names, tests move messages
# themselves.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install 'ministack[full]==1.5.33' boto3==1.43.106
cat >probe.py <<'PROBE'
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
from botocore.exceptions import ClientError

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
url = f"http://127.0.0.1:{port}"
environment = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
environment |= {"MINISTACK_HOST": "127.0.0.1", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
with open("server.log", "w") as log:
    server = subprocess.Popen([sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log)


def client(service):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def wait_until_ready():
    for _ in range(300):
        try:
            return urllib.request.urlopen(f"{url}/_ministack/ready", timeout=2)
        except OSError:
            time.sleep(0.2)
    sys.exit("the server did not start")


TEMPLATE = {
    "Parameters": {"Days": {"Type": "String", "Default": "7", "AllowedPattern": "[0-9]+"}},
    "Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDay": 7}}},
}
try:
    wait_until_ready()
    cloudformation, sqs = client("cloudformation"), client("sqs")
    body = json.dumps(TEMPLATE)
    parameter = [{"ParameterKey": "Dyas", "ParameterValue": "30"}]
    cloudformation.create_stack(StackName="misspelt", TemplateBody=body, Parameters=parameter)
    for _ in range(50):
        status = cloudformation.describe_stacks(StackName="misspelt")["Stacks"][0]["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    print("a misspelt parameter and a misspelt property:", status)
    parameter = [{"ParameterKey": "Days", "ParameterValue": "x"}]
    pattern = refused(cloudformation.create_stack, StackName="pattern", TemplateBody=body, Parameters=parameter)
    print("a value outside AllowedPattern:", pattern)
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": redrive})
    move = refused(sqs.start_message_move_task, SourceArn=arn)
    print("StartMessageMoveTask of a dead-letter queue:", move)
    assert (status, pattern, move) == ("CREATE_COMPLETE", "ValidationError", "InvalidAction"), "changed"
finally:
    server.terminate()
    server.wait(20)
print("unchanged")
PROBE
venv/bin/python -W ignore probe.py
