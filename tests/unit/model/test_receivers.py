"""Where messages may go, and where not: a table of addresses."""

from __future__ import annotations

import apprise
import pytest
from apprise.utils.parse import parse_urls

from controller.model.receivers import ON_THE_HOST, refuse_address, refuse_url

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_no_receiver_is_there(address: str) -> None:
    assert refuse_address(address)
    host = f"[{address}]" if ":" in address else address
    for scheme in ("http", "json", "jsons", "ntfy"):
        assert refuse_url(f"{scheme}://user:secret@{host}:8080/a/secret?x=y")
        assert "secret" not in (refuse_url(f"{scheme}://{host}/secret") or "")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/hook",
        "http://[::1]:9000/hook",
        "json://localhost",
        "https://10.1.2.3/hook",
        "https://192.168.1.1/hook",
        "https://[fd12:3456::1]/hook",
        "https://hooks.example/services/T/B/x",
        "slack://T/B/x/#ops",
        "mailto://user:pass@mail.example?to=a@b.example",
        "discord://1/2",
        "tgram://123:abc/456",
        "no address at all",
        "",
    ],
)
def test_receivers_here_nearby_and_abroad(url: str) -> None:
    assert refuse_url(url) is None


@pytest.mark.parametrize("scheme", sorted(ON_THE_HOST))
def test_what_acts_on_the_machine_sends_nothing(scheme: str) -> None:
    for url in (f"{scheme}://", f"{scheme.upper()}://x", f" {scheme}://x/?a=b"):
        assert "acts on this machine" in (refuse_url(url) or "")


def test_all_that_apprise_has_without_an_address_is_known() -> None:
    """A new one of its kind, which a later release brings, is to be looked at before it is let in."""
    known = apprise.Apprise().details(show_disabled=True)["schemas"]
    assert len(known) > 100
    bare = [one for one in known if any(not form.removeprefix("{schema}://") for form in one["details"]["templates"])]
    assert {name for one in bare for name in listed(one["protocols"])} == ON_THE_HOST


def listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1, dbus://",
        "json://127.0.0.1,dbus://",
        "json://127.0.0.1 ; \t gnome://x",
        "json://127.0.0.1\nsyslog://",
        "foo,syslog://",
        "-syslog://",
        "json://10.0.0.1,JSON://169.254.169.254",
    ],
)
def test_several_addresses_in_one_are_none(url: str) -> None:
    """The first alone would have been judged, and apprise sends to each that it finds."""
    assert parse_urls(url) != [url]
    assert "not one address" in (refuse_url(url) or "")


@pytest.mark.parametrize(
    "url", ["json://a/?x=http://b", "mailto://u:p@h?to=a@b.c,d@e.f", " json://a ", "json://a,b", "https://a/x,y;z"]
)
def test_what_apprise_takes_for_one_is_one(url: str) -> None:
    assert [one.strip() for one in parse_urls(url)] == [url.strip()] and refuse_url(url) is None
