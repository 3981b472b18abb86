"""Which certificate a stack's ingress is to serve now: of the user's files, or of the stack's own authority.

What cannot be read, or does not fit (a renewal that is half written), leaves the one that is served in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controller.ingress.config import PAIR, Tls
from controller.ingress.proxy import IMAGE, Wanted
from controller.intake.findings import at
from controller.intake.source import open_regular
from controller.loop.mounts import DATA
from controller.model.certified import INGRESS, MOUNTS
from controller.model.errors import Finding
from controller.model.routes import IngressPolicy

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.security.pairs import Served

FOLDER = "ingress"
"""Of the proxy, in the folder of the stack's state."""
_LARGEST = 1 << 20
"""Octets of a file that is read."""
_NOT_YET = "the stack's authority has not issued one yet"

Paths = tuple[Path, Path]
"""Of a chain and its key."""


Looks = tuple[tuple[int, int, int], ...]
"""What tells one state of files from another: of each the inode, the size, and when it was written."""


class Pair(NamedTuple):
    """What is to be served, None: there is nothing; and why it is not what it should be, "": it is."""

    served: Served | None = None
    trouble: str = ""


class PairReader:
    """Of one stack, whose state is in `folder`. For one thread. Files are read again where they look otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[Paths, Looks, Pair] | None = None
        self._good: Served | None = None
        """The last one that could be served."""

    def template(self, policy: IngressPolicy) -> Wanted:
        """All of what is wanted of the proxy that follows from the manifest alone."""
        served = self.read(policy).served if policy.tls else None
        tls = Tls(policy.tls, served.mark, served.text) if served is not None else Tls(policy.tls)
        return Wanted((), (), image=policy.image or IMAGE, tls=tls, log=policy.log)

    def read(self, policy: IngressPolicy) -> Pair:
        """Raises nothing."""
        paths = self._find_paths(policy)
        try:
            looks = tuple(map(_look, paths))
        except OSError as error:
            return Pair(self._last, explain(error) if policy.certificate else _NOT_YET)
        if self._known is None or self._known[:2] != (paths, looks):
            self._known = (paths, looks, self._read(paths))
        return self._known[2]

    def _find_paths(self, policy: IngressPolicy) -> Paths:
        if policy.certificate is not None and policy.key is not None:
            return policy.certificate, policy.key
        folder = self._folder / MOUNTS / INGRESS / DATA
        return folder / "tls.crt", folder / "tls.key"

    def _read(self, paths: Paths) -> Pair:
        from controller.security.pairs import read_pair  # loaded for those who ask for it

        try:
            self._good = read_pair(*map(_read_file, paths))
            return Pair(self._good)
        except (OSError, ValueError) as error:
            return Pair(self._last, explain(error))

    @property
    def _last(self) -> Served | None:
        """What was served so far, also by a proxy that another process of ours has set up."""
        from controller.security.pairs import read_pair

        if self._good is None:
            with suppress(OSError, ValueError):
                text = (self._folder / FOLDER / "conf" / PAIR).read_bytes()
                self._good = read_pair(text, text)
        return self._good


def _look(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read_file(path: Path) -> bytes:
    with open_regular(path) as stream:
        text = stream.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"{path}: larger than {_LARGEST} octets")
    return text


def explain(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return str(error)


def warn_pair(manifest: Stack | None, folder: Path) -> Iterator[Finding]:
    """What keeps the user's own certificate from being served, as its files are now."""
    tls = manifest.spec.security.tls if manifest is not None else None
    if tls is None or not tls.certificate or not tls.key:
        return
    from controller.security.pairs import read_pair

    try:
        ends_at = read_pair(_read_file(folder / tls.certificate), _read_file(folder / tls.key)).facts.ends_at
    except (OSError, ValueError) as error:
        hint = "until it can be served, the ingress turns everybody away at its TLS ports"
        yield at(("spec", "security", "tls", "certificate"), explain(error), hint=hint)
        return
    if ends_at <= datetime.now(UTC):
        message = f"the certificate ended at {ends_at:%Y-%m-%dT%H:%M:%SZ}"
        yield at(("spec", "security", "tls", "certificate"), message, hint="clients will refuse it: renew it")
