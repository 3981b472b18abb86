"""Secrets from the command that sets them to the containers that get them, on the simulated engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from controller.engines.base import Scope
from controller.loop.delivery import sweep
from controller.loop.ground import Asked, Ground
from controller.loop.keyring import KEY
from controller.loop.loaded import Loaded
from controller.loop.secretdesk import SecretDesk
from controller.model.delivered import NO_DELIVERY
from controller.model.errors import ControllerError
from controller.security.vault import make_key
from tests.component.house import House, open_house
from tests.component.laying import Laying
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually

FILE = """
name: NAME
services:
  db: {image: busybox, labels: &quick {controller.simulated.start: '0.01'}, secrets: [password]}
  web: {image: busybox, labels: *quick, user: "1000:1000", secrets: [password, {source: token, target: key, uid: "7"}]}
  calm: {image: busybox, labels: *quick}
secrets: {password: {external: true}, token: {external: true}}
"""
MANAGED = ", security: {secrets: {managed: [password, token]RELOAD}}"
SECRET, OTHER = "correct-horse-battery", "staple-of-another-kind"


def spec(reload: str = "") -> str:
    return MANAGED.replace("RELOAD", f", reload: {{{reload}}}" if reload else "")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, Laying(tmp_path / "world")) as made:
        yield made


def desk(house: House, asked: Asked | None = None) -> SecretDesk:
    return SecretDesk(Ground(house.engine, asked or house.asked("shop")))


def stack_folder(house: House) -> Path:
    return house.folder.parent / "state" / house.engine.info().id / "shop"


def mounted(house: House, service: str) -> Mapping[str, bytes]:
    folder = stack_folder(house) / "mounts" / service / "secrets"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def converged(house: House) -> bool:
    return "Converged" in house.ear.conditions("shop")


def replicas(house: House) -> Mapping[str, str]:
    seen = house.engine.observe(Scope("shop")).services
    return {name: view.replicas[0].id for name, view in seen.items() if view.replicas}


def is_new(house: House, before: str, service: str) -> bool:
    return replicas(house).get(service) not in (None, before)


def test_a_secret_without_a_value_holds_what_waits_for_it_and_says_how_to_give_it(house: House) -> None:
    house.write("shop", FILE, spec())
    ground = Ground(house.engine, house.asked("shop"))
    _, broken = ground.load_all(ground.targets())
    told = [(finding.message, finding.hint) for item in broken for finding in item.findings]
    assert told == [
        ("secret 'password' has no value yet, which db, web waits for", "controller secrets set password"),
        ("secret 'token' has no value yet, which web waits for", "controller secrets set token"),
    ]
    assert not (house.folder.parent / "state" / KEY).exists()


def test_values_reach_their_services_as_files_that_only_they_can_read(house: House) -> None:
    house.write("shop", FILE, spec())
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
    house.run(lambda: eventually(lambda: converged(house)), house.asked("shop"))
    db, web = mounted(house, "db"), mounted(house, "web")
    assert list(db.values()) == [SECRET.encode()] and sorted(web.values()) == sorted([SECRET.encode(), OTHER.encode()])
    folder = stack_folder(house) / "mounts"
    modes = {
        path.name.split(".")[0]: (path.stat().st_mode & 0o777, path.stat().st_uid)
        for path in (folder / "web" / "secrets").iterdir()
    }
    if Path("/").stat().st_uid == folder.stat().st_uid:  # root gives files away
        assert modes == {"password": (0o400, 1000), "token": (0o400, 7)}
    for place in (folder, folder / "web", folder / "web" / "secrets", folder / "db" / "secrets"):
        assert place.stat().st_mode & 0o077 == 0, place
    assert mounted(house, "calm") == {}


def test_a_new_value_replaces_its_users_and_nobody_else(house: House) -> None:
    house.write("shop", FILE, spec())
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})

    def script() -> None:
        eventually(lambda: converged(house))
        before = replicas(house)
        (done,) = desk(house).put({"token": b"a new one"})
        assert done.kept and done.changed and done.users == ("web",)
        eventually(lambda: is_new(house, before["web"], "web"))
        eventually(lambda: converged(house))
        after = replicas(house)
        assert {name for name in before if before[name] != after[name]} == {"web"}
        assert not desk(house).put({"token": b"a new one"})[0].changed

    assert house.run(script, house.asked("shop")) == 0
    assert b"a new one" in mounted(house, "web").values()
    said = [event.message for event in Ground(house.engine, house.asked("shop")).store("shop").events.since(0)]
    assert any("secret 'token' has version 2" in message for message in said)


def test_what_was_missing_comes_in_as_soon_as_it_is_set(house: House) -> None:
    house.write("shop", FILE, spec())

    def script() -> None:
        eventually(lambda: house.ear.said("InvalidInput"))
        desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
        eventually(lambda: converged(house))

    assert house.run(script, house.asked("shop"), watch=True) == 0


@pytest.mark.parametrize("how", ["mode: signal, signal: SIGUSR1", "mode: exec, command: [reload, now]"])
def test_who_takes_new_values_up_while_it_runs_is_told_and_not_replaced(how: str, house: House) -> None:
    house.write("shop", FILE, spec(f"web: {{{how}}}"))
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
    engine = cast(Laying, house.engine)
    engine.fails = fails = 1 if "signal" in how else 0

    def script() -> None:
        eventually(lambda: converged(house))
        before = replicas(house)
        assert engine.ran == []
        desk(house).put({"token": b"a new one"})
        eventually(lambda: house.ear.said("SecretsTakenUp"), 20)
        assert replicas(house) == before
        assert len(engine.ran) == 1 + fails and len(house.ear.said("SecretsNotTakenUp")) == fails

    assert house.run(script, house.asked("shop")) == 0
    folder = stack_folder(house) / "mounts" / "web" / "run-secrets"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("..")} == {
        "password": SECRET.encode(),
        "key": b"a new one",
    }
    command = ("/bin/sh", "-c", 'kill -s "$0" 1', "USR1") if "signal" in how else ("reload", "now")
    assert set(engine.ran) == {command}
    assert "nobody is to read" not in " ".join(house.ear.said("SecretsNotTakenUp"))


def test_what_was_not_taken_up_before_a_controller_ended_is_by_the_next_one(house: House) -> None:
    house.write("shop", FILE, spec("web: {mode: signal}"))
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
    wait = lambda: eventually(lambda: converged(house))  # noqa: E731
    house.run(wait, house.asked("shop"))
    desk(house).put({"token": b"a new one"})
    house.run(lambda: eventually(lambda: house.ear.said("SecretsTakenUp")), house.asked("shop"))
    house.run(wait, house.asked("shop"))
    assert len(cast(Laying, house.engine).ran) == 1


# --- without the key


def other_key(house: House) -> Asked:
    path = house.folder.parent / "other.key"
    path.write_text(make_key())
    path.chmod(0o600)
    asked = house.asked("shop")
    return Asked(asked.cwd, {**asked.environment, "ENCRYPTION_KEY_FILE": str(path)}, asked.root, asked.files)


@pytest.mark.parametrize("gone", [True, False])
def test_without_the_right_key_all_goes_on_and_it_is_said_loudly(gone: bool, house: House) -> None:
    house.write("shop", FILE, spec())
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
    house.run(lambda: eventually(lambda: converged(house)), house.asked("shop"))
    before, key = replicas(house), house.folder.parent / "state" / KEY
    book = (stack_folder(house) / "secrets.json").read_bytes()
    kept, asked = key.read_text(), house.asked("shop") if gone else other_key(house)
    key.unlink()

    def script() -> None:
        eventually(lambda: "VaultLocked" in house.ear.conditions("shop"))
        eventually(lambda: any("VaultLocked" in message for message in house.ear.said("InputWarning")))
        assert replicas(house).keys() == before.keys()
        with pytest.raises(ControllerError):
            desk(house, asked).put({"token": b"a new one"})
        with pytest.raises(ControllerError):
            desk(house, asked).rotate("token")
        assert desk(house, asked).show()[0].locked

        assert replicas(house) == before and not key.exists()
        assert (stack_folder(house) / "secrets.json").read_bytes() == book
        if gone:
            key.write_text(kept)
            key.chmod(0o600)
            eventually(lambda: converged(house) and "VaultLocked" not in house.ear.conditions("shop"))

    assert house.run(script, asked) == 0
    assert replicas(house) == before


def test_a_file_that_is_lacking_cannot_be_had_without_the_key(house: House) -> None:
    house.write("shop", FILE, spec())
    desk(house).put({"password": SECRET.encode(), "token": OTHER.encode()})
    (house.folder.parent / "state" / KEY).unlink()
    ground = Ground(house.engine, house.asked("shop"))
    _, broken = ground.load_all(ground.targets())
    assert "secret 'password' cannot be opened" in broken[0].findings[0].message


# --- the command's side


def test_a_secret_with_a_file_is_given_from_that_until_it_has_a_value(house: House) -> None:
    text = FILE.replace("token: {external: true}", "token: {file: /etc/hostname}")
    house.write("shop", text, spec())
    desk(house).put({"password": SECRET.encode()})
    ground = Ground(house.engine, house.asked("shop"))
    ((_, loaded),), _ = ground.load_all(ground.targets())
    assert any(
        "'token' has no value yet, and is given to web from /etc/hostname" in str(one) for one in loaded.warnings
    )
    assert [name.split(".")[0] for name in loaded.delivery.files] == ["password", "password"]


def test_a_removed_secret_is_forgotten_and_one_that_is_used_is_not_removed(house: House) -> None:
    house.write("shop", FILE, spec())
    at = desk(house)
    at.put({"password": b"x", "token": b"y", "spare": b"z"})
    with pytest.raises(ControllerError, match="db, web would be left without secret 'password'"):
        at.remove("password")
    assert at.remove("spare").changed
    with pytest.raises(ControllerError, match="has no secret 'spare'"):
        at.remove("spare")
    assert [(one.name, one.version, one.users, one.managed) for one in at.show()[0].secrets] == [
        ("password", 1, ("db", "web"), True),
        ("token", 1, ("web",), True),
    ]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "a" * 101, "ä", "a b"])
def test_what_no_secret_is_called_is_refused(name: str, house: House) -> None:
    house.write("shop", FILE, spec())
    with pytest.raises(ControllerError, match="cannot be the name"):
        desk(house).put({name: b"x"})


def test_of_several_stacks_the_one_is_meant_whose_manifest_knows_the_secret(house: House) -> None:
    house.write("shop", FILE, spec())
    house.write("other")
    asked = house.asked("shop", "other")
    assert desk(house, asked).put({"token": b"x"})[0].stack == "shop"
    with pytest.raises(ControllerError, match="whose secret that is"):
        desk(house, asked).put({"nobodys": b"x"})


@pytest.mark.parametrize(
    ("reload", "why"),
    [
        ("web: {mode: exec}", "'web' is to run a command, and none is given"),
        ("db: {mode: signal}", None),
    ],
)
def test_what_cannot_be_taken_up_is_refused_at_its_place(reload: str, why: str | None, house: House) -> None:
    house.write("shop", FILE, spec(reload))
    desk(house).put({"password": b"x", "token": b"y"})
    ground = Ground(house.engine, house.asked("shop"))
    usable, broken = ground.load_all(ground.targets())
    assert [finding.message for item in broken for finding in item.findings] == ([why] if why else [])
    assert bool(usable) == (why is None)


# --- nothing leaks


ROUTES = (
    "",
    "/secrets",
    "/security",
    "/plan",
    "/events",
    "/revisions",
    "/revisions/1",
    "/revisions/2",
    "/graph",
    "/services/web",
    "/services/web/why",
    "/alerts",
    "/limits",
    "/cleanup",
)


def test_a_value_is_in_no_answer_no_output_and_no_file_outside_the_mounts(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.write("shop", FILE, spec("web: {mode: signal}"))
    values = [SECRET, OTHER, f"third-{OTHER}"]
    desk(house).put({"password": values[0].encode(), "token": values[1].encode()})
    told: list[str] = []

    def script(there: Visit) -> None:
        converge(there)
        before = replicas(house)
        desk(house).put({"password": values[2].encode()})
        eventually(lambda: is_new(house, before["db"], "db") and house.ear.said("SecretsTakenUp"))
        converge(there)
        answers = [there.http.get(f"/v1/stacks/shop{path}") for path in ROUTES]
        assert {answer.status_code for answer in answers} <= {200, 404}, [a.status_code for a in answers]
        told.extend(answer.text for answer in answers)
        found = there.get("/v1/stacks/shop/secrets")["secrets"]
        assert [(one["name"], one["version"], one["users"]) for one in found] == [
            ("password", 2, ["db", "web"]),
            ("token", 1, ["web"]),
        ]
        assert there.stranger.get("/v1/stacks/shop/secrets").status_code == 401

    visit(house, script)
    output = capfd.readouterr()
    told += [output.out, output.err, *map(str, house.ear.events), *map(repr, house.ear.statuses.values())]
    ground = Ground(house.engine, house.asked("shop"))
    ((_, loaded),), _ = ground.load_all(ground.targets())
    told += [repr(loaded), str(loaded.rendered.model), *(one.template.body for one in loaded.desired.services.values())]
    mounts, read = stack_folder(house) / "mounts", 0
    for path in house.folder.parent.rglob("*"):
        if path.is_file():
            read += 1
            content = path.read_bytes().decode("latin-1")
            assert path.is_relative_to(mounts) or not any(value in content for value in values), path
    assert read > 8 and len(told) > 20
    assert [text[:200] for text in told if any(value in text for value in values)] == []
    given = "".join(path.read_text() for path in mounts.rglob("*") if path.is_file())
    assert all(value in given for value in values)


def test_values_that_nobody_has_or_goes_back_to_are_wiped(house: House) -> None:
    house.write("shop", FILE, spec("web: {mode: signal}"))
    at, ground = desk(house), Ground(house.engine, house.asked("shop"))

    def load() -> Loaded:
        ((_, loaded),), _ = ground.load_all(ground.targets())
        return loaded

    kept = []
    for value in (b"first", b"second", b"third"):
        at.put({"password": value, "token": value})
        kept.append(load())
    folder, last = stack_folder(house), kept[-1].delivery
    sweep(folder, last, (kept[0].desired.services["db"].template.body,))
    assert sorted(mounted(house, "db").values()) == [b"first", b"third"]
    sweep(folder, last, ())
    assert list(mounted(house, "db").values()) == [b"third"]
    sweep(folder, replace(last, sets={}), (kept[0].desired.services["web"].template.body,))
    assert (folder / "mounts" / "web" / "run-secrets" / "key").read_bytes() == b"third"
    sweep(folder, NO_DELIVERY, ())
    assert mounted(house, "db") == {} and not list((folder / "mounts" / "web").glob("run*"))
