"""The alert rules and the dashboard: promtool accepts them, and they fire on what the product writes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from scanready.report.estate.prometheus import ESTATE_METRICS
from scanready.report.formats.prometheus import METRICS
from tests.closed_ports import closed_port
from tests.recipes.programs import EXAMPLES, ROOT, run

RULES = EXAMPLES / "prometheus" / "scanready-alerts.yml"
DASHBOARD = EXAMPLES / "prometheus" / "scanready-dashboard.json"


def rules() -> list[dict[str, Any]]:
    (group,) = YAML(typ="safe").load(RULES.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def questions() -> list[str]:
    """Return the expressions of the dashboard, with a value for each variable."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"].replace("$agent", ".*") for panel in panels for target in panel["targets"]]


def written(folder: Path, *arguments: str) -> Path:
    """Return the product's own file for one target, whose port is closed."""
    file = folder / "scanready.prom"
    with closed_port() as port:
        command = ("check", f"ssh://127.0.0.1:{port}", "--format", "prometheus", "-o", str(file), *arguments)
        environment = {"PYTHONPATH": str(ROOT / "verifiers"), "SCANREADY_STORE": str(folder / "runs.db")}
        assert run(sys.executable, "-m", "scanready", *command, env=environment).returncode == 1
    return file


def dump(folder: Path, content: object) -> str:
    file = folder / "rules.yml"
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(content, out)
    return str(file)


def test_promtool_accepts_the_rules() -> None:
    done = run("promtool", "check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_every_question_of_the_dashboard(tmp_path: Path) -> None:
    records = [{"record": f"panel:number:{number}", "expr": expr} for number, expr in enumerate(questions())]
    done = run("promtool", "check", "rules", dump(tmp_path, {"groups": [{"name": "panels", "rules": records}]}))
    assert done.returncode == 0, done.stdout + done.stderr
    broken = [{"record": "panel:number:0", "expr": questions()[0] + ")"}]
    done = run("promtool", "check", "rules", dump(tmp_path, {"groups": [{"name": "panels", "rules": broken}]}))
    assert done.returncode != 0


@pytest.mark.parametrize("kind", ["rules", "dashboard"])
def test_every_metric_is_one_that_the_product_writes(kind: str) -> None:
    asked = questions() if kind == "dashboard" else [rule["expr"] for rule in rules()]
    names = set(re.findall(r"\bscanready_\w+", " ".join(asked)))
    assert len(names) >= 5
    assert names <= METRICS.keys() | ESTATE_METRICS.keys()
    assert all(re.search(r"\bscanready_\w+", expr) for expr in asked)


def test_promtool_finds_no_fault_in_what_the_product_writes(tmp_path: Path) -> None:
    done = run("sh", "-c", f"promtool check metrics < '{written(tmp_path)}'")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_on_what_the_product_writes(tmp_path: Path) -> None:
    """promtool plays the series of a run for two days: the target stays blocked, and the run gets too old."""
    families = list(text_string_to_metric_families(written(tmp_path).read_text(encoding="utf-8")))
    samples = [sample for family in families for sample in family.samples]
    (blocked,) = (sample for sample in samples if sample.name == "scanready_target_scannable")
    labels, agent = blocked.labels, blocked.labels["agent"]

    def series(name: str, of: dict[str, str], value: float) -> dict[str, str]:
        words = ",".join(f'{key}="{text}"' for key, text in of.items())
        # Prometheus begins at 0 here, and so does the run.
        value = 0 if name == "scanready_run_timestamp_seconds" else value
        return {"series": f"{name}{{{words}}}", "values": f"{value:g}x2880"}

    alert = {
        "exp_labels": {**labels, "severity": "warning"},
        "exp_annotations": {
            "summary": f"{labels['target']} cannot be scanned from {agent}",
            "description": rules()[0]["annotations"]["description"],
        },
    }
    late = {
        "exp_labels": {"agent": agent, "severity": "warning"},
        "exp_annotations": {"summary": f"The last run of {agent} is older than 36 hours"},
    }
    quiet = [rule["alert"] for rule in rules()[1:]]
    checks = [
        {"eval_time": "1h", "alertname": "ScanreadyTargetNotScannable", "exp_alerts": []},
        {"eval_time": "3h", "alertname": "ScanreadyTargetNotScannable", "exp_alerts": [alert]},
        *({"eval_time": "3h", "alertname": name, "exp_alerts": []} for name in quiet),
        {"eval_time": "37h", "alertname": "ScanreadyRunTooOld", "exp_alerts": [late]},
    ]
    played = [series(sample.name, sample.labels, sample.value) for sample in samples]
    waived = [*played, series("scanready_waived", labels, 1)]
    silent = [{"eval_time": "3h", "alertname": "ScanreadyTargetNotScannable", "exp_alerts": []}]
    tests = [
        {"interval": "1m", "input_series": played, "alert_rule_test": checks},
        {"interval": "1m", "input_series": waived, "alert_rule_test": silent},
    ]
    file = dump(tmp_path, {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests})
    done = run("promtool", "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_what_an_import_needs() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert {"title", "uid", "schemaVersion", "templating", "panels", "time"} <= dashboard.keys()
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) == variables
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
