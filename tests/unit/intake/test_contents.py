"""The contents of what services mount: whose they count for, and which are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.intake.contents import contents_digests, contents_files
from controller.model.project import ComposeProject, RenderedProject

pytestmark = pytest.mark.unit


def rendered(root: Path) -> RenderedProject:
    bind = {"type": "bind", "read_only": True}
    services = {
        "config": {"configs": [{"source": "c", "target": "/c"}]},
        "inline": {"configs": [{"source": "inline"}]},
        "secret": {"secrets": [{"source": "s", "target": "/s"}]},
        "variable": {"secrets": [{"source": "v"}]},
        "mount": {"volumes": [{**bind, "source": str(root / "m.conf"), "target": "/m"}]},
        "none": {
            "volumes": [
                {**bind, "source": str(root), "target": "/folder"},
                {**bind, "source": "/etc/hostname", "target": "/outside"},
                {**bind, "source": str(root / "m.conf"), "target": "/writable", "read_only": False},
                {**bind, "source": str(root / "big"), "target": "/big"},
                {"type": "volume", "source": "v", "target": "/v", "read_only": True},
            ]
        },
    }
    return RenderedProject(
        "demo",
        {
            "services": services,
            "configs": {"c": {"file": str(root / "c.conf")}, "inline": {"content": "text"}},
            "secrets": {"s": {"file": str(root / "s.txt")}, "v": {"environment": "V"}},
        },
    )


@pytest.fixture
def mounted(tmp_path: Path) -> ComposeProject:
    for name in ("c.conf", "s.txt", "m.conf"):
        (tmp_path / name).write_text("1")
    (tmp_path / "big").write_bytes(b"x" * ((1 << 20) + 1))
    return ComposeProject(None, (tmp_path / "compose.yaml",), tmp_path, environment={"V": "1"})


@pytest.mark.parametrize(("file", "service"), [("c.conf", "config"), ("s.txt", "secret"), ("m.conf", "mount")])
def test_contents_count_for_who_mounts_them(file: str, service: str, mounted: ComposeProject) -> None:
    before = contents_digests(rendered(mounted.directory), mounted)
    (mounted.directory / file).write_text("2")
    after = contents_digests(rendered(mounted.directory), mounted)
    assert {name for name in before if before[name] != after[name]} == {service}


def test_contents_of_variables_count(mounted: ComposeProject) -> None:
    other = ComposeProject(None, mounted.files, mounted.directory, environment={"V": "2"})
    before = contents_digests(rendered(mounted.directory), mounted)
    after = contents_digests(rendered(mounted.directory), other)
    assert {name for name in before if before[name] != after[name]} == {"variable"}
    assert before["inline"]
    assert before["none"] == ""


def test_missing_contents_are_unknown(mounted: ComposeProject) -> None:
    for name in ("c.conf", "m.conf"):
        (mounted.directory / name).unlink()
    found = contents_digests(rendered(mounted.directory), mounted)
    assert (found["config"], found["mount"]) == (None, None)


def test_files_to_watch(mounted: ComposeProject) -> None:
    names = [path.name for path in contents_files(rendered(mounted.directory), mounted)]
    assert names == ["c.conf", "s.txt", "m.conf"]
