"""I: what is in the image, and whether it is the same tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.model.images import normalise_image
from controller.security.credentials import is_credential_name, told_name
from controller.security.images import ImageName, is_mutable, parse
from controller.security.reading import Keys, deep, mapping, pairs, text
from controller.security.subject import Checks, Hit, Subject
from controller.security.tokens import credential_in

IMAGES = Checks()

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_COMMIT = re.compile(r"#[0-9a-f]{40}(:|$)")
_REMOTE = re.compile(r"(https?://|git://|ssh://|github\.com/|git@)", re.IGNORECASE)
_SET_UID = re.compile(r"chmod\s+(-R\s+)?([2467][0-7]{3}|[ug]*\+s)")


def _image(one: Subject) -> str:
    """Its name; "" for what is built here and has none of a registry."""
    return "" if one.model.get("build") else text(one.model.get("image"))


@IMAGES.service(
    "I01", "medium", "no version",
    why="The same name leads to another image tomorrow, and nobody knows which one runs.",
    fix="name an exact version, such as redis:7.4.1",
    refs="CIS 5.28, CL-0004",
)  # fmt: skip
def version(one: Subject) -> Iterator[Hit]:
    name = _image(one)
    found = parse(name)
    if name and not found.digest and is_mutable(found.tag):
        yield Hit(("image",), f"{name} names no version" if not found.tag else f"'{found.tag}' is no version")


@IMAGES.service(
    "I02", "medium", "no digest",
    why="Whoever may write the tag decides what runs here.",
    fix="add the digest: name:tag@sha256:… (docker images --digests)",
    refs="OWASP 13, CL-0019",
)  # fmt: skip
def digest(one: Subject) -> Iterator[Hit]:
    name = _image(one)
    found = parse(name)
    if name and not found.digest and not is_mutable(found.tag):  # of that I01 speaks
        yield Hit(("image",), f"{name} has no digest")


@IMAGES.service(
    "I03", "medium", "registry that is not allowed",
    why="What comes from there was looked at by nobody.",
    fix="use an image of an allowed registry, or allow it: security.scan.allow.registries",
    refs="CIS 4.2, CIS 2.5, OWASP 13",
)  # fmt: skip
def registry(one: Subject) -> Iterator[Hit]:
    name = text(one.model.get("image"))
    found = parse(name)
    plain = re.match(r"(\d{1,3}(\.\d{1,3}){3}|[^/:]+:(80|5000))(:|$)", found.registry)
    if plain and not found.registry.startswith(("localhost", "127.")) and not one.model.get("build"):
        yield Hit(("image",), f"{found.registry} is asked without TLS, as it seems")
        return
    allowed = one.project.standards.registries
    if not name or not allowed or one.model.get("build"):
        return
    if not any(f"{_full(found)}/".startswith(f"{_spelled(place)}/") for place in allowed):
        yield Hit(("image",), f"{found.registry or 'docker.io'} is not among {', '.join(allowed)}")


def _full(name: ImageName) -> str:
    """As Docker completes it: `docker.io/library/nginx`."""
    registry = _spelled(name.registry or _HUB[0])
    plain = registry == _HUB[0] and "/" not in name.repository
    return f"{registry}/{'library/' if plain else ''}{name.repository}"


def _spelled(place: str) -> str:
    registry, slash, rest = place.rstrip("/").partition("/")
    return f"{_HUB[0] if registry in _HUB else registry}{slash}{rest}"


@IMAGES.service(
    "I04", "low", "signature not verified",
    why="Nothing proves that it was built by whom you trust.",
    fix="verify it (cosign verify --output json) and keep the result in security.scan.images.signatures",
    refs="CIS 4.5, CIS 4.12, OWASP 13",
)  # fmt: skip
def signature(one: Subject) -> Iterator[Hit]:
    signed = one.project.standards.signed
    name = _image(one)
    if signed is not None and name and not any(proof in name for proof in signed):
        yield Hit(("image",), "no verified signature of it is known")


@IMAGES.service(
    "I05", "medium", "vulnerabilities not looked for, or too many",
    why="Known holes are the first that are tried.",
    fix="scan it and keep the report in security.scan.images.reports; build it anew on a newer base",
    refs="CIS 4.4, OWASP 9",
)  # fmt: skip
def vulnerabilities(one: Subject) -> Iterator[Hit]:
    reports = one.project.standards.reports
    name = text(one.model.get("image"))
    if reports is None or not name:
        return
    found = reports.get(normalise_image(name))
    if found is None:
        yield Hit(("image",), "no report on it is there")
    elif found.stale:
        yield Hit(("image",), f"the report on it is {found.stale} old")
    elif found.worst is not None:
        yield Hit(("image",), f"the report on it has {found.many} of severity {found.worst}", severity=found.worst)


@IMAGES.service(
    "I06", "medium", "secrets or setuid programs in the image",
    why="Whoever can pull it has them.",
    fix="build in stages, with build secrets (--mount=type=secret)",
    refs="CIS 4.8, CIS 4.10",
)  # fmt: skip
def contents(one: Subject) -> Iterator[Hit]:
    facts = one.image
    if facts is None:
        return
    for line in facts.environment:
        name, _, value = line.partition("=")
        if value and (is_credential_name(name, value) or credential_in(value)):
            yield Hit(("image",), f"it brings a value for {told_name(name)}")
    if any(_SET_UID.search(line) for line in facts.history):
        yield Hit(("image",), "it makes a program setuid")
    if any(
        re.match(r"(/bin/sh -c #\(nop\) )?ADD (file|multi|dir)?:?.*(id_rsa|\.pem|\.key|\.env)\b", line)
        for line in facts.history
    ):
        yield Hit(("image",), "a key was added to it")


@IMAGES.service(
    "I07", "low", "what runs may be another one",
    why="A later start, or a build, may bring what nobody has looked at.",
    fix="name a version, and for what is built from elsewhere a commit",
    refs="CIS 5.28",
)  # fmt: skip
def drifting(one: Subject) -> Iterator[Hit]:
    found = parse(_image(one))
    if (
        text(one.model.get("pull_policy")) in ("never", "if_not_present", "missing")
        and found.repository
        and not found.digest
    ) and is_mutable(found.tag):
        yield Hit(("pull_policy",), "the name is no version, and what is here is never renewed")
    build = one.model.get("build")
    context = text(build) or text(mapping(build).get("context"))
    where: Keys = ("build", "context") if mapping(build) else ("build",)
    more = pairs(deep(one.model, "build", "additional_contexts"))
    for path, place in ((where, context), *((("build", "additional_contexts", name), said) for name, said in more)):
        if place and _REMOTE.match(place) and not _COMMIT.search(place):
            yield Hit(path, "it is built from elsewhere, and no commit is named", place)
