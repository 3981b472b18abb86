"""S: secrets that stand where others read them. No message holds one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.security.credentials import (
    credential_in,
    is_credential_name,
    is_default,
    is_literal,
    literal_default,
    url_secret,
)
from controller.security.paths import is_below, tidy
from controller.security.reading import LONGEST_COMMAND, Keys, command, deep, mapping, pairs, text
from controller.security.subject import Checks, Hit, Project, Subject

SECRETS = Checks()

_FILE = "put it into a file: secrets: {…: {file: …}} and NAME_FILE=/run/secrets/…"


def _literals(one: Subject) -> Iterator[tuple[str, str]]:
    """Variables whose values stand in a file; of what only names other variables, nothing does."""
    for name, value in pairs(one.model.get("environment")):
        if not value:
            continue
        written = one.written("environment", name) if one.project.is_written else None
        if written is None:
            yield name, value
        elif is_literal(written):
            yield name, literal_default(written)


@SECRETS.service(
    "S01", "high", "credential in the definition",
    why="Whoever reads the file, or inspects the container, has it.",
    fix=_FILE,
    refs="OWASP 12, CL-0020",
)  # fmt: skip
def variables(one: Subject) -> Iterator[Hit]:
    for name, value in one.literals(_literals):
        if is_credential_name(name, value) and url_secret(value) is None:
            yield Hit(("environment", name), f"{name} stands there in clear", name)


@SECRETS.service(
    "S02", "high", "credential in an address",
    why="Addresses end up in logs and error messages, and the credential with them.",
    fix=_FILE,
    refs="CL-0021",
)  # fmt: skip
def addresses(one: Subject) -> Iterator[Hit]:
    for name, value in one.literals(_literals):
        if url_secret(value) is not None:
            yield Hit(("environment", name), f"the address in {name} holds a password", name)


_ARGUMENT = re.compile(
    r"(?:^|\s)(?:--?|/)?([A-Za-z][\w-]*(?:password|passwd|secret|token|api-?key|requirepass|masterauth|access-?key)|password"
    r"|passwd|requirepass|secret|token|api-?key)[= ]+['\"]?([^\s'\"]+)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"\b(?:mysql|mysqladmin|mariadb|mysqldump|mongosh?)\b.*?\s-p(?!ort)([^\s'\"-][^\s'\"]*)|\bPGPASSWORD=(\S+)"
)
_CURL = re.compile(r"\bcurl\b.*\s(?:-u|--user)[ =]?['\"]?[^\s:'\"]+:([^\s'\"]+)")


@SECRETS.service(
    "S03", "high", "credential in a command, a label or a build argument",
    why="All of these are shown to everyone who may list processes or inspect containers and images.",
    fix=_FILE,
    refs="CL-0020",
)  # fmt: skip
def elsewhere(one: Subject) -> Iterator[Hit]:
    for path, said in _commands(one):
        if _has_argument(said):
            yield Hit(path, "a credential is one of its arguments")
    for path, name, value in _labelled(one):
        if is_literal(value) and (is_credential_name(name, literal_default(value)) or url_secret(value)):
            yield Hit(path, f"{name} holds a credential", name)


def _has_argument(said: str) -> bool:
    said = said.replace("$$", "$")  # as a shell in the container has it
    if url_secret(said) is not None:
        return True
    found = [found[2] for found in _ARGUMENT.finditer(said)]
    found += [value for one in _SHORT.finditer(said) for value in one.groups() if value]
    found += [one[1] for one in _CURL.finditer(said)]
    return any(is_literal(value) and not value.startswith(("-", "/", "file:", "<", "$(", "`", "@")) for value in found)


def _commands(one: Subject) -> Iterator[tuple[Keys, str]]:
    for path in (("command",), ("entrypoint",), ("healthcheck", "test")):
        said = command(deep(one.model, *path))
        written = one.written(*path) if one.project.is_written else None
        if said:
            yield path, written[:LONGEST_COMMAND] if written is not None else said


def _labelled(one: Subject) -> Iterator[tuple[Keys, str, str]]:
    for path in (("labels",), ("annotations",), ("build", "args"), ("build", "labels"), ("deploy", "labels")):
        for name, value in pairs(deep(one.model, *path)):
            written = one.written(*path, name) if one.project.is_written else None
            yield (*path, name), name, (value or "") if written is None else written


@SECRETS.also_project("S03")
def extensions(project: Project) -> Iterator[Hit]:
    for section, value in project.rest.items():
        if section.startswith("x-"):
            yield from _below(project, (section,), value)


def _below(project: Project, path: Keys, value: object) -> Iterator[Hit]:
    for key, found in mapping(value).items():
        told = text(found)
        if told and is_literal(told) and is_credential_name(str(key), literal_default(told)):
            yield Hit((*path, str(key)), f"{key} holds a credential", str(key))
        elif not told:
            yield from _below(project, (*path, str(key)), found)


@SECRETS.project(
    "S04", "high", "credential in the options of a volume",
    why="`docker volume inspect` shows it to everyone who may speak to the engine.",
    fix="name a file that only root reads: o: credentials=/etc/…",
)  # fmt: skip
def volume_options(project: Project) -> Iterator[Hit]:
    for name, spec in project.volumes.items():
        for key, value in pairs(mapping(spec).get("driver_opts")):
            path = ("volumes", name, "driver_opts", key)
            written = project.written(path) if project.is_written else None
            told = written if written is not None else value or ""
            given = re.search(r"(?:^|,)\s*(?:password|pass|passwd)=([^,]+)", told)
            if (
                (given and is_literal(given[1]))
                or (is_credential_name(key, told) and is_literal(told))
                or url_secret(told)
            ):
                yield Hit(path, f"{key} of '{name}' holds a credential", key)


@SECRETS.service(
    "S05", "high", "token in the definition",
    why="It is one that is known by its form, and valid until it is revoked.",
    fix="revoke it, make another, and put that into a file",
)  # fmt: skip
def tokens(one: Subject) -> Iterator[Hit]:
    for path, value in _scalars(one.model, ()):
        kind = credential_in(value)
        if kind is not None and not _is_filled_in(one, path):
            yield Hit(path, f"it holds {kind}")


def _is_filled_in(one: Subject, path: Keys) -> bool:
    """It is a variable's value, and does not stand in a file."""
    written = one.written(*path) if one.project.is_written else None
    return written is not None and "$" in written and credential_in(written) is None


@SECRETS.also_project("S05")
def project_tokens(project: Project) -> Iterator[Hit]:
    parts = {"volumes": project.volumes, "configs": project.configs, "secrets": project.secrets, **project.rest}
    for section, value in parts.items():
        for path, found in _scalars(value, (section,)):
            if (kind := credential_in(found)) is not None:
                yield Hit(path, f"it holds {kind}")


def _scalars(value: object, path: Keys) -> Iterator[tuple[Keys, str]]:
    if hasattr(value, "items"):
        for key, found in mapping(value).items():
            yield from _scalars(found, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, found in enumerate(value):
            yield from _scalars(found, (*path, index))
    elif told := text(value):
        yield path, told


OWNED = ("ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE", "JWT_SECRET_KEY", "JWT_SECRET", "CONTROLLER_")
"""Variables that are the controller's own."""


@SECRETS.project(
    "S06", "critical", "the controller's own variable",
    why="What it holds would go to a container, and with it the keys to all that the controller keeps.",
    fix="give the service a variable of its own, or a secret",
)  # fmt: skip
def own_variables(project: Project) -> Iterator[Hit]:
    for path, name in project.looked_at:
        if name in OWNED or name.startswith(OWNED[-1]):
            yield Hit(path, f"{name} is the controller's own", name)


@SECRETS.project(
    "S07", "high", "file from outside of the project",
    why="Whoever writes the definition reads any file of this machine with it.",
    fix="keep it below the project's folder",
)  # fmt: skip
def outside(project: Project) -> Iterator[Hit]:
    for section, named in (("secrets", project.secrets), ("configs", project.configs)):
        for name, one in named.items():
            file = text(mapping(one).get("file"))
            if file and _is_outside(project, file):
                yield Hit((section, name, "file"), f"{file} lies outside of it", file)
    for keys, file in project.named_files:
        if _is_outside(project, file):
            yield Hit(keys, f"{file} lies outside of it")


def _is_outside(project: Project, file: str) -> bool:
    if not project.directory:
        return False
    path = tidy(file if file.startswith(("/", "~", "$")) else f"{project.directory}/{file}")
    found, own = project.sources.get(path), project.sources.get(project.directory)
    really = found is not None and not is_below(found.path, (own.path if own is not None else project.directory,))
    return really or not is_below(path, (project.directory,))


@SECRETS.project(
    "S08", "medium", "secret that others can read",
    why="What everybody reads, or what lies in the repository, is no secret; one from a variable is kept in clear.",
    fix="a file with mode 0600, outside of what git knows",
)  # fmt: skip
def loose_files(project: Project) -> Iterator[Hit]:
    for name, one in project.secrets.items():
        file = text(mapping(one).get("file"))
        if text(mapping(one).get("environment")):
            yield Hit(
                ("secrets", name, "environment"), f"'{name}' comes from a variable, and is written into the container"
            )
        path = tidy(file if file.startswith("/") else f"{project.directory}/{file}")
        found = project.sources.get(path) if file else None
        if found is None:
            continue
        if found.mode is not None and found.mode & 0o004:
            yield Hit(("secrets", name, "file"), f"{file} can be read by everybody ({found.mode & 0o777:04o})", file)
        elif found.tracked:
            yield Hit(("secrets", name, "file"), f"{file} is kept in git", file)


@SECRETS.service(
    "S09", "high", "password that everybody knows",
    why="It is tried first.",
    fix="make a random one, and put it into a file",
)  # fmt: skip
def defaults(one: Subject) -> Iterator[Hit]:
    for name, value in one.literals(_literals):
        secret = url_secret(value)
        known = is_default(secret) if secret is not None else is_credential_name(name, value) and is_default(value)
        if known:
            yield Hit(("environment", name), f"{name} is one that everybody knows", name)
