"""What a stack's ingress is to serve: read from files as they stand, also while somebody renews them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.ingress.config import PAIR
from controller.loop.ingress_pair import PairReader, warn_pair
from controller.loop.mounts import MountedFile, put_files
from controller.model.manifest import Stack
from controller.model.routes import NO_TLS_PORTS, IngressPolicy, TlsPorts
from tests.pairs import make_pair

pytestmark = pytest.mark.unit

PORTS = TlsPorts(frozenset({443}))
OURS = IngressPolicy(tls=PORTS)


@pytest.fixture
def theirs(tmp_path: Path) -> IngressPolicy:
    return IngressPolicy("", PORTS, tmp_path / "site.pem", tmp_path / "site.key")


def put(policy: IngressPolicy, chain: bytes, key: bytes) -> None:
    assert policy.certificate is not None and policy.key is not None
    policy.certificate.write_bytes(chain)
    policy.key.write_bytes(key)


def test_a_renewal_that_is_half_written_leaves_what_is_served_and_the_other_half_ends_that(
    tmp_path: Path, theirs: IngressPolicy
) -> None:
    reader, first, second = PairReader(tmp_path / "state"), make_pair(), make_pair()
    put(theirs, *first)
    before = reader.template(theirs).tls
    assert before.pair == first[0] + first[1] and before.at == PORTS and not reader.read(theirs).trouble
    put(theirs, second[0], first[1])
    assert reader.template(theirs).tls == before
    assert "the key is not that of the first certificate" in reader.read(theirs).trouble
    put(theirs, *second)
    assert reader.template(theirs).tls.pair == second[0] + second[1] and not reader.read(theirs).trouble


def test_a_controller_that_begins_while_files_are_broken_goes_on_with_what_its_proxy_has(
    tmp_path: Path, theirs: IngressPolicy
) -> None:
    chain, key = make_pair()
    served = tmp_path / "state" / "ingress" / "conf" / PAIR
    assert PairReader(tmp_path / "state").template(theirs).tls.mark == "", "there was never one"
    served.parent.mkdir(parents=True)
    served.write_bytes(chain + key)
    found = PairReader(tmp_path / "state").read(theirs)
    assert found.served is not None and found.served.text == chain + key
    assert found.trouble == f"{theirs.certificate}: No such file or directory"


def test_the_authoritys_own_is_read_where_it_is_delivered(tmp_path: Path) -> None:
    reader, (chain, key) = PairReader(tmp_path), make_pair()
    assert reader.read(OURS) == (None, "the stack's authority has not issued one yet")
    files = {"ca.crt": MountedFile(chain), "tls.crt": MountedFile(chain), "tls.key": MountedFile(key)}
    put_files(tmp_path / "tls" / "mounts" / "@ingress", files, datetime.now(UTC))
    assert reader.template(OURS).tls.pair == chain + key


def test_without_tls_nothing_is_read(tmp_path: Path, theirs: IngressPolicy) -> None:
    put(theirs, *make_pair())
    plain = IngressPolicy("haproxy:x", NO_TLS_PORTS, theirs.certificate, theirs.key, log=True)
    found = PairReader(tmp_path).template(plain)
    assert (found.image, found.tls.mark, found.tls.pair, found.log) == ("haproxy:x", "", b"", True)


def test_what_cannot_be_served_is_told_when_the_manifest_is_read(tmp_path: Path, theirs: IngressPolicy) -> None:
    head = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}}
    tls = {"certificate": "site.pem", "key": "site.key"}
    manifest = Stack.model_validate({**head, "spec": {"security": {"tls": tls}}})

    def told() -> list[str]:
        return [str(finding) for finding in warn_pair(manifest, tmp_path)]

    assert told() == [f"spec.security.tls.certificate: {theirs.certificate}: No such file or directory"]
    put(theirs, *make_pair())
    assert told() == []
    put(theirs, *make_pair(days=-1))
    assert "the certificate ended at" in told()[0]
    put(theirs, b"x" * 2_000_000, b"")
    assert "larger than" in told()[0]
