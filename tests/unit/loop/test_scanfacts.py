"""What a scan knows of files: who may read them, where they lead, what git knows, and what a manifest allows."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from controller.loop.scanfacts import look_at_sources, read_standards
from controller.security.scan import scan_project
from controller.security.subject import NO_STANDARDS, Project, Report, SourceFile
from tests.unit.intake.builders import stack

pytestmark = pytest.mark.unit

MODEL = {
    "services": {"web": {"volumes": ["./data:/data", "named:/x", "/nonexistent:/y"]}},
    "secrets": {"key": {"file": "./key"}},
    "configs": {"app": {"file": "./app.conf"}},
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, unlike those of pytest."""
    with TemporaryDirectory() as name:
        made = Path(name)
        made.chmod(0o755)
        (made / "data").symlink_to("/etc")
        for file in ("key", "app.conf"):
            (made / file).write_text("x")
            (made / file).chmod(0o644)
        yield made


def told(folder: Path) -> list[str]:
    project = Project(
        "shop", {}, secrets=MODEL["secrets"], directory=str(folder), sources=look_at_sources(MODEL, folder)
    )
    return [hit.message for rule, _, hit in scan_project(project) if rule.id == "S08"]


def test_who_may_read_a_secret(folder: Path) -> None:
    found = look_at_sources(MODEL, folder)
    assert found[str(folder / "data")].path == "/etc"
    assert found[str(folder / "key")] == SourceFile(os.path.realpath(folder / "key"), 0o644)
    assert "/nonexistent" not in found
    assert told(folder) == ["./key can be read by everybody (0644)"]
    folder.chmod(0o700)  # nobody gets there
    assert told(folder) == []
    folder.chmod(0o755)
    (folder / "key").chmod(0o600)
    assert told(folder) == []


def test_what_git_knows(folder: Path) -> None:
    (folder / "key").chmod(0o600)
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run([*git, "init", "-q"], check=True)
    assert told(folder) == []
    subprocess.run([*git, "add", "app.conf"], check=True)
    assert told(folder) == []
    subprocess.run([*git, "add", "key"], check=True)
    assert told(folder) == ["./key is kept in git"]


def test_what_a_manifest_allows(tmp_path: Path) -> None:
    assert read_standards(None, tmp_path) == NO_STANDARDS
    allow = {"registries": ["ghcr.io"], "sharedVolumes": ["data"], "devices": ["gpus"]}
    spec = {
        "security": {"scan": {"allow": allow}, "networkPolicy": "dependencies"},
        "services": {"web": {"readiness": {"tcp": {"port": 80}}, "egress": False}},
    }
    found = read_standards(stack(spec), tmp_path)
    assert (found.registries, found.sharers, found.devices) == (("ghcr.io",), {"data"}, ("gpus",))
    assert (found.probed, found.shut, found.isolated, found.heals) == ({"web"}, {"web"}, True, True)
    assert (found.reports, found.signed, found.tls) == (None, None, None)


def test_reports_and_signatures(tmp_path: Path) -> None:
    """The newest one counts; what is no report is passed over."""
    (tmp_path / "proofs").mkdir()

    def report(name: str, severity: str, age: float) -> None:
        path = tmp_path / "proofs" / name
        results = [{"Vulnerabilities": [{"Severity": severity}]}]
        path.write_text(json.dumps({"ArtifactName": "web:1", "Results": results}))
        os.utime(path, (time.time() - age, time.time() - age))

    report("b.json", "CRITICAL", 3 * 86400)
    report("a.json", "LOW", 86400)
    (tmp_path / "proofs" / "c.json").write_text("{")
    (tmp_path / "proofs" / "d.txt").write_text(json.dumps({"ArtifactName": "db:1"}))
    (tmp_path / "proofs" / "e.json").mkdir()
    signed = [{"critical": {"image": {"docker-manifest-digest": "sha256:aa"}}}]
    (tmp_path / "proofs" / "f.json").write_text(json.dumps(signed))
    images = {"reports": "proofs", "signatures": "proofs", "maxAge": "2d", "failOn": "high"}
    found = read_standards(stack({"security": {"scan": {"images": images}}}), tmp_path)
    assert found.reports == {"web:1": Report()}
    assert found.signed == {"sha256:aa"}
    os.utime(tmp_path / "proofs" / "a.json", (0, 0))
    os.utime(tmp_path / "proofs" / "b.json", (0, 1))
    found = read_standards(stack({"security": {"scan": {"images": images}}}), tmp_path)
    assert found.reports is not None and found.reports["web:1"].stale
    gone = {"security": {"scan": {"images": {"reports": "nothing"}}}}
    assert read_standards(stack(gone), tmp_path).reports == {}
