"""The list of docs/socket-proxy.md is what our client does, no less and no more. What Compose does beside is named."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.engines import writes
from tests.engine.socket_proxy import RECIPE

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
AREAS = "_ping|info|version|events|system|containers|exec|images|networks|volumes|build"

NO_PATHS = {"/containers/abc/abc", "/exec"}
"""One is completed by `stop` or `restart`, the other looked for in paths of others."""

BY_DOCKER = {"/images/create", "/build", "/session", "/grpc"}
"""What `docker pull` and `docker compose build` do."""

KINDS = {"act": "POST", "file": "PUT", "gone": "DELETE"}
RULES = re.findall(r"^  acl (\w+) +path -m reg (\S+)$", RECIPE.read_text().partition("frontend read")[0], re.MULTILINE)


def allowed(method: str, path: str) -> bool:
    return any(KINDS.get(kind) == method and re.search(form, path) for kind, form in RULES)


def shapes(form: str) -> Iterator[str]:
    """The paths that a rule stands for, `x` being any name."""
    form = form.removeprefix("^(/v1\\.[0-9]+)?").removesuffix("$")
    form = re.sub(r"\[[^]]+\]\+", "x", form)
    parts = [part.split("|") for part in re.split(r"[()]", form)]
    return ("".join(choice) for choice in itertools.product(*parts))


def test_all_that_we_change_may_be_changed() -> None:
    known = [(method, re.sub(r"\[\^/\]\+|\.\+", "abc", shape)) for method, shape, _ in writes._WRITES]
    assert [one for one in known if not allowed(*one)] == []


def test_all_that_we_ask_is_in_the_list() -> None:
    """Each path that is written down in the code, whatever is done with it."""
    files = [file for file in (ROOT / "controller" / "engines").glob("*.py") if file.name != "writes.py"]
    named = {path for file in files for path in paths(file.read_text())} - NO_PATHS
    assert {"/info", "/events", "/images/abc/json", "/exec/abc/json", "/containers/abc/stats"} <= named
    assert [path for path in sorted(named) if not any(re.search(form, path) for _, form in RULES)] == []


def paths(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=values):
                text = "".join(str(one.value) if isinstance(one, ast.Constant) else "abc" for one in values)
            case ast.Constant(value=str(text)):
                pass
            case _:
                continue
        if re.fullmatch(rf"/({AREAS})(/[^\s/\\[]+)*", text):
            yield text


def test_nothing_else_may_be_changed() -> None:
    named = [(KINDS[kind], path) for kind, form in RULES if kind in KINDS for path in shapes(form)]
    assert len(named) > len(BY_DOCKER)
    assert {path for method, path in named if writes.name_write(method, path) is None} == BY_DOCKER


@pytest.mark.parametrize(
    "path",
    [
        "/images/local/busybox:1.35/json",
        "/images/registry.example:5000/team/web@sha256:0123/json",
        "/v1.47/containers/shop-web-1/json",
        "/networks/shop_default",
        "/volumes/shop_data.1-x",
    ],
)
def test_names_as_they_are(path: str) -> None:
    assert any(kind == "look" and re.search(form, path) for kind, form in RULES)


def test_the_socket_that_only_looks_shows_what_the_other_shows() -> None:
    looks = re.findall(
        r"^  acl (\w+) +path -m reg (\S+)$", RECIPE.read_text().partition("frontend read")[2], re.MULTILINE
    )
    assert looks and set(looks) == {rule for rule in RULES if rule[0] == "look"}


def test_what_is_denied_to_who_looks_is_denied_to_who_acts_too() -> None:
    """The rules on paths and forms stand twice: HAProxy has no other way."""
    acting, _, reading = RECIPE.read_text().partition("frontend read")
    denied = [re.findall(r"^  (?:acl|http-request deny if) bad.*$", text, re.MULTILINE) for text in (acting, reading)]
    assert len(denied[0]) == 4 and denied[0] == denied[1]
    assert acting.index("deny if bad") < acting.index("http-request allow")


@pytest.mark.parametrize(
    ("acl", "query", "fits"),
    [
        ("named", "fromImage=local%2Fx&tag=1", True),
        ("named", "fromImage=x&tag=sha256%3Ab&platform=linux%2Famd64", True),
        ("named", "fromImage=x&from%53rc=y", False),
        ("named", "fromSrc=y", False),
        ("named", "fromImage=x;fromSrc=y", False),
        ("named", "", False),
        ("kept", "v=0&force=0", True),
        ("kept", "v=0&force=1", True),
        ("kept", "v=1&force=1", False),
        ("kept", "%76=1", False),
    ],
)
def test_keys_of_a_query_are_those_that_are_sent(acl: str, query: str, fits: bool) -> None:
    form = re.search(rf"^  acl {acl} +query -m reg (\S+)$", RECIPE.read_text(), re.MULTILINE)
    assert form is not None and bool(re.search(form[1].replace("\\#", "#"), query)) is fits


def test_no_removal_of_ours_takes_volumes_along() -> None:
    """Nor is any refused for its keys: each is written `{"v": "0", "force": …}`."""
    source = "\n".join(file.read_text() for file in (ROOT / "controller" / "engines").glob("*.py"))
    asked = re.findall(r'"DELETE", f"/containers/[^"]+", (\{.*?\})', source)
    assert len(asked) >= 3 and all(re.fullmatch(r'\{"v": "0", "force": "[01]"\}', one) for one in asked)
