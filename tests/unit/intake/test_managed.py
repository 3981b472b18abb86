"""Who gets which secrets, as what, and the override that gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from controller.intake.managed import (
    File,
    Given,
    Use,
    check_managed,
    check_name,
    file_name,
    find_uses,
    lacking,
    override_text,
    users_of,
    warn_managed,
)
from controller.model.errors import ControllerError
from controller.model.manifest import Stack

pytestmark = pytest.mark.unit

SET = "controller secrets set"


def manifest(*managed: str, **reload: Mapping[str, Any]) -> Stack:
    secrets = {"managed": list(managed), "reload": reload}
    spec = {"compose": {"files": ["compose.yaml"]}, "security": {"secrets": secrets}}
    return Stack.model_validate(
        {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}, "spec": spec}
    )


def entry(source: str, target: str = "", **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target or f"/run/secrets/{source}", **more}


def model(**services: Mapping[str, Any]) -> dict[str, Any]:
    return {"services": services, "secrets": {"a": {"external": True}, "b": {"file": "/x/b"}, "c": {"file": "/x/c"}}}


@pytest.mark.parametrize(
    ("service", "said", "uid", "gid", "mode", "path"),
    [
        ({}, {}, None, None, 0o444, "/run/secrets/a"),
        ({"user": "1000"}, {}, 1000, None, 0o400, "/run/secrets/a"),
        ({"user": "1000:50"}, {}, 1000, 50, 0o400, "/run/secrets/a"),
        ({"user": "postgres"}, {}, None, None, 0o444, "/run/secrets/a"),
        ({"user": "postgres:50"}, {}, None, 50, 0o444, "/run/secrets/a"),
        ({"user": "0"}, {}, 0, None, 0o400, "/run/secrets/a"),
        ({"user": "1000"}, {"uid": "7", "gid": "8"}, 7, 8, 0o400, "/run/secrets/a"),
        ({"user": "1000"}, {"mode": 288}, 1000, None, 0o440, "/run/secrets/a"),
        ({}, {"mode": "0440"}, None, None, 0o440, "/run/secrets/a"),
        ({}, {"target": "key"}, None, None, 0o444, "/run/secrets/key"),
        ({}, {"target": "/etc/key"}, None, None, 0o444, "/etc/key"),
    ],
)
def test_whose_a_secret_is_and_where(
    service: dict[str, Any], said: dict[str, Any], uid: int | None, gid: int | None, mode: int, path: str
) -> None:
    (use,) = find_uses(manifest("a"), model(web={**service, "secrets": [{**entry("a"), **said}]}))
    assert (use.uid, use.gid, use.mode, use.path) == (uid, gid, mode, path)


def test_only_managed_secrets_are_found_and_users_are_told() -> None:
    made = model(web={"secrets": [entry("a"), entry("b")]}, api={"secrets": [entry("a"), entry("c")]}, calm={})
    assert find_uses(None, made) == () == find_uses(manifest(), made)
    assert users_of(find_uses(manifest("a", "b"), made)) == {"a": ("api", "web"), "b": ("web",)}


def laid(text: str) -> Any:
    """What is written, with the service's lists that take the place of others."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!override", lambda loader, node: ("override", loader.construct_sequence(node, deep=True)))
    return yaml.load(text, Loader)


def test_an_override_gives_files_by_names_that_stand_for_values_and_keeps_the_others() -> None:
    made = model(web={"secrets": [entry("a"), entry("b"), entry("c", "/etc/c", mode=288)]})
    uses = find_uses(manifest("a", "b"), made)
    files = tuple(File(f"ours.{use.secret}", use, f"/state/$x/{use.secret}") for use in uses)
    assert laid(override_text({"web": Given(files)}, made).replace("$$", "$")) == {
        "services": {
            "web": {
                "secrets": (
                    "override",
                    [
                        {"source": "c", "target": "/etc/c", "mode": 288},
                        {"source": "ours.a", "target": "/run/secrets/a"},
                        {"source": "ours.b", "target": "/run/secrets/b"},
                    ],
                )
            }
        },
        "secrets": {"ours.a": {"file": "/state/$x/a"}, "ours.b": {"file": "/state/$x/b"}},
    }


def test_an_override_gives_a_folder_that_is_mounted_read_only() -> None:
    made = model(web={"secrets": [entry("a")], "volumes": []})
    told = laid(override_text({"web": Given(folder="/state/web")}, made))
    mount = {"type": "bind", "source": "/state/web", "target": "/run/secrets", "read_only": True}
    volumes = [{**mount, "bind": {"create_host_path": False}}]
    assert told == {"services": {"web": {"secrets": ("override", []), "volumes": volumes}}}
    assert laid(override_text({}, made)) == {"services": {}}


def test_another_value_or_owner_is_another_file() -> None:
    names = {
        file_name(Use("web", "a", "a", *whose), tag)
        for tag in ("0" * 16, "1" * 16)
        for whose in ((), (1000,), (1000, 5), (1000, 5, 0o440), (1001,), (None, None, 0o440))
    }
    assert len(names) == 12 and all(name.startswith("a.") and "/" not in name for name in names)


@pytest.mark.parametrize(
    ("stack", "web", "place", "said"),
    [
        (manifest("a", web={"mode": "exec"}), [entry("a")], "reload.web.command", "is to run a command"),
        (manifest("a", web={"mode": "signal"}), [entry("a"), entry("b")], "reload.web", "beside the managed ones (b)"),
        (manifest("a", web={"mode": "signal"}), [entry("a", "/etc/a")], "reload.web", "a secret at /etc/a"),
        (
            manifest("a", web={"mode": "signal"}),
            [entry("a", "..data")],
            "reload.web",
            "a secret at /run/secrets/..",
        ),
        (manifest("a", web={"mode": "signal"}), [entry("a", "x/a")], "reload.web", "a secret at /run/secrets/x/a"),
        (manifest("a", web={"mode": "signal"}), [entry("a")], "", ""),
        (manifest("a", web={"mode": "exec", "command": ["x"]}), [entry("a", "k")], "", ""),
        (manifest("a"), [entry("a", "/etc/a"), entry("b")], "", ""),
    ],
)
def test_what_cannot_be_taken_up_while_it_runs(stack: Stack, web: list[Any], place: str, said: str) -> None:
    found = [(finding.path or "", finding.message) for finding in check_managed(stack, model(web={"secrets": web}))]
    assert len(found) == bool(said)
    assert all(path == f"spec.security.secrets.{place}" and said in message for path, message in found)


def test_what_nobody_has_is_told() -> None:
    told = warn_managed(manifest("a", "zz", web={"mode": "signal"}), model(web={}, api={"secrets": [entry("a")]}))
    assert [(finding.path, finding.message) for finding in told] == [
        ("spec.security.secrets.managed[1]", "no service has a secret 'zz'"),
        ("spec.security.secrets.reload.web", "'web' has no managed secret to take up"),
    ]


def test_a_secret_without_a_value_is_waited_for_unless_a_file_gives_it() -> None:
    made = model(web={"secrets": [entry("a"), entry("b")]}, api={"secrets": [entry("a")]})
    found = list(lacking(find_uses(manifest("a", "b"), made), {}, made))
    assert [(finding.message, finding.hint, keeps) for finding, keeps in found] == [
        ("secret 'a' has no value yet, which api, web waits for", f"{SET} a", True),
        (
            "secret 'b' has no value yet, and is given to web from /x/b",
            "controller secrets set b --from-file /x/b",
            False,
        ),
    ]
    assert list(lacking(find_uses(manifest("a", "b"), made), {"a": 1, "b": 1}, made)) == []


@pytest.mark.parametrize("name", ["a", "_x", "db_password", "API-KEY.2", "7", "a" * 100])
def test_names_of_secrets(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a/b", "a\n", "a b", "é", "a" * 101])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ControllerError):
        check_name(name)
