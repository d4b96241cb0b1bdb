"""Tests that the files for a team's server agree with the language server."""

from __future__ import annotations

import json
import re
from pathlib import Path

from infill_ls.engine.remote.transport import SESSION_HEADER

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def test_balancers_go_by_the_header_that_is_sent() -> None:
    variable = "$http_" + SESSION_HEADER.lower().replace("-", "_")
    assert f"hash {variable} consistent;" in text_of("nginx.conf")
    assert f"lb_policy header {SESSION_HEADER}" in text_of("Caddyfile")
    kubernetes = (ROOT / "docs" / "team-kubernetes.md").read_text("utf-8")
    assert f"sessionKey: {SESSION_HEADER.lower()}" in kubernetes


def test_answers_are_not_held_back_on_the_way() -> None:
    assert "proxy_buffering off;" in text_of("nginx.conf")
    # What Caddy would do with it: see the file.
    assert not re.search(
        r"^\s*(flush_interval|lb_try_duration)", text_of("Caddyfile"), re.MULTILINE
    )


def test_balancers_let_through_only_whom_they_know() -> None:
    nginx, caddy = text_of("nginx.conf"), text_of("Caddyfile")
    people = r'^\s*"(Bearer KEY-OF-(?!THE)\w+)"'
    assert re.findall(people, nginx, re.MULTILINE) == re.findall(people, caddy, re.MULTILINE)
    for unknown in ("default 0;", "if ($known = 0) { return 401; }"):
        assert unknown in nginx
    for unknown in ("default no", '@stranger expression {known} != "yes"', "respond @stranger 401"):
        assert unknown in caddy
    assert 'Authorization "Bearer KEY-OF-THE-SERVERS"' in nginx
    assert 'Authorization "Bearer KEY-OF-THE-SERVERS"' in caddy


def test_compose_and_systemd_start_the_same_server() -> None:
    option = re.compile(r"--(max-model-len|served-model-name|api-server-count)[ =](\S+)")
    found = [dict(option.findall(text_of(name))) for name in ("compose.yaml", "vllm.service")]
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_the_dashboard_asks_for_metrics_of_vllm_alone() -> None:
    board = json.loads(text_of("grafana-dashboard.json"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(asked) >= len(board["panels"]) == 6
    for one in asked:
        assert re.search(r"\bvllm:[a-z0-9_]+", one)
        assert one.count("(") == one.count(")")
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_the_page_names_every_file() -> None:
    page = (ROOT / "docs" / "team-server.md").read_text("utf-8")
    for path in DEPLOY.iterdir():
        assert f"../deploy/{path.name}" in page, path.name
