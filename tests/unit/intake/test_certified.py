"""Who gets certificates, for which names, and what cannot be as it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.engines.simulated_requests import record_model
from controller.intake.certified import MOUNT, lay_mount, read_certified, read_owner
from controller.intake.resolve import Resolution, Sources, resolve
from controller.model.certified import Certified, TakeUp
from controller.model.manifest import Stack
from controller.model.project import RenderedProject

pytestmark = pytest.mark.unit

SERVICES: dict[str, Any] = {
    "db": {
        "image": "busybox",
        "user": "999:998",
        "networks": {"default": {"aliases": ["database"]}, "back": None},
        "container_name": "the-db",
    },
    "web": {"image": "busybox", "deploy": {"replicas": 3}, "links": ["db:store"], "user": "node"},
}


def resolved(
    tls: dict[str, Any] | None, services: dict[str, Any] | None = None, folder: str = "/state/tls"
) -> Resolution:
    services = services or SERVICES
    rendered = RenderedProject("shop", {"name": "shop", "services": services})
    return resolve(
        Sources(
            rendered=rendered,
            recording=record_model(rendered),
            manifest=manifest_of(tls),
            declared=frozenset(services),
            certificates=folder,
        )
    )


def manifest_of(tls: dict[str, Any] | None) -> Stack:
    spec: dict[str, Any] = {"compose": {"files": ["compose.yaml"]}}
    if tls is not None:
        spec["security"] = {"tls": tls}
    head = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}}
    return Stack.model_validate({**head, "spec": spec})


def certified(tls: dict[str, Any], services: dict[str, Any] | None = None) -> dict[str, Certified]:
    found = resolved(tls, services)
    assert found.stack is not None, found.errors
    return dict(read_certified(manifest_of(tls), {"services": services or SERVICES}, found.stack.services))


def test_all_get_one_or_those_that_are_named_and_nobody_where_it_is_off() -> None:
    assert set(certified({"mode": "internal"})) == {"db", "web"}
    assert set(certified({"mode": "internal", "services": ["web"]})) == {"web"}
    assert certified({"mode": "off"}) == certified({}) == {}


def test_a_service_is_called_by_its_aliases_its_links_and_its_own_name_of_a_container() -> None:
    found = certified({"mode": "internal", "lifetime": "1d"})
    assert found["db"] == Certified(86400.0, ("database", "the-db", "store"), 2, uid=999, gid=998)
    assert found["web"] == Certified(86400.0, (), 4), "a user by name says nothing, and there is a replica to come"
    many = {"web": {"image": "busybox", "deploy": {"replicas": 500}}}
    assert certified({"mode": "internal"}, many)["web"].replicas == 64


def test_how_it_takes_up_a_new_one_whose_the_key_is_and_where_it_serves_are_as_the_manifest_says() -> None:
    tls = {
        "mode": "internal",
        "reload": {"db": {"mode": "signal", "signal": "USR1"}, "web": {"mode": "exec", "command": ["a", "b"]}},
        "owners": {"web": ":70", "db": "70"},
        "ports": {"db": [5432]},
    }
    found = certified(tls)
    assert (found["db"].take_up, found["db"].signal, found["db"].ports) == (TakeUp.SIGNAL, "USR1", (5432,))
    assert (found["db"].uid, found["db"].gid) == (70, None)
    assert (found["web"].take_up, found["web"].command, found["web"].gid) == (TakeUp.EXEC, ("a", "b"), 70)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("999", (999, None)),
        ("1:2", (1, 2)),
        (":2", (None, 2)),
        ("node", (None, None)),
        ("", (None, None)),
        ("1:x", (None, None)),
    ],
)
def test_owners(text: str, owner: tuple[int | None, int | None]) -> None:
    assert read_owner(text) == owner


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"services": ["nix"]}, "there is no service 'nix'"),
        ({"reload": {"nix": {}}}, "there is no service 'nix'"),
        ({"ports": {"nix": [1]}}, "there is no service 'nix'"),
        ({"lifetime": "5m"}, "cannot last 300 s"),
        ({"lifetime": "100d"}, "cannot last"),
        ({"reload": {"db": {"mode": "exec"}}}, "none is given"),
        ({"owners": {"db": "postgres"}}, "no owner in numbers"),
        ({"certificate": "a.pem"}, "a certificate without its key"),
        ({"key": "a.pem"}, "a key without its certificate"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tls: dict[str, Any], said: str) -> None:
    found = resolved({"mode": "internal", **tls})
    assert found.stack is None and any(said in str(error) for error in found.errors), found.errors


def test_who_mounts_something_else_there_is_told_and_left_alone() -> None:
    services = {**SERVICES, "db": {"image": "busybox", "volumes": [{"type": "volume", "source": "v", "target": MOUNT}]}}
    found = resolved({"mode": "internal"}, services)
    assert found.stack is not None and any("'db' gets no certificate" in str(told) for told in found.warnings)
    assert set(certified({"mode": "internal"}, services)) == {"web"}


def test_the_mount_makes_another_revision_and_keeps_the_hash_of_compose() -> None:
    without, with_it = resolved(None).stack, resolved({"mode": "internal"}).stack
    assert without is not None and with_it is not None
    for name in SERVICES:
        before, after = without.services[name], with_it.services[name]
        assert before.revision != after.revision and before.template.config_hash == after.template.config_hash
        (mount,) = json.loads(after.template.body)["create"]["HostConfig"]["Mounts"]
        assert mount == {"Type": "bind", "Source": f"/state/tls/{name}", "Target": MOUNT, "ReadOnly": True}


def test_where_nothing_can_be_mounted_nobody_gets_any() -> None:
    found = resolved({"mode": "internal"}, folder="").stack
    assert found is not None
    assert read_certified(manifest_of({"mode": "internal"}), {"services": SERVICES}, found.services) == {}


def test_a_template_that_only_compose_knows_stays_as_it_is() -> None:
    template = record_model(RenderedProject("shop", {"name": "shop", "services": SERVICES})).templates["web"]
    bare = replace(template, body="")
    assert lay_mount(bare, "/x") is bare
