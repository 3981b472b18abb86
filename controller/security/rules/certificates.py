"""W15: certificates and keys among a project's files."""

from __future__ import annotations

from collections.abc import Iterator

from controller.model.scanning import FindingSeverity
from controller.security.hostfiles import absolute
from controller.security.paths import HARMLESS, is_below
from controller.security.reading import mapping, mounts, text
from controller.security.subject import Checks, Hit, Project, SourceFile, Subject

CERTIFICATES = Checks()

_LEFT = 0.2
"""Share of its time below which a certificate is to be renewed."""
_BITS = 2048


@CERTIFICATES.service(
    "W15", "medium", "certificate or key that does not hold",
    why="What is over, weak or known to others keeps nobody from pretending to be the service.",
    fix="renew it with an RSA key of 2048 bits or more, or of an elliptic curve, in a file with mode 0600",
)  # fmt: skip
def mounted(one: Subject) -> Iterator[Hit]:
    for mount in mounts(one.model):
        path = absolute(one.project, mount.source)
        found = one.project.sources.get(path)
        if mount.kind == "bind" and found is not None and not is_below(path, HARMLESS):
            for message, severity in _judged(found, mount.source, is_secret=False):
                yield Hit(("volumes", mount.at), message, one.needle(mount), severity)


@CERTIFICATES.also_project("W15")
def kept(project: Project) -> Iterator[Hit]:
    for section, named in (("secrets", project.secrets), ("configs", project.configs)):
        for name, one in named.items():
            file = text(mapping(one).get("file"))
            found = project.sources.get(absolute(project, file)) if file else None
            if found is not None:
                for message, severity in _judged(found, file, is_secret=section == "secrets"):
                    yield Hit((section, name, "file"), message, file, severity)


def _judged(found: SourceFile, file: str, *, is_secret: bool) -> Iterator[tuple[str, FindingSeverity | None]]:
    """`is_secret`: who may read it is told by S08."""
    pem = found.pem
    if pem is None:
        return
    if pem.left is not None and pem.left <= 0:
        yield f"{file} ended on {pem.ends}", FindingSeverity.HIGH
    elif pem.left is not None and pem.left < _LEFT:
        yield f"{file} ends on {pem.ends}: less than a fifth of its time is left", None
    if pem.bits is not None and pem.bits < _BITS:
        yield f"{file} has an RSA key of {pem.bits} bits", None
    if pem.has_key and not is_secret and found.mode is not None and found.mode & 0o004:
        told = f"{file} holds a private key, and can be read by everybody ({found.mode & 0o777:04o})"
        yield told, FindingSeverity.HIGH
