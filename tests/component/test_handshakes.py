"""Two services that speak TLS with their own certificates, both showing one, while these are renewed and the authority
is changed: every new handshake comes off."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from controller.loop.certbook import CertBook
from controller.loop.certifying import Certifier
from controller.loop.vaulting import find_vault
from controller.model.certified import Certified
from controller.security.issuing import Kept, mark_of
from controller.security.leaves import BUNDLE, CHAIN, KEY, read_facts
from controller.security.rotation import Stage

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0
DAY = 86400.0
WANTED: Mapping[str, Certified] = {"db": Certified(90 * DAY), "web": Certified(90 * DAY)}


class Pair:
    """`db` serves, `web` asks; each reads its files when it is told to, as a server does at a signal."""

    def __init__(self, root: Path) -> None:
        import time

        self.root, self.now = root, time.time()
        self.book = CertBook(root / "engine" / "shop", "shop")
        self.certifier.turn(WANTED, self.now)
        self.server = self.read("db", server=True)
        self.client = self.read("web", server=False)
        self.shaken, self.faults = 0, list[str]()

    @property
    def certifier(self) -> Certifier:
        return Certifier(self.book, *find_vault(self.root, {}))

    def read(self, name: str, *, server: bool) -> ssl.SSLContext:
        folder = self.book.folder / "mounts" / name
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(folder / CHAIN, folder / KEY)
        context.load_verify_locations(folder / BUNDLE)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def reload(self, *names: str) -> None:
        """Those have read what lies there, and that is known."""
        if "db" in names:
            self.server = self.read("db", server=True)
        if "web" in names:
            self.client = self.read("web", server=False)

        def note(kept: Kept) -> Kept:
            for name in names:
                kept = kept.with_record(name, replace(kept.of(name), taken=mark_of(self.book.files_of(name))))
            return kept

        self.book.change(note)

    def serial(self) -> str:
        found = read_facts(self.book.files_of("db")[CHAIN])
        assert found is not None
        return found.serial

    def answer(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                plain, _ = listening.accept()
                with plain:
                    plain.settimeout(20)
                    try:
                        with self.server.wrap_socket(plain, server_side=True) as speaking:
                            speaking.sendall(speaking.recv(1))
                    except OSError as error:
                        self.faults.append(f"db: {error}")

    def ask(self, port: int, over: threading.Event) -> None:
        while not over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), 20) as plain:
                    plain.settimeout(20)
                    with self.client.wrap_socket(plain, server_hostname="db") as speaking:
                        speaking.sendall(b"?")
                        assert speaking.recv(1) == b"?"
                        self.shaken += 1
            except (OSError, AssertionError) as error:
                self.faults.append(f"web: {error}")

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """A new connection after the other, each with both sides' certificates looked at."""
        over = threading.Event()
        with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
            port = listening.getsockname()[1]
            hands = [threading.Thread(target=self.answer, args=(listening,), daemon=True)]
            hands += [threading.Thread(target=self.ask, args=(port, over), daemon=True) for _ in range(2)]
            for hand in hands:
                hand.start()
            try:
                yield
            finally:
                over.set()
                for hand in hands[1:]:
                    hand.join(30)
                listening.shutdown(socket.SHUT_RDWR)
                hands[0].join(30)

    def wait_for(self, more: int) -> None:
        until = self.shaken + more
        while self.shaken < until and not self.faults:
            threading.Event().wait(0.001)


def renew(pair: Pair, times: int) -> None:
    for number in range(times):
        pair.certifier.ask(WANTED, (), "renew" if number % 10 else "issue")
        assert pair.certifier.turn(WANTED, pair.now).services == ("db", "web")
        pair.reload("db") if number % 2 else pair.reload("web")
        pair.reload("db", "web")
        if number % 5 == 0:
            pair.wait_for(1)


def change_authority(pair: Pair) -> list[Stage]:
    """Late readers in each phase: first the one, some connections on, then the other."""
    pair.certifier.begin_change(pair.now)
    stages = []
    for first, second in (("web", "db"), ("db", "web"), ("web", "db"), ("db", "web"), ("web", "db")):
        pair.certifier.turn(WANTED, pair.now)
        for name in (first, second):
            pair.wait_for(3)
            pair.reload(name)
            pair.wait_for(3)
            later = pair.now + 100 * DAY if stages[-1:] == [Stage.OUTLIVE] else pair.now
            rotation = pair.certifier.advance(WANTED, later)
            assert rotation is not None
            stages.append(rotation.stage)
    return list(dict.fromkeys(stages))


def test_no_handshake_fails_while_certificates_are_renewed_and_the_authority_is_changed(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    before = pair.serial()
    with pair.speaking():
        pair.wait_for(5)
        renew(pair, 20)
        assert change_authority(pair) == [Stage.ADD, Stage.SWITCH, Stage.OUTLIVE, Stage.DROP, Stage.NONE]
        renew(pair, 5)
    assert pair.shaken > 30 and pair.serial() != before
    assert not pair.faults


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_handshake_fails_in_a_thousand_renewals_and_a_change_of_authority(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with pair.speaking():
        renew(pair, 500)
        change_authority(pair)
        renew(pair, 500)
    assert pair.shaken > 500 and not pair.faults
