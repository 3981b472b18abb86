"""Files that are half-written, hostile or wrong: one finding with its place, nothing raised, no service lost."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.intake.source import parse_documents
from controller.intake.targets import Request, Targets, find_targets
from controller.model.errors import InvalidInput
from tests.component.stage import Stage, load, service
from tests.unit.intake.test_source import FILES, REFUSED

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SAMPLES = {"manifest": ROOT / "manifests" / "rag.yaml", "Compose file": ROOT / "compose" / "rag.yaml"}
PARTS = 4

MEMORY = 20 << 20
"""Bytes that reading one hostile file may take beside what is there."""


def found(folder: Path, file: str = "compose.yaml") -> Targets:
    return find_targets(Request(folder, {"HOME": "/h"}, (file,)))


def check_findings(targets: Targets, what: object) -> None:
    """Each is one line that names its file; a place inside it wherever the file could be read as text."""
    for finding in targets.findings:
        assert finding.file, what
        assert "\n" not in str(finding), what
        assert finding.line is None or finding.line >= 1, what


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, bytes]:
    """A file of the sample at its place, and its whole content; the other one beside it."""
    for path in SAMPLES.values():
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir()
        place.write_bytes(path.read_bytes())
    chosen = SAMPLES[request.param].relative_to(ROOT)
    return tmp_path / chosen, SAMPLES[request.param].read_bytes()


def read_prefixes(path: Path, whole: bytes, ends: Iterable[int]) -> None:
    read = 0
    for end in ends:
        path.write_bytes(whole[:end])
        targets = found(path.parent, path.name)
        check_findings(targets, f"the first {end} bytes")
        assert len(targets.stacks) + len(targets.broken) == 1, end
        read += len(targets.stacks)
    assert read > 0


@pytest.mark.fault("F1")
def test_prefixes_of_the_sample_are_read_or_refused(sample: tuple[Path, bytes]) -> None:
    """Those that end with a line, which are the ones that may be valid, and some of the others."""
    path, whole = sample
    lines = [end for end in range(len(whole)) if whole[end - 1 : end] == b"\n"]
    read_prefixes(path, whole, sorted({*lines, *range(0, len(whole), 23)}))


@pytest.mark.slow
@pytest.mark.fault("F1")
@pytest.mark.parametrize("part", range(PARTS))
def test_every_prefix_of_the_sample_is_read_or_refused(part: int, sample: tuple[Path, bytes]) -> None:
    path, whole = sample
    read_prefixes(path, whole, range(part, len(whole), PARTS))


def prefixes_that_are_valid(text: str) -> Mapping[frozenset[str], int]:
    """The sets of services that prefixes of a Compose file hold, and how long the shortest prefix of each is."""
    sets: dict[frozenset[str], int] = {}
    for end in range(len(text)):
        try:
            documents = parse_documents(text[:end], "compose.yaml")
        except InvalidInput:
            continue
        model = documents[0].data() if documents else {}
        services = model.get("services") if isinstance(model, dict) else None
        sets.setdefault(frozenset(services if isinstance(services, dict) else ()), end)
    return sets


@pytest.mark.slow
@pytest.mark.fault("F1")
@pytest.mark.parametrize("prune", [False, True], ids=["as by default", "with prune"])
def test_no_prefix_that_is_valid_removes_services_unasked(prune: bool, tmp_path: Path) -> None:
    """By default what is gone from the file is kept and told; with `prune` a loss of much is held for `confirm`."""
    text = SAMPLES["Compose file"].read_text()
    sets = prefixes_that_are_valid(text)
    names = sorted(max(sets, key=len))
    assert len(names) > 5 and len(sets) > 5
    for index, (kept, end) in enumerate([*sets.items()][:-1:3]):
        spec: dict[str, Any] = {"reconcile": {"prune": prune}}
        stage = Stage(tmp_path / str(index), load({name: service() for name in names}, **spec))
        stage.settle(60, step=1.0, until=lambda stage=stage: stage.running() == len(names))  # type: ignore[misc]
        assert stage.running() == len(names)
        done = len(stage.actions())
        stage.change({name: service() for name in sorted(kept)}, **spec)
        stage.settle(20, step=1.0)
        lost = len(names) - stage.running()
        allowed = 0 if not prune or len(names) - len(kept) > 1 else 1
        assert lost <= allowed, f"the first {end} bytes: {stage.actions()[done:]}"


HOSTILE = {
    **{name: text.encode() for name, (text, _, _) in REFUSED.items()},
    **{name: raw for name, (raw, _, _) in FILES.items()},
    "100 MB of one line": b"a: " + b"x" * (100 << 20),
    "a million brackets": b"[" * (1 << 19),
    "only anchors": b"".join(b"- &a%d x\n" % number for number in range(60_000)),
    "carriage returns and tabs": b"a:\r\n\tb: 1\r\n",
}

ROLES = {
    "the Compose file": ("compose.yaml", {}),
    "its override": ("compose.override.yaml", {"compose.yaml": "services: {a: {image: x}}"}),
    "an included file": ("inner.yaml", {"compose.yaml": "include: [inner.yaml]\nservices: {a: {image: x}}"}),
    "an extended file": (
        "base.yaml",
        {"compose.yaml": "services: {a: {extends: {file: base.yaml, service: b}}}"},
    ),
    "an extended file of an included one": (
        "base.yaml",
        {
            "compose.yaml": "include: [{path: inner.yaml}]",
            "inner.yaml": "services: {a: {extends: {file: base.yaml, service: b}}}",
        },
    ),
}


@pytest.mark.fault("F4")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_with_little_memory(case: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(HOSTILE[case])
    tracemalloc.start()
    try:
        targets = found(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert targets.stacks == () and len(targets.findings) == 1
    check_findings(targets, case)
    assert peak < MEMORY


@pytest.mark.fault("F4")
@pytest.mark.parametrize("role", ROLES)
def test_every_file_that_compose_would_read_passes_the_guards_first(role: str, tmp_path: Path) -> None:
    file, others = ROLES[role]
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    for case in ("alias bomb", "merge bomb", "double key below", "NUL", "too large"):
        (tmp_path / file).write_bytes(HOSTILE[case])
        targets = find_targets(Request(tmp_path, {}))
        assert targets.stacks == (), case
        assert {finding.file for finding in targets.findings} == {str(tmp_path / file)}, case


@pytest.mark.fault("F4")
def test_a_hostile_manifest_is_refused_and_its_neighbour_used(tmp_path: Path) -> None:
    head = "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: NAME}\nspec: {compose: {files: [c.yaml]}}\n"
    (tmp_path / "c.yaml").write_text("services: {a: {image: x}}")
    (tmp_path / "good.yaml").write_text(head.replace("NAME", "good"))
    for case, (text, _, _) in REFUSED.items():
        (tmp_path / "bad.yaml").write_text(head.replace("NAME", "bad") + text)
        targets = found(tmp_path, ".")
        assert [target.name for target in targets.stacks] == ["good"], case
        assert [finding.file for finding in targets.findings] == ["./bad.yaml"], case


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["-1", "1e9", "${X", "$", "${A:-${B}}", "../x", "https://e.org/x", "10s", "0x", "*", "a.b", "[0]"]),
)
NODES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def paths_of(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of everything below a node."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(way for key, child in children for way in paths_of(child, (*path, key)))]


def changed(data: st.DataObject, tree: Any) -> Any:
    """The tree with one to three things in it replaced, renamed or taken away."""
    tree = copy.deepcopy(tree)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, key = data.draw(st.sampled_from([path for path in paths_of(tree) if path]))
        parent = tree
        for part in above:
            parent = parent[part]
        match data.draw(st.sampled_from(["replace", "remove", "rename"])):
            case "replace":
                parent[key] = data.draw(NODES)
            case "remove":
                del parent[key]
            case _ if isinstance(parent, dict):
                parent[data.draw(st.sampled_from([f"{key}x", str(key)[1:], "x-y", "services"]))] = parent.pop(key)
        if not isinstance(tree, dict) or len(paths_of(tree)) < 2:
            break
    return tree


MANY = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.fault("F5")
@MANY
@given(data=st.data())
def test_a_manifest_with_anything_wrong_is_refused_with_its_place(data: st.DataObject, tmp_path: Path) -> None:
    (tmp_path / "compose").mkdir(exist_ok=True)
    (tmp_path / "manifests").mkdir(exist_ok=True)
    (tmp_path / "compose" / "rag.yaml").write_bytes(SAMPLES["Compose file"].read_bytes())
    tree = changed(data, yaml.safe_load(SAMPLES["manifest"].read_text()))
    text = yaml.safe_dump(tree, allow_unicode=True)
    (tmp_path / "manifests" / "rag.yaml").write_text(text)
    targets = find_targets(Request(tmp_path, {}, ("manifests/rag.yaml",)))
    check_findings(targets, text)
    for finding in targets.findings:
        assert finding.line is not None and finding.column is not None, f"{finding}\n{text}"


@pytest.mark.fault("F5")
@MANY
@given(data=st.data())
def test_a_compose_file_with_anything_wrong_is_walked_without_a_fault_of_ours(
    data: st.DataObject, tmp_path: Path
) -> None:
    tree = changed(data, yaml.safe_load(SAMPLES["Compose file"].read_text()))
    text = yaml.safe_dump(tree, allow_unicode=True)
    (tmp_path / "compose.yaml").write_text(text)
    targets = found(tmp_path)
    check_findings(targets, text)
    for remark in (remark for target in targets.stacks for remark in target.inputs.remarks):
        assert remark.line is not None and remark.hint, text


@pytest.mark.fault("F5")
@MANY
@given(text=st.text(max_size=200) | st.text(alphabet="{}[]:,-&*<!|>\"' \n\tab#?%@", max_size=60))
def test_any_text_is_read_or_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(text, errors="surrogatepass")
    check_findings(found(tmp_path), text)
