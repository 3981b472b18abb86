"""Which certificate a stack's ingress is to serve now: of the user's files, or of the stack's own authority.

What cannot be read, or does not fit (a renewal that is half written), leaves the one that is served in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controller.ingress.config import PAIR, Tls
from controller.ingress.proxy import IMAGE, Wanted
from controller.intake.findings import at
from controller.intake.source import open_regular
from controller.loop.mounts import read_files
from controller.model.certified import INGRESS, MOUNTS
from controller.model.errors import ControllerError, Finding
from controller.model.routes import IngressPolicy

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.security.pairs import Served

FOLDER = "ingress"
"""Of the proxy, in the folder of the stack's state."""
_LARGEST = 1 << 20
"""Octets of a file that is read."""


class Pair(NamedTuple):
    """What is to be served, None: there is nothing; and why it is not what it should be, "": it is."""

    served: Served | None = None
    trouble: str = ""


class PairReader:
    """Of one stack, whose state is in `folder`. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[bytes, Served] | None = None
        """The last one that fitted, and the digest of what it was read from."""

    def template(self, policy: IngressPolicy) -> Wanted:
        """All of what is wanted of the proxy that follows from the manifest alone."""
        served = self.read(policy).served if policy.tls_ports else None
        tls = Tls(policy.tls_ports, served.mark, served.text) if served is not None else Tls(policy.tls_ports)
        return Wanted((), (), image=policy.image or IMAGE, tls=tls, log=policy.log)

    def read(self, policy: IngressPolicy) -> Pair:
        """Raises nothing."""
        try:
            return Pair(self._read(policy))
        except (ControllerError, OSError, ValueError) as error:
            return Pair(self._last[1] if self._last is not None else self._find_served(), explain(error))

    def _read(self, policy: IngressPolicy) -> Served:
        from controller.security.pairs import read_pair  # loaded for those who ask for it

        chain, key = _read_user(policy) or self._read_own()
        digest = hashlib.sha256(chain + b"\0" + key).digest()
        if self._last is None or self._last[0] != digest:
            self._last = (digest, read_pair(chain, key))
        return self._last[1]

    def _read_own(self) -> tuple[bytes, bytes]:
        from controller.security.leaves import CHAIN, KEY

        files = read_files(self._folder / MOUNTS / INGRESS)
        if CHAIN not in files or KEY not in files:
            raise ValueError("the stack's authority has not issued one yet")
        return files[CHAIN], files[KEY]

    def _find_served(self) -> Served | None:
        """What a proxy that runs, or would be started, has."""
        from controller.security.pairs import read_pair

        try:
            text = (self._folder / FOLDER / "conf" / PAIR).read_bytes()
            return read_pair(text, text)
        except (OSError, ValueError):
            return None


def _read_user(policy: IngressPolicy) -> tuple[bytes, bytes] | None:
    if policy.certificate is None or policy.key is None:
        return None
    return _read_file(policy.certificate), _read_file(policy.key)


def _read_file(path: Path) -> bytes:
    with open_regular(path) as stream:
        text = stream.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"{path}: larger than {_LARGEST} octets")
    return text


def explain(error: Exception) -> str:
    if isinstance(error, ControllerError):
        return error.message
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return str(error)


def warn_pair(manifest: Stack | None, folder: Path) -> Iterator[Finding]:
    """What keeps the user's own certificate from being served, as its files are now."""
    tls = manifest.spec.security.tls if manifest is not None else None
    if tls is None or not tls.certificate or not tls.key:
        return
    from controller.security.pairs import read_pair

    policy = IngressPolicy(certificate=folder / tls.certificate, key=folder / tls.key)
    try:
        ends_at = read_pair(*_read_user(policy) or (b"", b"")).facts.ends_at
    except (OSError, ValueError) as error:
        hint = "until it can be served, the ingress turns everybody away at its TLS ports"
        yield at(("spec", "security", "tls", "certificate"), explain(error), hint=hint)
        return
    if ends_at <= datetime.now(UTC):
        message = f"the certificate ended at {ends_at:%Y-%m-%dT%H:%M:%SZ}"
        yield at(("spec", "security", "tls", "certificate"), message, hint="clients will refuse it: renew it")
