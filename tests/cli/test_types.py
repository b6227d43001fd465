"""The command ``types``: the catalogue as text and as JSON."""

from __future__ import annotations

import json
import re

from tests.cli.in_process import call


def test_types_lists_the_catalogue() -> None:
    listed = call("types").output
    assert "49152-65535" in listed
    assert re.search(r"^nfs +2049 .* access +- +18/18 +NFS-Ganesha", listed, re.MULTILINE)
    assert "not built" not in listed
    text = call("types", "sybase").output
    assert "SAP ASE usually listens on 5000" in text
    assert '"To scan Sybase/SAP ASE databases."' in " ".join(text.split())
    rows = json.loads(call("types", "--json").output)
    assert {row["type"]: row["built"] for row in rows}["postgresql"] is True


def test_types_says_which_ports_the_document_does_not_print() -> None:
    text = " ".join(call("types", "windows").output.split())
    assert '"Dynamic ports 9152 - 65535"; corrected: the document prints other ports' in text
    assert "The document prints 9152-65535." in text
    assert "inferred: the document prints no port" in " ".join(call("types", "smb").output.split())
    assert "inferred" not in call("types", "mysql").output
    assert "Ground Labs Enterprise Recon 2.0.28 (--profile er2-2.0.28)" in call("types").output


def test_types_names_the_programs_that_judged_a_type() -> None:
    text = " ".join(call("types", "postgresql").output.split())
    assert "reference servers PostgreSQL, PgBouncer, pgpool2, PGlite" in text
    assert "reference clients psql, psycopg" in text
    assert "no other reference" not in text
    assert "no other reference" in call("types", "teradata").output
    row = json.loads(call("types", "imaps", "--json").output)
    servers = [judge["name"] for judge in row["judges"] if judge["kind"] == "server"]
    assert servers == ["Dovecot", "Courier", "imap4d"]
    assert all(judge["test"].startswith("tests/") for judge in row["judges"])
    assert row["no_other_judge"] == ""
