"""Deploys template.yaml to MiniStack through CloudFormation. JSON in on stdin, JSON out on stdout.

In:  {endpoint, region, stack, template, packages: {name: path}, parameters: {name: value}, identity}
Out: the fields of stack.json that are known then
"""

import hashlib
import json
import re
import sys
import time

import boto3
from botocore.exceptions import ClientError

BUCKET = "packages"
# Stages as in queue names.
QUEUES = ["analyze", "notify", "crm-sync", "email-events"]
# Seconds; MiniStack needs about one.
DEPLOY_TIMEOUT = 60

job = json.load(sys.stdin)


def client(service):
    return boto3.client(
        service,
        endpoint_url=job["endpoint"],
        region_name=job["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def upload():
    """What `sam package` does: each CodeUri becomes the address of an uploaded archive."""
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    with open(job["template"], encoding="utf-8") as file:
        template = file.read()
    for name, path in job["packages"].items():
        with open(path, "rb") as file:
            archive = file.read()
        key = f"{name}-{hashlib.sha256(archive).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=archive)
        template, count = re.subn(rf"CodeUri: crates/{name}\b(?!-)", f"CodeUri: s3://{BUCKET}/{key}", template)
        if count != 1:
            sys.exit(f"template.yaml names crates/{name} {count} times as CodeUri")
    s3.put_object(Bucket=BUCKET, Key="template.yaml", Body=template.encode())
    return f"{job['endpoint']}/{BUCKET}/template.yaml"


def apply(template_url):
    """Creates the stack, or updates it where it stands already."""
    cloudformation = client("cloudformation")
    arguments = {
        "StackName": job["stack"],
        "TemplateURL": template_url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in job["parameters"].items()],
    }
    try:
        cloudformation.create_stack(**arguments)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as error:
            if "No updates" not in str(error):
                raise
    return finished(cloudformation)


def finished(cloudformation):
    deadline = time.monotonic() + DEPLOY_TIMEOUT
    while True:
        stack = cloudformation.describe_stacks(StackName=job["stack"])["Stacks"][0]
        if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if not stack["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
            events = cloudformation.describe_stack_events(StackName=job["stack"])["StackEvents"]
            for event in events:
                if "FAILED" in event["ResourceStatus"]:
                    print(event["LogicalResourceId"], event.get("ResourceStatusReason"), file=sys.stderr)
            sys.exit(f"the stack is {stack['StackStatus']}: {stack.get('StackStatusReason', '')}")
        time.sleep(0.05)


def repair_mappings():
    """MiniStack keeps a number that came from a parameter as text, and its SQS poller fails on that."""
    functions = client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=mapping["ScalingConfig"])


def verify_identity():
    try:
        client("sesv2").create_email_identity(EmailIdentity=job["identity"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise


def logical_id(name):
    """CrmSync for crm-sync, as in the template."""
    return "".join(word.capitalize() for word in name.split("-"))


def parts(outputs):
    key = client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)["value"]
    # https://{id}.execute-api.{region}.amazonaws.com/{stage}: MiniStack serves it under a path of its own.
    host, stage = outputs["ApiUrl"].removeprefix("https://").split("/", 1)
    return {
        "api_url": f"{job['endpoint']}/_aws/execute-api/{host.split('.')[0]}/{stage}",
        "api_key": key,
        "queues": {name: outputs[f"{logical_id(name)}QueueUrl"] for name in QUEUES},
        "dead_letter_queues": {name: outputs[f"{logical_id(name)}DeadLetterQueueUrl"] for name in QUEUES},
        "functions": {name: outputs[f"{logical_id(name)}FunctionName"] for name in job["packages"]},
        "email_events_topic": outputs["EmailEventsTopicArn"],
    }


outputs = apply(upload())
repair_mappings()
verify_identity()
json.dump(parts(outputs), sys.stdout)
