"""What no line of ours does: strings for a shell, code out of data, children outside of the places for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]

CHILDREN = {
    "controller/alerts/sinks.py",
    "controller/cli/checks/facts.py",
    "controller/engines/netprobe.py",
    "controller/engines/runner.py",
    "controller/engines/transport.py",
    "controller/loop/scanfacts.py",
}
"""Who starts child processes."""

SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"}
CODE = {"eval", "exec", "compile", "__import__"}
DATA = {"pickle", "marshal", "shelve", "dill", "jsonpickle"}
UNBOUNDED = {"yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.safe_load", "yaml.safe_load_all"}
STARTS = {"subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output"}


def faults(source: str, file: str) -> Iterator[str]:
    """One line for each thing that is not to be there."""
    for node in ast.walk(ast.parse(source)):
        place = f"{file}:{getattr(node, 'lineno', 0)}"
        match node:
            case ast.Import(names=names):
                yield from (f"{place}: imports {one.name}" for one in names if one.name.split(".")[0] in DATA)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in {*DATA, "subprocess", "pty"}:
                yield f"{place}: imports from {module}"
            case ast.Call():
                yield from (f"{place}: {fault}" for fault in _call(node, file))


def _call(node: ast.Call, file: str) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in SHELLS | CODE | UNBOUNDED or name.startswith(("os.exec", "os.spawn", "os.posix_spawn")):
        yield f"calls {name}"
    for word in node.keywords:
        if word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False):
            yield "asks for a shell"
    if name in STARTS:
        if file not in CHILDREN:
            yield "starts a child, which is not its business"
        if node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp):
            yield "starts a child by a string"


def test_no_line_of_ours_does_it() -> None:
    files = [path for path in (ROOT / "controller").rglob("*.py") if "node_modules" not in path.parts]
    assert len(files) > 300
    found = [fault for path in files for fault in faults(path.read_text(), str(path.relative_to(ROOT)))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(['ls'], shell=True)",
        "subprocess.run(['ls'], shell=asked)",
        "subprocess.run(f'docker rm {name}')",
        "subprocess.Popen('docker ' + name)",
        "os.system('ls')",
        "os.execv('/bin/ls', ['ls'])",
        "from subprocess import run",
        "import pickle",
        "yaml.safe_load(text)",
        "eval(text)",
    ],
)
def test_each_of_them_would_be_seen(line: str) -> None:
    (file, *_) = sorted(CHILDREN)
    assert list(faults(line, file))


def test_a_child_elsewhere_would_be_seen() -> None:
    assert list(faults("subprocess.run(['ls'])", "controller/decide/service.py"))


def test_the_list_of_those_who_start_children_is_true() -> None:
    for file in CHILDREN:
        names = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.Call)
        }
        assert names & STARTS, file
