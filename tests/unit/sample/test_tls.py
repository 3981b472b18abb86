"""The sample's PostgreSQL and Redis serve TLS where the controller gives them certificates, and only there."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ragserver.stores import Redis, Unavailable, find_trusted

from controller.model.certified import MOUNT
from controller.model.manifest import Stack
from controller.security.authority import Pair, Subject, issue, make_authority

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose" / "rag.yaml").read_text())["services"]
TLS = Stack.model_validate(yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())).spec.security.tls


# --- what starts them


class Box:
    """A stand-in for a container: the script there, with an image's entrypoint that tells what it was given."""

    def __init__(self, root: Path, service: str) -> None:
        self.given, self.key, self.data, self._bin = root / "tls", root / "shm.key", root / "data", root / "bin"
        self.data.mkdir()
        self._bin.mkdir()
        text = (ROOT / "compose" / service / "serve").read_text()
        assert MOUNT in text
        self._script = root / "serve"
        self._script.write_text(text.replace(MOUNT, str(self.given)).replace("/dev/shm/tls.key", str(self.key)))
        self.put("docker-entrypoint.sh", 'echo "$@"')
        self.put("chown", f'echo "$@" >>{root}/chown')
        self._told = root / "chown"
        self.user(999)

    def put(self, name: str, body: str) -> None:
        (self._bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (self._bin / name).chmod(0o755)

    def user(self, uid: int) -> None:
        self.put("id", f"echo {uid}")

    def give(self, key: str = "a key") -> None:
        self.given.mkdir(exist_ok=True)
        (self.given / "tls.key").write_text(key)

    def run(self, *words: str) -> str:
        environment = {"PATH": f"{self._bin}:{os.environ['PATH']}", "PGDATA": str(self.data)}
        done = subprocess.run(
            ["sh", self._script, *words], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def owners(self) -> str:
        return self._told.read_text().strip() if self._told.exists() else ""


def test_redis_is_as_ever_without_a_certificate(tmp_path: Path) -> None:
    assert Box(tmp_path, "redis").run("--save", "60 1") == "redis-server --unixsocket /tmp/redis.sock --save 60 1"


def test_redis_serves_over_tls_alone_where_it_was_promised_a_certificate(tmp_path: Path) -> None:
    box = Box(tmp_path, "redis")
    box.given.mkdir()
    words = box.run("--save", "").split()
    assert words[words.index("--port") + 1] == "0" and words[words.index("--tls-port") + 1] == "6379"
    assert words[words.index("--tls-cert-file") + 1] == f"{box.given}/tls.crt"
    assert words[words.index("--tls-key-file") + 1] == f"{box.given}/tls.key"


def test_postgres_is_as_ever_without_a_certificate(tmp_path: Path) -> None:
    box = Box(tmp_path, "postgres")
    assert box.run() == "postgres" and not box.key.exists()


@pytest.mark.parametrize(("uid", "owners"), [(999, ""), (0, "postgres {key}.new")])
def test_postgres_gets_a_key_that_is_its_own_and_nobody_elses(tmp_path: Path, uid: int, owners: str) -> None:
    box = Box(tmp_path, "postgres")
    box.user(uid)
    box.give()
    told = box.run()
    assert told == f"postgres -c ssl=on -c ssl_cert_file={box.given}/tls.crt -c ssl_key_file={box.key}"
    assert box.key.read_text() == "a key" and box.key.stat().st_mode & 0o077 == 0
    assert box.owners == owners.format(key=box.key)


def test_postgres_that_was_promised_a_certificate_and_has_none_does_not_start_in_clear(tmp_path: Path) -> None:
    box = Box(tmp_path, "postgres")
    box.given.mkdir()
    with pytest.raises(AssertionError, match=r"tls\.key"):
        box.run()


def test_postgres_is_told_to_read_a_new_certificate_once_it_has_the_key(tmp_path: Path) -> None:
    box = Box(tmp_path, "postgres")
    box.give()
    box.run()
    box.give("another key")
    script = "trap 'exit 7' HUP; echo ready; while :; do sleep 0.05; done"
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # no shell traps what was ignored
    try:
        server = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    with server:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        (box.data / "postmaster.pid").write_text(f"{server.pid}\n{box.data}\n")
        box.run("reload")
        assert server.wait(10) == 7
    assert box.key.read_text() == "another key"


# --- the manifest and the Compose file


def test_what_the_manifest_says_of_certificates_fits_the_compose_file() -> None:
    assert TLS.mode == "internal"
    assert set(TLS.services) == set(TLS.reload), "a service that is replaced for a certificate is away for a moment"
    for name, ports in TLS.ports.items():
        assert [int(port.rsplit(":", 1)[1]) for port in COMPOSE[name]["ports"]] == list(ports)


@pytest.mark.parametrize("name", ["redis", "postgresql"])
def test_what_starts_a_service_is_mounted_where_it_is_called(name: str) -> None:
    (source,) = [volume.split(":")[:2] for volume in COMPOSE[name]["volumes"] if volume.endswith("/serve:ro")]
    assert COMPOSE[name]["command"].split()[:2] == ["sh", source[1]]
    assert subprocess.run(["sh", "-n", ROOT / "compose" / source[0]], check=False).returncode == 0
    if name == "postgresql":
        assert TLS.reload[name].command == ("sh", source[1], "reload")


# --- the client


NOW = datetime.now(UTC)
AUTHORITY, OTHER = make_authority("rag", NOW), make_authority("rag", NOW)


@contextmanager
def serving(folder: Path, authority: Pair | None) -> Iterator[int]:
    """A Redis that says PONG, with a certificate of that authority for `localhost`, or without TLS; its port."""
    context = None
    if authority is not None:
        made = issue(authority, Subject("rag", "redis"), NOW, timedelta(days=7))
        (folder / "served").write_bytes(made.key + made.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "served")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with suppress(OSError), plain if context is None else context.wrap_socket(plain, True) as one:
                        one.recv(100)
                        one.sendall(b"+PONG\r\n")

        hand = threading.Thread(target=serve, daemon=True)
        hand.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            hand.join(5)


def test_the_client_speaks_tls_where_there_are_certificates_and_plainly_where_not(tmp_path: Path) -> None:
    assert find_trusted(tmp_path / "none") is None
    with serving(tmp_path, None) as port:
        Redis(f"redis://localhost:{port}").check()
    assert find_trusted(tmp_path) == tmp_path / "ca.crt"
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.certificate)
    with serving(tmp_path, AUTHORITY) as port:
        Redis(f"redis://localhost:{port}", find_trusted(tmp_path)).check()


def test_the_client_believes_no_other_authority_no_other_name_and_nobody_without_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.certificate)
    trusted = find_trusted(tmp_path)
    with serving(tmp_path, OTHER) as port, pytest.raises(Unavailable, match="verify failed"):
        Redis(f"redis://localhost:{port}", trusted).check()
    with serving(tmp_path, AUTHORITY) as port, pytest.raises(Unavailable, match="verify failed"):
        Redis(f"redis://127.0.0.1:{port}", trusted).check()
    with serving(tmp_path, None) as port, pytest.raises(Unavailable):
        Redis(f"redis://localhost:{port}", trusted).check()


def test_the_client_takes_up_another_authority_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.certificate)
    with serving(tmp_path, OTHER) as port:
        redis = Redis(f"redis://localhost:{port}", find_trusted(tmp_path))
        with pytest.raises(Unavailable):
            redis.check()
        (tmp_path / "ca.crt").write_bytes(AUTHORITY.certificate + OTHER.certificate)
        redis.check()


def test_the_client_does_not_speak_in_clear_where_the_authorities_are_missing(tmp_path: Path) -> None:
    with serving(tmp_path, None) as port, pytest.raises(Unavailable, match="No such file"):
        Redis(f"redis://localhost:{port}", find_trusted(tmp_path)).check()
