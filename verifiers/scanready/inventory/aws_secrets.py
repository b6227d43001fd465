"""Read a secret from AWS Secrets Manager: ``aws-sm:ID#FIELD``, with the account that boto3 finds on this host.

boto3 is foreign code: it may hang, and the text of its error is not shown.
"""

from __future__ import annotations

import json
import re
import shlex
import sys

from scanready.catalogue.wrong import Wrong, shown

from .key_ring import ask_patiently

_WHO = "AWS Secrets Manager"
#: Seconds to connect and to read; boto3 tries twice.
_CONNECT, _READ = 5, 10
#: Remedies of the errors that boto3 raises before it asks.
_REMEDIES = {
    "NoRegionError": "set AWS_REGION, or write the secret's ARN",
    "NoCredentialsError": "give this host a role, or set AWS_PROFILE",
    "EndpointConnectionError": "this host cannot reach it",
    "ConnectTimeoutError": "this host cannot reach it",
}


def look_up(rest: str) -> str:
    """Return the secret of ``ID#FIELD``, or all of the secret's text without a field.

    Raises:
        Wrong: boto3 is missing, the answer is an error, or the secret has no such field of text.
    """
    identifier, hash_, field = rest.partition("#")
    answer = ask_patiently(_WHO, lambda: _answer(identifier))
    if isinstance(answer, (bytes, bytearray)):
        try:
            answer = bytes(answer).decode()
        except UnicodeDecodeError:
            raise Wrong(f"{_WHO}: the secret {shown(identifier)} is not UTF-8 text") from None
    if not isinstance(answer, str):
        raise Wrong(f"{_WHO} returned something that is not text")
    return _field(identifier, field, answer) if hash_ else answer


def _field(identifier: str, field: str, answer: str) -> str:
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Wrong(f"{_WHO}: the secret {shown(identifier)} is no JSON object: write the reference without #FIELD")
    value = fields.get(field)
    if not isinstance(value, str):
        raise Wrong(f"{_WHO}: the secret {shown(identifier)} has no text in the field {shown(field)}")
    return value


def _answer(identifier: str) -> object:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        pip = f"{shlex.quote(sys.executable)} -m pip install 'scanready[aws]'"
        raise Wrong(f"`aws-sm:` needs boto3: {pip}") from None
    # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    region = identifier.split(":")[3] if re.match(r"arn:[^:]+:secretsmanager:[^:]+:", identifier) else None
    asked = Config(connect_timeout=_CONNECT, read_timeout=_READ, retries={"total_max_attempts": 2})
    try:
        client = boto3.session.Session().client("secretsmanager", region_name=region, config=asked)
        found = client.get_secret_value(SecretId=identifier)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        told = code if re.fullmatch(r"[A-Za-z]{1,60}", code) else type(error).__name__
        raise Wrong(f"{_WHO} refused the secret {shown(identifier)}: {told}") from None
    except BotoCoreError as error:
        kind = type(error).__name__
        remedy = f": {_REMEDIES[kind]}" if kind in _REMEDIES else ""
        raise Wrong(f"{_WHO} was not asked for {shown(identifier)}: {kind}{remedy}") from None
    return found["SecretString"] if "SecretString" in found else found.get("SecretBinary")
