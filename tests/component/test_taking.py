"""Which certificate is served, by real handshakes with servers of this machine; and what becomes of services that do
not serve theirs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.engines.base import Execution, Scope
from controller.loop.certbook import CertBook
from controller.loop.certifying import Certifier
from controller.loop.handshake import see_served
from controller.loop.taking import Hand, Taking
from controller.loop.vaulting import find_vault
from controller.model.certified import Certified, TakeUp
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Observed, Replica, ReplicaPhase, ServiceView
from controller.security.leaves import BUNDLE, CHAIN, KEY, read_facts
from tests.visitors import receiving

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0
DAY = 86400.0


_ASKS_POSTGRES = b"\x04\xd2\x16\x2f"


def make_context(folder: Path, *, asks: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CHAIN, folder / KEY)
    context.load_verify_locations(folder / BUNDLE)
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def answer(plain: socket.socket, context: ssl.SSLContext | None, ends: list[object], *, postgres: bool) -> None:
    """One visitor; `ends`: what he left with. Without a context it speaks no TLS; as PostgreSQL it wants to be asked
    for it."""
    plain.settimeout(5)
    if context is None:
        plain.recv(8)
        plain.sendall(b"N")
        return
    if postgres:
        if plain.recv(8)[4:] != _ASKS_POSTGRES:
            return
        plain.sendall(b"S")
    with context.wrap_socket(plain, server_side=True) as speaking:
        try:
            ends.append(speaking.recv(1))
        except OSError as error:
            ends.append(error)


@contextmanager
def serving(
    folder: Path,
    *,
    postgres: bool = False,
    asks: bool = False,
    speaks: bool = True,
    most: int = 9,
    at: int = 0,
    ends: list[object] | None = None,
) -> Iterator[int]:
    """A server with the files of that folder as they are now; its port. `asks`: for a client's certificate; `most`:
    visitors that it takes; `at`: this port."""
    context = make_context(folder, asks=asks) if speaks else None

    def receive(plain: socket.socket) -> None:
        answer(plain, context, ends if ends is not None else [], postgres=postgres)

    with receiving(receive, most=most, at=at) as port:
        yield port


class Shelf:
    """Where replicas are as a test says, and commands are written down."""

    own: Any = None

    def __init__(self) -> None:
        self.replicas: tuple[Replica, ...] = ()
        self.commands: list[Sequence[str]] = []
        self.signals: list[str] = []
        self.code = 0

    def observe(self, scope: Scope) -> Observed:
        return Observed("shop", {"db": ServiceView(self.replicas)}, NOW)

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float) -> Execution:
        self.commands.append(command)
        return Execution(self.code, "no such file")

    def signal(self, container: ReplicaId, signal: str, *, deadline: float) -> None:
        self.signals.append(signal)


class Scene:
    """One service, its certificate, and who sees that it is taken up."""

    def __init__(self, root: Path, one: Certified) -> None:
        self.folder = root / "engine" / "shop"
        self.book = CertBook(self.folder, "shop")
        self.root, self.one, self.now = root, one, NOW
        self.shelf, self.rolled = Shelf(), list[str]()
        hand = Hand(self.shelf, self.folder, self.rolled.append, lambda: self.now)  # type: ignore[arg-type]
        self.taking = Taking(self.book, hand)
        self.renew()

    @property
    def mount(self) -> Path:
        return self.book.folder / "mounts" / "db"

    @property
    def wanted(self) -> Mapping[str, Certified]:
        return {"db": self.one}

    def renew(self) -> str:
        certifier = Certifier(self.book, *find_vault(self.root, {}))
        certifier.ask(self.wanted, ("db",), "renew")
        certifier.turn(self.wanted, self.now)
        found = read_facts(self.book.files_of("db")[CHAIN])
        assert found is not None
        return found.serial

    def runs(self, *started: float, address: str | None = "127.0.0.1") -> None:
        self.shelf.replicas = tuple(
            Replica(
                ReplicaId(str(number)), f"shop-db-{number}", "db", number, Revision("r"), ReplicaPhase.RUNNING,
                started_at=at, address=address,
            )
            for number, at in enumerate(started, 1)
        )  # fmt: skip

    def turn(self, after: float = 0.0) -> tuple[str, ...]:
        self.now += after
        return self.taking.turn(self.wanted)

    @property
    def record(self) -> Any:
        return self.book.load().of("db")


def scene(root: Path, take_up: TakeUp = TakeUp.EXEC, **more: Any) -> Scene:
    return Scene(root, Certified(7 * DAY, take_up=take_up, command=("reload",), **more))


# --- handshakes


def test_a_handshake_tells_which_certificate_is_served_also_to_who_has_to_show_one(tmp_path: Path) -> None:
    made = scene(tmp_path)
    serial = made.renew()
    with serving(made.mount) as port:
        assert see_served("127.0.0.1", port, made.mount).serial == serial
        made.renew()
        assert see_served("127.0.0.1", port, made.mount).serial == serial, "what it has in memory, not what lies there"
    with serving(made.mount, asks=True) as port:
        assert see_served("127.0.0.1", port, made.mount).serial not in ("", serial)


def test_postgres_is_asked_in_its_own_way(tmp_path: Path) -> None:
    made = scene(tmp_path)
    with serving(made.mount, postgres=True) as port:
        assert see_served("127.0.0.1", port, made.mount).serial


def test_whom_a_look_takes_for_postgres_is_asked_in_its_way_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene(tmp_path)
    with serving(made.mount, postgres=True, most=1) as port:
        monkeypatch.setattr("controller.loop.handshake._POSTGRES_PORT", port)
        assert see_served("127.0.0.1", port, made.mount).serial
    with serving(made.mount) as port:
        monkeypatch.setattr("controller.loop.handshake._POSTGRES_PORT", port)
        assert see_served("127.0.0.1", port, made.mount).serial, "and then as all others are"


def test_who_was_looked_at_sees_a_lawful_end(tmp_path: Path) -> None:
    made, ends = scene(tmp_path), list[object]()
    with serving(made.mount, ends=ends) as port:
        assert see_served("127.0.0.1", port, made.mount).serial
    assert ends == [b""], "a reset would be written into its log, once a minute"


def test_who_speaks_no_tls_or_does_not_answer_is_told_apart(tmp_path: Path) -> None:
    made = scene(tmp_path)
    with serving(made.mount, speaks=False) as port:
        shown = see_served("127.0.0.1", port, made.mount)
        assert shown.reached and not shown.serial and "handshake" in shown.why
    shown = see_served("127.0.0.1", port, made.mount)
    assert shown.reached and "nobody listens" in shown.why
    assert not see_served("nobody.invalid", 1, made.mount).reached
    assert "own files" in see_served("127.0.0.1", port, tmp_path / "none").why or port


# --- telling


def test_who_began_after_it_was_there_has_read_it_and_who_did_not_is_told(tmp_path: Path) -> None:
    made = scene(tmp_path)
    made.runs(NOW - 50, NOW + 50)
    assert made.turn(100) == ("db",) and made.shelf.commands == [("reload",)]
    assert made.turn(1) == () and len(made.shelf.commands) == 1
    made.renew()
    made.runs(made.now + 10)
    assert made.turn(20) == ("db",) and len(made.shelf.commands) == 1
    made.renew()
    made.runs()
    assert made.turn() == ("db",), "whoever is started will read it"


def test_a_signal_goes_to_each_that_has_not_read_it(tmp_path: Path) -> None:
    made = scene(tmp_path, TakeUp.SIGNAL, signal="USR1")
    made.shelf.own = made.shelf
    made.runs(NOW - 2, NOW - 1)
    assert made.turn() == ("db",) and made.shelf.signals == ["USR1", "USR1"]


def test_who_could_not_be_told_is_told_again_later_and_why_is_kept(tmp_path: Path) -> None:
    made = scene(tmp_path)
    made.runs(NOW - 1)
    made.shelf.code = 2
    assert made.turn() == () and "db could not be told: shop-db-1: no such file" in made.record.told.why
    assert made.turn(5) == () and len(made.shelf.commands) == 1
    made.shelf.code = 0
    assert made.turn(30) == ("db",) and made.record.told.failed == 0


def test_replicas_are_replaced_once_and_all_new_ones_have_read_it(tmp_path: Path) -> None:
    made = scene(tmp_path, TakeUp.ROLL)
    made.runs(NOW - 1, NOW - 1)
    for _ in range(3):
        assert made.turn(10) == ()
    assert made.rolled == ["db"]
    made.runs(NOW - 1, made.now)
    assert made.turn() == ()
    made.runs(made.now, made.now)
    assert made.turn() == ("db",) and made.rolled == ["db"]
    made.renew()
    assert made.turn(10) == () and made.rolled == ["db", "db"]


# --- looking


def test_what_is_served_is_seen_and_who_serves_an_old_one_is_replaced_before_that_ends(tmp_path: Path) -> None:
    made = scene(tmp_path)
    serial = made.renew()
    with serving(made.mount) as port:
        made.one = replace(made.one, ports=(port,))
        made.runs(NOW - 1)
        assert made.turn(1) == ("db",) and (made.record.served, made.record.not_served) == (serial, "")
        new = made.renew()
        made.turn(1)
        assert made.record.taken and made.record.served == ""
        assert made.record.not_served == f"shop-db-1:{port}: it serves certificate {serial[:16]}, not {new[:16]}"
        assert not made.rolled, "it said that it would"
        made.turn(6 * DAY)
        assert not made.rolled
        made.turn(0.5 * DAY)
        assert made.rolled == ["db"]
    with serving(made.mount) as port:
        made.one = replace(made.one, ports=(port,))
        made.turn(120)
        assert (made.record.served, made.record.not_served) == (new, "")


def test_who_was_told_and_is_still_at_it_is_looked_at_again_soon_and_later_at_leisure(tmp_path: Path) -> None:
    made = scene(tmp_path)
    with serving(made.mount) as port:
        made.one = replace(made.one, ports=(port,))
        made.runs(NOW - 1)
        new = made.renew()
        made.turn(1)
        assert made.record.not_served
    with serving(made.mount, at=port):
        made.turn(1)
        assert (made.record.served, made.record.not_served) == (new, ""), "not after a minute"
        made.renew()
        made.turn(1)
        made.turn(61)
        assert made.record.not_served
    with serving(made.mount, at=port):
        made.turn(1)
        assert made.record.not_served, "who did not in a minute is not asked each second"
        made.turn(60)
        assert not made.record.not_served


def test_of_who_cannot_be_reached_from_here_nothing_is_said(tmp_path: Path) -> None:
    made = scene(tmp_path, ports=(1,))
    made.runs(NOW - 1, address=None)
    assert made.turn() == ("db",) and (made.record.served, made.record.not_served) == ("", "")


# --- where no replica is looked for


def test_who_serves_at_an_address_takes_it_up_by_itself_and_nobody_is_told(tmp_path: Path) -> None:
    made = scene(tmp_path)
    with serving(made.mount) as port:
        made.one = replace(made.one, ends=(("127.0.0.1", port),))
        assert made.turn() == ("db",) and made.record.served
        serial = made.renew()
        assert made.turn(1) == () and "it serves certificate" in made.record.not_served
        assert made.shelf.commands == made.rolled == []
    with serving(made.mount) as port:
        made.one = replace(made.one, ends=(("127.0.0.1", port),))
        assert made.turn(1) == ("db",) and (made.record.served, made.record.not_served) == (serial, "")
    made.renew()
    assert made.turn(1) == ("db",) and made.record.served == "", "whoever listens there later will read it"
    made.one = replace(made.one, ends=(("nobody.invalid", 1),))
    made.renew()
    assert made.turn(1) == ("db",), "nothing is known of what cannot be reached"
