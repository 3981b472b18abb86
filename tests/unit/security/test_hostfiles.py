"""What of the host comes into a container by links, and by volumes that are mounts in disguise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.loop.scanfacts import look_again, look_at_sources
from controller.security.scan import scan_project
from controller.security.subject import Project, SourceFile

pytestmark = pytest.mark.unit


def found(project: Project) -> set[str]:
    """Ids of rules about the host."""
    return {rule.id for rule, _, _ in scan_project(project) if rule.id in ("H01", "H04", "H05", "H06", "H07", "F07")}


def mounting(source: str, **more: Any) -> Project:
    return Project("shop", {"web": {"volumes": [f"{source}:/x"]}}, directory="/srv/shop", **more)


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"type": "none", "o": "bind", "device": "/"}, {"H01", "H04"}),
        ({"type": "none", "o": "rbind,ro", "device": "/run/docker.sock"}, {"H01"}),
        ({"type": "proc", "device": "proc"}, {"H04"}),
        ({"type": "overlay", "device": "overlay", "o": "lowerdir=/etc,upperdir=/srv/u,workdir=/srv/w"}, {"H05"}),
        ({"type": "nfs", "device": ":/etc", "o": "addr=192.0.2.1"}, set()),
        ({"type": "tmpfs", "device": "tmpfs"}, set()),
    ],
)
@pytest.mark.parametrize("external", [True, False])
def test_volume_that_is_there(options: Mapping[str, str], rules: set[str], external: bool) -> None:
    """What the engine has counts, whatever the definition says of it."""
    spec = {"external": True, "name": "theirs"} if external else {"name": "theirs"}
    assert found(mounting("data", volumes={"data": spec}, made={"theirs": options})) == rules
    assert found(mounting("data", volumes={"data": spec}, made={"other": options})) == set()


def test_volume_that_is_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc/cron.d")
    volumes = {"data": {"driver_opts": {"type": "none", "o": "bind", "device": str(link)}}}
    project = mounting("data", volumes=volumes, sources=look_at_sources({"volumes": volumes}, tmp_path))
    assert found(project) == {"H04"}


def test_device_that_is_a_link() -> None:
    project = Project("shop", {"web": {"devices": ["/srv/x:/x"]}}, sources={"/srv/x": SourceFile("/dev/sda")})
    assert [(rule.id, hit.message) for rule, _, hit in scan_project(project) if rule.id in ("H07", "H09")] == [
        ("H07", "it has /srv/x")
    ]


def test_project_behind_a_link() -> None:
    """What is its own stays so where its folder is a link into somebody's home."""
    sources = {"/srv/shop": SourceFile("/root/shop"), "/srv/shop/data": SourceFile("/root/shop/data")}
    assert found(mounting("./data", sources=sources)) == set()


def test_link_of_the_hosts_own() -> None:
    """Certificates lie elsewhere on some machines."""
    sources = {"/etc/ssl/certs": SourceFile("/etc/pki/tls/certs")}
    project = Project("shop", {"web": {"volumes": ["/etc/ssl/certs:/x:ro"]}}, directory="/srv/shop", sources=sources)
    assert found(project) == set()


def test_link_that_is_turned(tmp_path: Path) -> None:
    """Also to what is not there yet."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    model = {"volumes": [f"{link}:/x"]}
    services = {"web": model}
    project = Project(
        "shop", services, directory=str(tmp_path), sources=look_at_sources({"services": services}, tmp_path)
    )
    assert found(project) == set()
    link.unlink()
    link.symlink_to("/etc/not-there")
    assert found(project) == set()
    assert found(look_again(project, model)) == {"H04", "F07"}


def test_words_for_a_link() -> None:
    sources = {"/srv/shop/sock": SourceFile("/run/docker.sock")}
    told = [hit.message for rule, _, hit in scan_project(mounting("./sock", sources=sources)) if rule.id == "H01"]
    assert told == ["/srv/shop/sock -> /run/docker.sock is an engine's socket"]
