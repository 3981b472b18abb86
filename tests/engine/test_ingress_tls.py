"""TLS at a real proxy: spoken where it is asked for, another certificate costs no request, nobody comes without."""

import http.client
import json
import socket
import ssl
import threading
import time

import pytest

from controller.ingress.config import Tls
from controller.ingress.proxy import Wanted
from controller.model.routes import Frontend, RouteState, TlsPorts
from controller.security.pairs import read_pair
from tests.engine.docker_project import docker, inspect
from tests.engine.ingress_bed import PROXY_IMAGE, Bed, eventually, free_port
from tests.pairs import make_pair

pytestmark = pytest.mark.engine


def tls_of(bed: Bed, pair: tuple[bytes, bytes] | None) -> Tls:
    served = read_pair(*pair) if pair is not None else None
    return Tls(TlsPorts(frozenset({bed.port})), served.mark if served else "", served.text if served else b"")


def ensure(bed: Bed, tls: Tls, *more: Frontend, log: bool = False) -> None:
    wanted = bed.wanted(None, *more)
    bed.ingress.ensure(Wanted(wanted.frontends, wanted.networks, None, PROXY_IMAGE, tls, log))


def trust(pair: tuple[bytes, bytes], *protocols: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=pair[0].decode())
    made.set_alpn_protocols(list(protocols or ("http/1.1",)))
    return made


def get(bed: Bed, context: ssl.SSLContext, path: str = "/") -> tuple[int, str]:
    link = http.client.HTTPSConnection("localhost", bed.port, timeout=10, context=context)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    finally:
        link.close()


def negotiated(bed: Bed, context: ssl.SSLContext) -> tuple[str | None, str | None]:
    plain = socket.create_connection(("127.0.0.1", bed.port), 10)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as link:
        return link.selected_alpn_protocol(), link.version()


def test_tls_is_spoken_at_its_port_and_the_others_stay_as_they_are(bed: Bed) -> None:
    replica, pair, plain = bed.run(1), make_pair(), free_port()
    bed.put_in(replica)
    before = bed.proxy
    ensure(bed, tls_of(bed, pair))
    assert bed.proxy == before, "a reload"
    assert get(bed, trust(pair)) == (200, replica[:12])
    assert negotiated(bed, trust(pair, "h2", "http/1.1")) == ("h2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        get(bed, trust(make_pair()))
    old = trust(pair)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        get(bed, old)
    ensure(bed, tls_of(bed, pair), Frontend("web", plain, 8000, "127.0.0.1"))
    bed.port = plain
    assert bed.get() == (200, replica[:12])


def test_another_certificate_is_served_at_once_and_costs_no_request(bed: Bed) -> None:
    replica, pairs = bed.run(1), [make_pair() for _ in range(4)]
    bed.put_in(replica)
    ensure(bed, tls_of(bed, pairs[0]))
    before, failed, done, over = bed.proxy, list[str](), list[int](), threading.Event()
    everybody = ssl.create_default_context()
    everybody.check_hostname, everybody.verify_mode = False, ssl.CERT_NONE

    def ask() -> None:
        while not over.is_set():
            try:
                done.append(get(bed, everybody)[0])
            except OSError as error:
                failed.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for pair in pairs[1:]:
        ensure(bed, tls_of(bed, pair))
        assert get(bed, trust(pair)) == (200, replica[:12]), "whoever comes from now on sees it"
        time.sleep(0.3)
    over.set()
    for thread in threads:
        thread.join()
    assert failed == [] and len(done) > 40 and set(done) == {200} and bed.proxy == before


def test_where_there_is_no_certificate_nobody_is_let_in_and_the_others_are_served(bed: Bed) -> None:
    replica, plain = bed.run(1), free_port()
    ensure(bed, tls_of(bed, None), Frontend("web", plain, 8000, "127.0.0.1"))
    bed.ingress.set_route(replica, RouteState.IN)
    with pytest.raises((OSError, http.client.HTTPException)):
        bed.get()
    tls_port, bed.port = bed.port, plain
    assert bed.get() == (200, replica[:12])
    bed.port, pair = tls_port, make_pair()
    ensure(bed, tls_of(bed, pair), Frontend("web", plain, 8000, "127.0.0.1"))
    assert get(bed, trust(pair)) == (200, replica[:12])
    conf = bed.folder / "ingress" / "conf"
    assert {path.stat().st_mode & 0o777 for path in conf.iterdir()} == {0o600}
    bed.put_in(replica)
    assert bed.get() == (200, replica[:12]) and not (conf / "tls.pem").exists()


def test_a_proxy_that_is_started_again_serves_what_it_was_given(bed: Bed) -> None:
    replica, pair = bed.run(1), make_pair()
    bed.put_in(replica)
    ensure(bed, tls_of(bed, pair))
    docker("restart", "-t", "1", bed.proxy)
    eventually(lambda: get(bed, trust(pair)) == (200, replica[:12]))


def test_every_connection_is_told_where_that_is_asked_for_and_no_path_is(bed: Bed) -> None:
    replica, pair = bed.run(1), make_pair()
    bed.put_in(replica)
    ensure(bed, tls_of(bed, pair), log=True)
    assert get(bed, trust(pair), "/reset?token=verysecret") == (200, replica[:12])
    with pytest.raises((OSError, http.client.HTTPException)):
        bed.get("/plain")

    def told() -> list[dict[str, object]]:
        return [json.loads(line) for line in docker("logs", bed.proxy).splitlines() if line.startswith("{")]

    eventually(lambda: len(told()) >= 2)
    request = next(line for line in told() if line.get("method") == "GET" and line["status"] == 200)
    assert request["tls"] == "TLSv1.3" and request["port"] == bed.port
    assert request["server"] == f"{bed.address(replica)}:8000"
    assert "verysecret" not in docker("logs", bed.proxy) and "/plain" not in docker("logs", bed.proxy)
    config = inspect(bed.proxy)[0]["HostConfig"]["LogConfig"]
    assert config == {"Type": "local", "Config": {"max-size": "10485760", "max-file": "5"}}
