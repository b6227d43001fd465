#!/usr/bin/python
"""Ansible module: check whether this host, as a Proxy Agent, can scan a target."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: scanready_check
short_description: Check whether this host, as a Proxy Agent, can scan a target
description:
  - Runs C(scanready check) on the managed host, which is the Proxy Agent. It changes nothing.
  - In check mode it contacts nothing, and returns what a check would contact.
options:
  target:
    description: One target, such as C(postgresql://db7.corp/hr) or C(smb://files.corp/finance).
    type: str
    required: true
  program:
    description: The program on the managed host.
    type: path
    default: /opt/scanready/bin/scanready
  inventory:
    description: An inventory on the managed host, for its credentials and certificate authorities.
    type: path
  credential:
    description: Log in with this credential of the inventory.
    type: str
  user:
    description: Log in with this account.
    type: str
  password_from:
    description:
      - The password as a reference, such as C(file:/etc/scanready/db.txt), C(env:DB_PW) or C(keyring:scanready/db).
      - A password itself is refused, and not repeated.
    type: str
  key_file:
    description: Log in with this private key (ssh).
    type: path
  login:
    description: C(false) uses no password and no key, and checks up to the login prompt.
    type: bool
    default: true
  depth:
    description: Check up to this step.
    type: str
    choices: [connect, handshake, auth, login, access]
  timeout:
    description: Time limit for the target, in seconds.
    type: float
  fail_on:
    description: The verdicts that fail the task.
    type: list
    elements: str
    choices: [blocked, undecided, limited, ready]
    default: [blocked, undecided]
author:
  - The scanready authors
"""

EXAMPLES = r"""
- name: Can this agent scan the database?
  scanready_check:
    target: postgresql://db7.corp/hr
    inventory: /etc/scanready/estate.yaml
    credential: hr-db

- name: Up to the login prompt, and collect the verdict
  scanready_check:
    target: smb://files.corp/finance
    login: false
    fail_on: []
  register: files
"""

RETURN = r"""
verdict:
  description: C(scannable), C(ready), C(limited), C(blocked) or C(undecided).
  returned: success or failure
  type: str
cause:
  description: The code of the cause; null if there is none.
  returned: success or failure
  type: str
step:
  description: The step that the cause is about.
  returned: success or failure
  type: str
detail:
  description: The evidence.
  returned: success or failure
  type: str
owner:
  description: The team that can fix it.
  returned: success or failure
  type: str
remedy:
  description: The change that this team makes.
  returned: success or failure
  type: str
fix:
  description: Text to paste; null if there is none.
  returned: success or failure
  type: str
result:
  description: The whole result, as C(scanready schema result) describes it.
  returned: success or failure
  type: dict
plan:
  description: The contacts of a check.
  returned: check mode
  type: dict
"""

VERDICTS = ("scannable", "ready", "limited", "undecided", "blocked")
REFERENCE = re.compile(r"(env|file|keyring|credstore|aws-sm|exec):.")
OPTIONS: dict[str, Any] = {
    "target": {"type": "str", "required": True},
    "program": {"type": "path", "default": "/opt/scanready/bin/scanready"},
    "inventory": {"type": "path"},
    "credential": {"type": "str"},
    "user": {"type": "str"},
    # Only a reference is accepted. It is hidden all the same, since a user may write a password here.
    "password_from": {"type": "str", "no_log": True},
    "key_file": {"type": "path", "no_log": False},
    "login": {"type": "bool", "default": True},
    "depth": {"type": "str", "choices": ["connect", "handshake", "auth", "login", "access"]},
    "timeout": {"type": "float"},
    "fail_on": {
        "type": "list",
        "elements": "str",
        "choices": ["blocked", "undecided", "limited", "ready"],
        "default": ["blocked", "undecided"],
    },
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        OPTIONS,
        supports_check_mode=True,
        required_by={"credential": ["inventory"], "password_from": ["user"], "key_file": ["user"]},
        mutually_exclusive=[("credential", "user")],
    )
    given = module.params
    if "@" in given["target"] and re.search(r"://[^/?#]*:[^/?#]*@", given["target"]):
        module.fail_json(msg="the target has a password: use `user` and `password_from`")
    if given["password_from"] and not REFERENCE.match(given["password_from"]):
        module.fail_json(
            msg="password_from is no reference (and is not repeated here): write env:NAME, file:PATH, "
            "keyring:SERVICE/USER, credstore:NAME, aws-sm:ID#FIELD or exec:COMMAND"
        )
    if not os.access(given["program"], os.X_OK):
        module.fail_json(msg=f"there is no program {given['program']} on this host; the role scanready installs it")
    if module.check_mode:
        plan = answer(module, [given["program"], "plan", *words_of(given, plan=True), "--json", "--", given["target"]])
        module.exit_json(skipped=True, msg="check mode: nothing was contacted", plan=plan)
    done = answer(module, [given["program"], "check", *words_of(given), "--json", "--", given["target"]])
    report(module, done["results"])


def words_of(given: dict[str, Any], *, plan: bool = False) -> list[str]:
    """Return the options of the command line; ``plan`` has fewer."""
    words = [] if given["login"] else ["--no-login"]
    names = (
        ("depth", "user")
        if plan
        else ("depth", "user", "timeout", "inventory", "credential", "password_from", "key_file")
    )
    for name in names:
        if given[name] is not None:
            words += ["--" + name.replace("_", "-"), str(given[name])]
    return words


def answer(module: AnsibleModule, command: list[str]) -> dict[str, Any]:
    """Run scanready and return its JSON; fail the task if it checked nothing."""
    code, out, err = module.run_command(command)
    if code not in (0, 1, 3):
        module.fail_json(msg=err.strip() or f"scanready ended with exit code {code}", exit_code=code)
    found: dict[str, Any] = json.loads(out)
    return found


def report(module: AnsibleModule, results: list[dict[str, Any]]) -> None:
    """End the task with the best result: a host without a type has one for each type that was tried."""
    best = min(results, key=lambda one: VERDICTS.index(one["verdict"]))
    cause = best["cause"] or {}
    found = {
        "verdict": best["verdict"],
        "cause": cause.get("code"),
        **{name: cause.get(name) for name in ("step", "detail", "owner", "remedy", "fix")},
        "result": best,
    }
    if best["verdict"] not in module.params["fail_on"]:
        module.exit_json(changed=False, **found)
    why = f": {cause['code']}, {cause['detail']}. {cause['owner']}: {cause['remedy']}" if cause else ""
    module.fail_json(msg=f"{best['target']['name']} is {best['verdict']}{why}", **found)


if __name__ == "__main__":
    main()
