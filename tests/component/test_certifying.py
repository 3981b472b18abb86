"""Certificates beside a running controller: real threads, files and keys, simulated containers, and what others see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated_world import Simulation
from controller.loop import daemon as daemons
from controller.loop.certbook import CertBook
from controller.loop.certificate_worker import Certifying, Pace, book_of
from controller.loop.ground import Ground
from controller.loop.session import Session
from controller.model.certified import CertificateAct
from controller.model.errors import ControllerError
from controller.security.leaves import BUNDLE, CHAIN, read_bundle, read_facts
from tests.component.house import House, Reading, open_house
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

FILE = """
name: NAME
services:
  db: {image: busybox, labels: {controller.simulated.start: '0.01'}}
  web: {image: busybox, labels: {controller.simulated.start: '0.01'}, networks: {default: {aliases: [front]}}}
"""
TLS = ", security: {tls: {mode: internal, reload: {db: {mode: exec, command: ['true']}}}}"
BY_EXEC = TLS.replace("{db:", "{web: {mode: exec, command: ['true']}, db:")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Its controllers look every tenth of a second."""
    pace = Pace(0.05, 0.1)
    make = lambda controller, ground: Certifying(controller, ground, pace)  # noqa: E731
    monkeypatch.setattr(daemons, "Certifying", make)
    with open_house(tmp_path, Reading(tmp_path / "world")) as made:
        yield made


def book(house: House, stack: str = "shop") -> CertBook:
    return book_of(Ground(house.engine, house.asked(stack)), stack)


def serial(house: House, service: str) -> str:
    found = read_facts(book(house).files_of(service).get(CHAIN, b""))
    return "" if found is None else found.serial


def command(house: House, verb: str, *services: str) -> list[CertificateAct]:
    """As `controller certs` does it, in another process."""
    session = Session(house.engine, house.asked("shop"), lambda _: None, Simulation)
    return list(session.act_on_certificates(verb, services))


def revisions(house: House) -> dict[str, Any]:
    ground = Ground(house.engine, house.asked("shop"))
    (target,) = ground.targets().stacks
    return {name: one.revision for name, one in ground.load(target).desired.services.items()}


def mounts(house: House, service: str) -> list[dict[str, Any]]:
    ground = Ground(house.engine, house.asked("shop"))
    (target,) = ground.targets().stacks
    body = ground.load(target).desired.services[service].template.body
    return [m for m in json.loads(body)["create"]["HostConfig"].get("Mounts") or [] if "tls" in m["Target"]]


def certificates(there: Visit) -> dict[str, Any]:
    found: dict[str, Any] = there.get("/v1/stacks/shop/certificates")
    return found


def metrics(there: Visit) -> set[str]:
    """Each line with its labels in order."""
    lines = there.http.get("/metrics").text.splitlines()
    return {re.sub(r"{(.*)}", lambda m: "{" + ",".join(sorted(m[1].split(","))) + "}", line) for line in lines}


def test_certificates_are_there_before_containers_and_are_served_to_whoever_asks(house: House) -> None:
    house.write("shop", FILE, TLS)
    seen: dict[str, Any] = {}

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: all(one["seen"] == "taken up" for one in certificates(there)["certificates"]))
        seen.update(certificates(there))
        assert "CertificateRenewFailed" not in house.ear.conditions("shop")
        eventually(lambda: 'controller_certificate_taken_up{service="db",stack="shop"} 1.0' in metrics(there))
        assert any('certificate_expiry_time_seconds{service="web"' in line for line in metrics(there))
        told = there.get("/v1/stacks/shop/security")["certificates"]
        assert [(one["service"], one["seen"]) for one in told] == [("db", "taken up"), ("web", "taken up")]

    visit(house, script)
    assert (seen["enabled"], seen["rotation"]) == (True, "none")
    assert [one["role"] for one in seen["authorities"]] == ["issuer"]
    found = {one["service"]: one for one in seen["certificates"]}
    assert set(found) == {"db", "web"} and {"web", "front", "web.shop.internal"} <= set(found["web"]["names"])
    assert not found["web"]["faults"] and found["web"]["serial"] == serial(house, "web")
    assert "KEY" not in json.dumps(seen)


def test_the_mount_is_of_the_folder_and_a_renewal_makes_no_other_revision_and_no_other_hash(house: House) -> None:
    house.write("shop", FILE)
    plain, bare = revisions(house), mounts(house, "db")
    house.write("shop", FILE, TLS)
    asked = revisions(house)
    assert bare == [] and all(asked[name] != plain[name] for name in plain)
    source = str(book(house).folder / "mounts" / "db")
    assert mounts(house, "db") == [
        {"Type": "bind", "Source": source, "Target": "/run/controller/tls", "ReadOnly": True}
    ]
    assert house.ask("apply", "shop").ok
    before = serial(house, "db")
    assert [act.ok for act in command(house, "renew")] == [True]
    assert before and serial(house, "db") != before and revisions(house) == asked
    assert house.ask("apply", "shop").ok
    house.write("shop", FILE)
    assert revisions(house) == plain


def test_a_stack_that_asks_for_none_has_no_folder_and_commands_say_so(house: House) -> None:
    house.write("shop", FILE)
    assert house.ask("apply", "shop").ok
    assert not book(house).folder.exists()
    with pytest.raises(ControllerError, match="no stack here has certificates"):
        command(house, "renew")
    house.write("shop", FILE, ", security: {tls: {mode: internal, services: [db]}}")
    with pytest.raises(ControllerError, match="no service 'web' has a certificate"):
        command(house, "renew", "web")


def test_who_is_told_by_a_command_has_taken_it_up_and_who_is_to_be_replaced_is(house: House) -> None:
    house.write("shop", FILE, TLS)

    def replicas(there: Visit, service: str) -> list[str]:
        return [one["id"] for one in there.get(f"/v1/stacks/shop/services/{service}")["replicas"]]

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: not pending(house))
        before = {name: replicas(there, name) for name in ("db", "web")}
        assert [act.ok for act in command(house, "renew")] == [True]
        eventually(lambda: not pending(house), 20)
        converge(there)
        assert replicas(there, "db") == before["db"] and replicas(there, "web") != before["web"]

    visit(house, script)
    assert {"CertificateIssued", "CertificateTakenUp", "RolloutRestart"} <= {event.reason for event in house.ear.events}


def pending(house: House) -> list[str]:
    """Who has not read what lies there."""
    from controller.security.issuing import mark_of

    kept, files = book(house).load(), book(house)
    return [name for name in ("db", "web") if kept.of(name).taken != mark_of(files.files_of(name))]


def test_without_the_encryption_key_services_run_on_and_it_is_a_condition_and_an_alert(house: House) -> None:
    house.write("shop", FILE, BY_EXEC)
    assert house.ask("apply", "shop").ok
    before = serial(house, "db")
    key = house.folder.parent / "state" / "encryption.key"
    kept = key.read_bytes()
    key.unlink()

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: "CertificateRenewFailed" in house.ear.conditions("shop"))
        eventually(
            lambda: any(a["rule"] == "CertificateRenewFailed" for a in there.get("/v1/stacks/shop/alerts")["alerts"])
        )
        state = certificates(there)
        assert "no key to open them" in state["message"] and len(state["authorities"]) == 1
        assert not command(house, "renew")[0].ok and serial(house, "db") == before
        assert {one["phase"] for one in there.status()["services"]} == {"Ready"}
        key.write_bytes(kept)
        key.chmod(0o600)
        eventually(lambda: "CertificateRenewFailed" not in house.ear.conditions("shop"))

    visit(house, script)


def test_a_change_of_authority_goes_through_its_phases_by_itself_until_old_leaves_have_to_end(house: House) -> None:
    house.write("shop", FILE, BY_EXEC)

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: not pending(house))
        old = certificates(there)["authorities"][0]["id"]
        assert [act.ok for act in command(house, "rotate-ca")] == [True]
        eventually(lambda: certificates(there)["rotation"] == "outlive", 20)
        state = certificates(there)
        assert [(one["role"], one["id"] == old) for one in state["authorities"]] == [("issuer", False), ("going", True)]
        assert {one["authority"] for one in state["certificates"]} == {state["authorities"][0]["id"]}
        assert not command(house, "rotate-ca")[0].ok
        bundle = read_bundle(book(house).files_of("db")[BUNDLE])
        assert set(bundle) == {one["id"] for one in state["authorities"]}

    visit(house, script)


def test_a_service_that_cannot_be_told_is_a_condition_that_says_why(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("shop", FILE, TLS.replace("exec, command: ['true']", "signal"))
    assert house.engine.own is None, "the simulated engine has no way to send signals"

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: not pending(house))
        command(house, "renew", "db")
        eventually(lambda: "CertificateNotServed" in house.ear.conditions("shop"))
        told = next(c for c in house.ear.statuses["shop"].conditions if c.type == "CertificateNotServed")
        assert told.message.startswith("db: could not be told: no signal can be sent")

    visit(house, script)


def test_a_controller_that_comes_back_goes_on_where_certificates_were_asked_for(house: House) -> None:
    house.write("shop", FILE, BY_EXEC)
    assert house.ask("apply", "shop").ok
    before = serial(house, "db")
    files = book(house)
    files.change(lambda kept: kept.with_record("db", replace(kept.of("db"), asked="renew")))

    def script(there: Visit) -> None:
        eventually(lambda: serial(house, "db") != before)
        eventually(lambda: not pending(house))

    visit(house, script)


def test_what_is_asked_for_during_a_look_is_done_at_the_next_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when a calm controller looks the next time by itself."""
    make = lambda controller, ground: Certifying(controller, ground, Pace(0.05, 3600.0))  # noqa: E731
    monkeypatch.setattr(daemons, "Certifying", make)
    house.write("shop", FILE, BY_EXEC)
    work, before = Certifying._work, list[str]()

    def ask_meanwhile(self: Certifying, name: str, desk: Any) -> bool:
        is_open = work(self, name, desk)
        if not before and not is_open:
            before.append(serial(house, "db"))
            desk.book.change(lambda kept: kept.with_record("db", replace(kept.of("db"), asked="renew")))
        return is_open

    monkeypatch.setattr(Certifying, "_work", ask_meanwhile)

    def script(there: Visit) -> None:
        converge(there)
        eventually(lambda: before and serial(house, "db") not in before)

    visit(house, script)
