"""The proxy's file: a golden text, what of it a reload is needed for, and that the table comes out as it went in."""

import re
from pathlib import Path

import pytest

from controller.ingress.config import Tls, listen_ports, read_table, render, rewrite, structure
from controller.ingress.routes import Slot
from controller.model.routes import Frontend, Mode, RouteState, TlsPorts

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
GOLDEN = Path(__file__).with_name("golden") / "haproxy.cfg"
FRONTENDS = (
    Frontend("web", 80, 8000),
    Frontend("web", 80, 8000, "127.0.0.1"),
    Frontend("db", 5432, 5432, mode=Mode.TCP),
)
TABLE = {
    "web:8000:http": (Slot("10.0.0.2", IN), Slot("10.0.0.3", DRAINING), *(Slot(),) * 6),
    "db:5432:tcp": (Slot("fd00::2", IN), *(Slot(),) * 7),
}


def test_the_file_is_this() -> None:
    assert render(FRONTENDS, TABLE) == GOLDEN.read_text()


def test_every_listener_has_a_port_of_its_own() -> None:
    fronts = [
        Frontend("a", 80, 1, "10.0.0.1"),
        Frontend("a", 80, 1, "10.0.0.2"),
        Frontend("b", 49152, 1),
        Frontend("c", 80, 1, "10.0.0.3"),
    ]
    assert list(listen_ports(fronts).values()) == [80, 49153, 49154, 49152]


def test_a_change_of_the_table_alone_needs_no_reload() -> None:
    other = {**TABLE, "web:8000:http": (Slot("10.0.0.9", IN), *(Slot(),) * 7)}
    text = render(FRONTENDS, TABLE)
    assert structure(rewrite(text, other)) == structure(text)
    assert rewrite(text, other) == render(FRONTENDS, other)
    assert f"description {structure(text)}\n" in text


@pytest.mark.parametrize(
    "other",
    [
        render(FRONTENDS[:1], TABLE),
        render((Frontend("web", 80, 8001),), {}),
        render((Frontend("web", 80, 8000, mode=Mode.TCP),), {}),
        rewrite(render(FRONTENDS, TABLE), {**TABLE, "db:5432:tcp": (Slot(),) * 16}),
    ],
)
def test_every_other_change_needs_one(other: str) -> None:
    assert structure(other) != structure(render(FRONTENDS, TABLE))


def test_the_table_is_read_as_a_proxy_would_start_with_it() -> None:
    read = read_table(render(FRONTENDS, TABLE))
    assert read["db:5432:tcp"] == TABLE["db:5432:tcp"]
    assert read["web:8000:http"][:3] == (Slot("10.0.0.2", IN), Slot("10.0.0.3", OUT), Slot())


def test_no_file_is_an_empty_table() -> None:
    assert read_table("") == {}


def test_a_replica_that_listens_elsewhere_is_in_the_file_with_its_own_port() -> None:
    moved = {**TABLE, "web:8000:http": (Slot("10.0.0.2", IN), Slot("fd00::3", IN, port=9000), *(Slot(),) * 6)}
    text = render(FRONTENDS, moved)
    assert "  server s2 [fd00::3]:9000\n" in text and read_table(text) == moved


def test_a_file_that_holds_more_than_the_table_keeps_it() -> None:
    text = render((*FRONTENDS, Frontend("api", 81, 81)), TABLE)
    assert read_table(rewrite(text, TABLE)).keys() == {*TABLE, "api:81:http"}


TLS = Tls(TlsPorts(frozenset({80, 5432})), "0123456789abcdef", b"secret")


def test_tls_is_spoken_at_its_ports_alone_and_a_proxy_is_known_by_its_certificate() -> None:
    fronts = (*FRONTENDS, Frontend("web", 8080, 8000))
    text = render(fronts, TABLE, TLS)
    assert text.count("ssl crt /run/ingress/conf/tls.pem alpn h2,http/1.1\n") == 2
    assert "bind :5432 ssl crt /run/ingress/conf/tls.pem\n" in text and "bind :8080\n" in text
    assert text.count("X-Forwarded-Proto https") == 2 and "secret" not in text
    assert structure(render(fronts, TABLE, TLS._replace(mark="other"))) != structure(text)
    assert structure(render(fronts, TABLE, TLS._replace(pair=b"same mark"))) == structure(text)
    assert read_table(text) == read_table(render(fronts, TABLE))


def test_without_a_certificate_nobody_is_let_in_where_tls_is_asked_for() -> None:
    text = render(FRONTENDS, TABLE, Tls(TlsPorts(frozenset({5432}))))
    assert " ssl " not in text and text.count("tcp-request connection reject\n") == 1
    assert "  bind :5432\n  option clitcpka\n  timeout client 86400s\n  tcp-request connection reject\n" in text


def test_a_log_says_neither_paths_nor_headers() -> None:
    text = render(FRONTENDS, TABLE, log=True)
    assert "daemon info\n" in text and text.count("log-format '{") == 6
    told = set(re.findall(r"%(\w+|\[\w+\])", "".join(re.findall("log-format '.*'", text))))
    assert told == {
        *["Ts", "ms", "ci", "cp", "fp", "b", "si", "sp", "B", "Tt", "ts", "sslv", "HM", "ST"],
        "[fc_err_str]",
    }


def test_what_a_certificate_belongs_to_does_not_show_its_key() -> None:
    assert "secret" not in repr(TLS) and "0123456789abcdef" in repr(TLS)


def test_whatever_release_has_its_ports_every_http_port_speaks_tls_where_all_of_them_are_to() -> None:
    text = render((*FRONTENDS, Frontend("old", 8443, 80)), TABLE, Tls(TlsPorts(http=True), "mark"))
    assert re.findall(r"bind :(\d+)( ssl)?", text) == [
        ("80", " ssl"),
        ("5432", ""),
        ("8443", " ssl"),
        ("49152", " ssl"),
    ]
