"""What channels get, over a real connection; and that no error quotes an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
    assert len(server.got) == 1 or not alertmanager, "a message that is redirected is not sent on"


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
def test_where_the_address_stands(tmp_path: Path) -> None:
    place = tmp_path / "ops.url"
    place.write_text("json://here\n")
    assert read_address(Channel("ops", url_file=place), {}) == "json://here"
    assert read_address(Channel("ops", url_env="OPS"), {"OPS": " json://there "}) == "json://there"
    place.write_text("\n")
    for broken in (Channel("ops", url_file=place), Channel("ops", url_file=tmp_path), Channel("ops", url_env="OPS")):
        with pytest.raises(NotSent):
            read_address(broken, {})
