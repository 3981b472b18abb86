"""No write to the engine or to the disk is without its points: found in the source, not in a list."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import failpoints
from controller.engines import simulated
from controller.engines.writes import _WRITES, name_write
from controller.loop.database import name_change
from controller.loop.schema import MIGRATIONS
from controller.loop.usagetables import TABLES

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

ROOT = Path(failpoints.__file__).parent
VERBS = ("stop", "restart")
"""What a path that takes its last word from its caller may end with."""

CHANGES = {
    "mkdir",
    "write_text",
    "write_bytes",
    "unlink",
    "rename",
    "rmdir",
    "touch",
    "symlink_to",
    "hardlink_to",
    "chmod",
    "bind",
    "ftruncate",
    "pwrite",
    "fchmod",
    "mkdtemp",
    "TemporaryDirectory",
    "NamedTemporaryFile",
    "copyfile",
    "rmtree",
}
UNHARMED = {
    "engines/vantage.py": "asks whether an address is ours; nothing stays of it",
    "engines/scratch.py": "inside _serve, which the points enclose; what a killed process left goes the next time",
    "engines/simulated_state.py": "stands for the engine's own disk",
    "loop/database.py:chmod": "repeated at each opening",
    "engines/simulated_calls.py:rename": "of a simulated container",
    "web/binding.py:bind": "a port, which the kernel takes back",
    "failpoints.py": "the record of the points themselves",
    "cli/hardening.py:TemporaryDirectory": "for Compose's own look at it; the system clears what a killed process left",
    "cli/hardening.py:write_text": "inside that folder",
    "cli/init.py:mkdir": "an empty folder changes nothing",
    "cli/init.py:write_text": "inside _write_whole, which the points enclose",
    "cli/init.py:replace": "inside _write_whole, which the points enclose",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def requests() -> Iterator[tuple[str, str, str]]:
    """Place, method and path of every request in the source that may change something."""
    for place, tree in sources():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                known = {
                    node.targets[0].id: node.value
                    for node in ast.walk(function)
                    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
                }
                for node in ast.walk(function):
                    yield from ((f"{place}:{node.lineno}", *request) for request in _requests_of(node, known))


def _requests_of(node: ast.AST, known: dict[str, ast.expr]) -> Iterator[tuple[str, str]]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) > 1):
        return
    method, path = node.args[:2]
    if node.func.attr not in ("call", "stream", "forward") or not isinstance(method, ast.Constant):
        return
    if method.value not in ("GET", "HEAD"):
        yield from ((str(method.value), text) for text in _texts(path, known))


def _texts(path: ast.expr, known: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(path, ast.Name):
        path = known[path.id]
    parts = path.values if isinstance(path, ast.JoinedStr) else [path]
    text = "".join(str(p.value) if isinstance(p, ast.Constant) else f"<{ast.unparse(p)}>" for p in parts)
    for verb in VERBS if "verb" in text else ("",):
        yield re.sub(r"<[^>]*>", "x", text.replace("<{verb}>", verb).replace("<f'{verb}'>", verb))


def test_every_request_that_changes_the_engine_has_points_and_no_point_is_of_none() -> None:
    found = {place: name_write(method, path) for place, method, path in requests()}
    assert len(found) >= 14
    assert None not in found.values(), found
    named = {name_write(method, path) for _, method, path in requests()}
    assert named == {name for _, _, name in _WRITES}
    assert all(failpoints.NAMES.fullmatch(f"{name}.{failpoints.SENT}") for name in named)


def test_every_step_of_the_simulated_engine_has_the_points_of_a_real_one() -> None:
    real = {name for _, _, name in _WRITES} | {f"compose.{word}" for word in failpoints.COMPOSE}
    assert set(simulated._WRITES.values()) <= real


def test_every_change_of_the_store_has_points_and_every_table_is_changed_by_one() -> None:
    changed = {
        name_change(node.value)
        for place, tree in sources()
        if place.startswith("loop/") and place != "loop/seal.py"  # its triggers act inside these changes
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", node.value)
    }
    assert None not in changed
    assert all(failpoints.NAMES.fullmatch(f"{name}.{failpoints.BEFORE}") for name in changed), changed
    tables = set(re.findall(r"CREATE TABLE (\w+)", str((MIGRATIONS, TABLES))))
    assert {str(name).split(".")[1] for name in changed} == tables


def test_every_write_to_a_file_stands_between_points() -> None:
    bare = [place for place in _bare_writes() if not _is_unharmed(place)]
    assert not bare, bare


def test_what_is_listed_as_harmless_is_still_there() -> None:
    bare = set(_bare_writes())
    assert [key for key in UNHARMED if not any(_matches(place, key) for place in bare)] == []


def _bare_writes() -> Iterator[str]:
    """File and call of each write to the disk that no point encloses."""
    for place, tree in sources():
        enclosed = {
            id(inner)
            for block in ast.walk(tree)
            if isinstance(block, ast.With) and any("failpoints.around" in ast.unparse(item) for item in block.items)
            for inner in ast.walk(block)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and id(node) not in enclosed and (call := _writes(node)):
                yield f"{place}:{call}"


def _writes(node: ast.Call) -> str | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    text = ast.unparse(node)
    if name in CHANGES or text.startswith("os.replace"):
        return name
    if name == "replace" and len(node.args) == 1 and not node.keywords and "Path" not in text:
        return None if isinstance(node.args[0], ast.Starred) else name  # of a path; of a text it has two
    if name == "open" and ("O_CREAT" in text or re.search(r"""['"][wax]b?\+?['"]""", text)):
        return name
    return None


def _matches(place: str, key: str) -> bool:
    return place == key or place.startswith(f"{key}:")


def _is_unharmed(place: str) -> bool:
    return any(_matches(place, key) for key in UNHARMED)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", f"from controller import failpoints as f\n{code}"]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_an_armed_point_kills_the_process_when_it_is_passed_so_many_times() -> None:
    code = "for i in range(4):\n with f.around('disk.lock'):\n  print(i, flush=True)"
    assert (done := run(code)).returncode == 0 and done.stdout.split() == ["0", "1", "2", "3"]
    done = run(code, CONTROLLER_CRASH_AT="disk.lock.after:3")
    assert (done.returncode, done.stdout.split()) == (-9, ["0", "1", "2"])
    done = run(code, CONTROLLER_CRASH_AT="disk.lock.before")
    assert (done.returncode, done.stdout.split()) == (-9, [])


def test_points_that_are_passed_are_recorded_and_a_write_that_fails_passes_the_first_only(tmp_path: Path) -> None:
    code = "with f.around('disk.lock'): pass\nwith f.around('disk.holder'): raise OSError"
    run(code, CONTROLLER_CRASH_RECORD=str(tmp_path / "passed"))
    assert (tmp_path / "passed").read_text().split() == ["disk.lock.before", "disk.lock.after", "disk.holder.before"]


def test_a_point_that_there_is_not_cannot_be_armed() -> None:
    done = run("print('alive')", CONTROLLER_CRASH_AT="disk.lok.after")
    assert done.returncode == 1 and "disk.lok.after" in done.stderr
