"""What channels get, over a real connection; and that no error quotes an address."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from controller.alerts import errand, sinks
from controller.alerts.sinks import NotSent, read_address, send
from controller.model.alert import Alert, Severity
from controller.model.channel import Channel
from tests.builders import NOW
from tests.webhook import Webhook, webhook

ALERT = Alert("a1", "shop", "db", "ServiceDown", Severity.CRITICAL, "no replica is ready", NOW, NOW + 60)
SECRET = "T0ken-that-nobody-may-see"


@pytest.fixture
def server() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


def channel(url: str, **others: Any) -> Channel:
    return Channel("ops", url, **others)


@pytest.mark.unit
def test_through_apprise(server: Webhook) -> None:
    send(channel(f"json://127.0.0.1:{server.server_port}/{SECRET}"), ALERT, {})
    (got,) = server.got
    assert (got["title"], got["type"]) == ("critical: shop/db: no replica is ready", "failure")
    assert "controller why db" in got["message"]


@pytest.mark.unit
def test_as_alertmanager_sends_it(server: Webhook) -> None:
    send(channel(f"http://127.0.0.1:{server.server_port}/{SECRET}", alertmanager=True), ALERT, {})
    (got,) = server.got
    (one,) = got["alerts"]
    assert (got["version"], got["status"], got["receiver"]) == ("4", "firing", "ops")
    assert one["labels"] == {"alertname": "ServiceDown", "severity": "critical", "stack": "shop", "service": "db"}
    assert (one["startsAt"], one["fingerprint"]) == ("1970-01-01T00:16:40Z", "a1")


@pytest.mark.unit
@pytest.mark.parametrize("alertmanager", [False, True])
@pytest.mark.parametrize("status", [401, 500, 302])
def test_what_is_not_taken_says_so_without_the_address(server: Webhook, status: int, alertmanager: bool) -> None:
    server.status, server.headers = status, {"Location": f"http://127.0.0.1:{server.server_port}/elsewhere"}
    scheme = "http" if alertmanager else "json"
    with pytest.raises(NotSent) as caught:
        send(channel(f"{scheme}://127.0.0.1:{server.server_port}/{SECRET}", alertmanager=alertmanager), ALERT, {})
    assert SECRET not in str(caught.value.message)
    assert len(server.got) == 1, "a message that is redirected is not sent on"


@pytest.mark.unit
@pytest.mark.parametrize(
    "made",
    [
        channel(f"http://127.0.0.1:9/{SECRET}", alertmanager=True),
        channel(f"json://127.0.0.1:9/{SECRET}"),
        channel(f"nonsense://{SECRET}"),
        channel(f"file:///{SECRET}", alertmanager=True),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used(made: Channel) -> None:
    with pytest.raises(NotSent) as caught:
        send(made, ALERT, {})
    assert SECRET not in caught.value.message
    assert SECRET not in repr(made)


@pytest.mark.unit
@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.43518", "[::ffff:a9fe:a9fe]"])
@pytest.mark.parametrize("alertmanager", [False, True])
def test_however_it_is_written_no_message_goes_where_clouds_hand_out_credentials(host: str, alertmanager: bool) -> None:
    """All but the first and the last are names to us, which stand for that address when the connection is made."""
    made = channel(f"{'http' if alertmanager else 'json'}://{host}/{SECRET}", alertmanager=alertmanager)
    with pytest.raises(NotSent, match=r"it leads to 169\.254\.169\.254, where clouds hand out credentials") as caught:
        send(made, ALERT, {})
    assert SECRET not in caught.value.message


@pytest.mark.unit
def test_no_address_may_ask_for_redirects_again(server: Webhook) -> None:
    server.status, server.headers = 302, {"Location": f"http://127.0.0.1:{server.server_port}/elsewhere"}
    with pytest.raises(NotSent):
        send(channel(f"json://127.0.0.1:{server.server_port}/{SECRET}?redirect=yes"), ALERT, {})
    assert len(server.got) == 1


@pytest.mark.unit
def test_what_would_act_on_this_machine_is_not_begun() -> None:
    with pytest.raises(NotSent, match="syslog:// acts on this machine itself"):
        send(channel("syslog://"), ALERT, {})


@pytest.mark.unit
@pytest.mark.parametrize("alertmanager", [False, True])
def test_who_takes_a_message_and_never_says_so_has_his_time(
    monkeypatch: pytest.MonkeyPatch, alertmanager: bool
) -> None:
    """Byte after byte, so that no pause is too long."""
    monkeypatch.setattr(sinks, "PATIENCE", 3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=trickle, args=(listener,), daemon=True).start()
        scheme, port = "http" if alertmanager else "json", listener.getsockname()[1]
        with pytest.raises(NotSent, match="it was not through with it within 3 s"):
            send(channel(f"{scheme}://127.0.0.1:{port}/{SECRET}", alertmanager=alertmanager), ALERT, {})


@pytest.mark.unit
def test_an_answer_without_end_ends_who_reads_it_and_nobody_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=flood, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        with pytest.raises(NotSent):
            send(channel(f"json://127.0.0.1:{port}/{SECRET}"), ALERT, {})
        send(channel(f"http://127.0.0.1:{port}/{SECRET}", alertmanager=True), ALERT, {})  # the status says it


def flood(listener: socket.socket) -> None:
    for _ in range(2):
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n")
            while True:
                connection.sendall(b"x" * 1_000_000)


def trickle(listener: socket.socket) -> None:
    with suppress(OSError), listener.accept()[0] as connection:  # the test may be over before it comes to that
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


WATCHED = """
import os, socket, subprocess, sys
from controller.alerts.errand import Refused, Watch
watch = Watch()
sys.addaudithook(watch)
try:
    TRY
except Refused as refused:
    print(refused)
else:
    print("done")
"""


@pytest.mark.unit
@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        ("subprocess.run(['true'])", "it would start something on this machine"),
        ("os.system('true')", "it would start something on this machine"),
        ("os.execv('/bin/true', ['true'])", "it would start something on this machine"),
        ("os.fork() or os._exit(0)", "it would start something on this machine"),
        ("import syslog; syslog.syslog('x')", "it would start something on this machine"),
        (
            "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
            "it would speak to a service of this machine",
        ),
        ("import ctypes; ctypes.CDLL('libdbus-1.so.3')", "it would speak to a service of this machine"),
        ("import ctypes", "done"),
        ("socket.create_connection(('169.254.169.254', 80))", "it leads to 169.254.169.254, where"),
        ("socket.socket().connect(('2852039166', 80))", "it leads to 169.254.169.254, where"),
        (
            "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('169.254.43518', 514))",
            "it leads to 169.254.169.254, where",
        ),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))", "done"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('localhost', 9))", "done"),
    ],
)
def test_what_a_library_does_with_a_message_is_watched(attempt: str, said: str) -> None:
    script = WATCHED.replace("TRY", attempt)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip().startswith(said)


@pytest.mark.unit
@pytest.mark.parametrize("module", ["gi", "gi.repository", "dbus"])
def test_the_desktop_is_not_there_for_a_library_and_that_is_no_refusal(module: str, tmp_path: Path) -> None:
    (tmp_path / module.partition(".")[0]).with_suffix(".py").write_text("")
    attempt = f"import {module}\nexcept ImportError:\n    print('not there', watch.seen)"
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})" + WATCHED.replace("TRY", attempt)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "not there"


@pytest.mark.unit
def test_several_addresses_are_not_begun(server: Webhook) -> None:
    one = f"json://127.0.0.1:{server.server_port}/{SECRET}"
    with pytest.raises(NotSent, match="not one address alone") as caught:
        send(channel(f"{one}, {one}"), ALERT, {})
    assert SECRET not in caught.value.message
    assert "not one address" in errand._notify(f"{one} {one}", "", "", "info") and server.got == []


@pytest.mark.unit
def test_where_the_address_stands(tmp_path: Path) -> None:
    place = tmp_path / "ops.url"
    place.write_text("json://here\n")
    assert read_address(Channel("ops", url_file=place), {}) == "json://here"
    assert read_address(Channel("ops", url_env="OPS"), {"OPS": " json://there "}) == "json://there"
    place.write_text("\n")
    for broken in (Channel("ops", url_file=place), Channel("ops", url_file=tmp_path), Channel("ops", url_env="OPS")):
        with pytest.raises(NotSent):
            read_address(broken, {})
