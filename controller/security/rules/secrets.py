"""S: credentials that stand where others read them. No message holds one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from controller.security.addresses import address_login, json_pairs
from controller.security.arguments import Given, calls, given, is_credential, last_part
from controller.security.blanks import BLANK, filled
from controller.security.credentials import holds, is_credential_name, name_words, told_name
from controller.security.defaults import is_default
from controller.security.reading import Keys, deep, items, mapping, pairs, text, texts
from controller.security.subject import Checks, Hit, Literal, Project, Subject
from controller.security.tokens import Token, credential_in, token_in

SECRETS = Checks()

FILE = "put it into a file: secrets: {…: {file: …}} and NAME_FILE=/run/secrets/…"


def _literals(one: Subject) -> Iterator[Literal]:
    """Variables whose values stand in a file, what is filled in blank; of what only names others, nothing does."""
    for name, value in pairs(one.model.get("environment")):
        if value:
            written = one.written("environment", name) if one.project.is_written else value.replace("$", "$$")
            shown = filled(value if written is None else written)
            if holds(shown):
                yield Literal(name, shown, address_login(shown))


_MAYBE = re.compile(r"pass|pwd|token|secret|key|cred|auth", re.IGNORECASE)


def _is_held(name: str, shown: str) -> bool:
    """A value is a credential by its name, or has one within: options of a program, JSON."""
    if is_credential_name(name, shown):
        return True
    return _MAYBE.search(shown) is not None and _argument(shown) is not None


@SECRETS.service(
    "S01", "high", "credential in the definition",
    why="Whoever reads the file, or inspects the container, has it.",
    fix=FILE,
    refs="OWASP 12, CL-0020",
)  # fmt: skip
def variables(one: Subject) -> Iterator[Hit]:
    for name, shown, login in one.literals(_literals):
        if login is None and _is_held(name, shown):
            yield Hit(("environment", name), f"{told_name(name)} stands there in clear", name)


@SECRETS.service(
    "S02", "high", "credential in an address",
    why="Addresses end up in logs and error messages, and the credential with them.",
    fix=FILE,
    refs="CL-0021",
)  # fmt: skip
def addresses(one: Subject) -> Iterator[Hit]:
    for name, _, login in one.literals(_literals):
        if login is not None:
            yield Hit(("environment", name), f"the address in {told_name(name)} holds a credential", name)


@SECRETS.service(
    "S03", "high", "credential in a command, a label or a build argument",
    why="All of these are shown to everyone who may list processes or inspect containers and images.",
    fix=FILE,
    refs="CL-0020",
)  # fmt: skip
def elsewhere(one: Subject) -> Iterator[Hit]:
    for said in _commands(one):
        found = _argument(said.words)
        if found is not None:
            path = (*said.path, found.at) if said.is_listed else said.path
            yield Hit(path, "a credential is one of its arguments", _sought(found))
    for path, name, shown in _labelled(one):
        if _is_named(name, shown):
            yield Hit(path, f"{told_name(name)} holds a credential", name)
    for path, place in _contexts(one):
        if address_login(place) is not None:
            yield Hit(path, "the address of what is built holds a credential")


def _sought(found: Given) -> str:
    """As it may be written; of what is put together with variables the longest part."""
    value = max(found.value.split(BLANK), key=len)
    return "\n".join((*(f"{found.name}{sign}{value}" for sign in "= " if found.name), value))


def _argument(words: str | list[str]) -> Given | None:
    """The first credential that a command holds."""
    for call in calls(words):
        for one in given(call):
            if is_credential(one):
                return one
    for at, word in enumerate([words] if isinstance(words, str) else words):
        if login := address_login(word):
            return Given("", login.password, at)
        for name, value in json_pairs(word):
            if is_credential_name(name, value) and holds(value):
                return Given("", value, at)
    return None


class _Said(NamedTuple):
    """A command, variables in it blank. `is_listed`: its words are items of a list in the file."""

    path: Keys
    words: str | list[str]
    is_listed: bool = False


def _commands(one: Subject) -> Iterator[_Said]:
    for keys in (("command",), ("entrypoint",), ("healthcheck", "test")):
        yield _said(one, keys, deep(one.model, *keys))
    for path, hook in _hooks(one):
        yield _said(one, (*path, "command"), hook.get("command"))


def _hooks(one: Subject) -> Iterator[tuple[Keys, Mapping[str, object]]]:
    for key in ("post_start", "pre_start", "pre_stop"):
        for index, hook in enumerate(items(one.model.get(key))):
            yield (key, index), mapping(hook)


def _said(one: Subject, path: Keys, found: object) -> _Said:
    written = one.written(*path) if one.project.is_written else None
    if written is not None or isinstance(found, str):
        return _Said(path, _in_shell(written if written is not None else text(found)))
    words = [one.written(*path, at) if one.project.is_written else None for at in range(len(items(found)))]
    told = [text(one) if word is None else word for one, word in zip(items(found), words, strict=True)]
    return _Said(path, [*map(_in_shell, told)], is_listed=bool(words) and None not in words)


def _in_shell(said: str) -> str:
    return filled(said.replace("$$", "$"), in_shell=True)


def _is_named(name: str, shown: str) -> bool:
    return holds(shown) and (is_credential_name(last_part(name), shown) or address_login(shown) is not None)


def _labelled(one: Subject) -> Iterator[tuple[Keys, str, str]]:
    named: tuple[tuple[str, ...], ...] = (
        ("labels",), ("annotations",), ("build", "args"), ("build", "labels"), ("deploy", "labels"),
        ("logging", "options"),
    )  # fmt: skip
    places: list[tuple[Keys, object]] = [(path, deep(one.model, *path)) for path in named]
    places += [((*path, "environment"), hook.get("environment")) for path, hook in _hooks(one)]
    for path, found in places:
        for name, value in pairs(found):
            yield (*path, name), name, _shown(one.project, ("services", one.name, *path, name), value or "")


def _shown(project: Project, path: Keys, value: str) -> str:
    written = project.written(path) if project.is_written else None
    return filled(value if written is None else written)


def _contexts(one: Subject) -> Iterator[tuple[Keys, str]]:
    build = one.model.get("build")
    path: Keys = ("build", "context") if mapping(build) else ("build",)
    for context in texts([text(build) or text(mapping(build).get("context"))]):
        yield path, _shown(one.project, ("services", one.name, *path), context)
    for name, place in pairs(mapping(build).get("additional_contexts")):
        path = ("build", "additional_contexts", name)
        yield path, _shown(one.project, ("services", one.name, *path), place or "")


@SECRETS.also_project("S03")
def extensions(project: Project) -> Iterator[Hit]:
    for path, value in _extensions(project):
        yield from _below(project, path, value)
    for path, _, key, shown in _said_of_parts(project, "labels"):
        if _is_named(key, shown):
            yield Hit(path, f"{told_name(key)} holds a credential", key)


def _said_of_parts(project: Project, said: str) -> Iterator[tuple[Keys, str, str, str]]:
    """Each label, or option, of the networks and volumes: its place, whose it is, its name, and its value."""
    for section in ("networks", "volumes"):
        for name, spec in project.defined(section).items():
            for key, value in pairs(mapping(spec).get(said)):
                path = (section, name, said, key)
                yield path, name, key, _shown(project, path, value or "")


def _extensions(project: Project) -> Iterator[tuple[Keys, object]]:
    yield from (((name,), value) for name, value in project.rest.items() if name.startswith("x-"))
    yield from project.extensions


def _below(project: Project, path: Keys, value: object) -> Iterator[Hit]:
    for key, found in _entries(value):
        where = (*path, key)
        told = text(found)
        name, shown = str(key), _shown(project, where, told)
        if isinstance(key, int):  # an item `NAME=value`
            name, _, shown = shown.partition("=")
        if told and _is_named(name, shown):
            yield Hit(where, f"{told_name(name)} holds a credential", name)
        elif not told:
            yield from _below(project, where, found)


def _entries(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, list | tuple):
        yield from enumerate(value)
    else:
        yield from ((str(key), one) for key, one in mapping(value).items())


@SECRETS.project(
    "S04", "high", "credential in the options of a volume or a network",
    why="`docker volume inspect` shows it to everyone who may speak to the engine.",
    fix="name a file that only root reads: o: credentials=/etc/…",
)  # fmt: skip
def volume_options(project: Project) -> Iterator[Hit]:
    for path, name, key, shown in _said_of_parts(project, "driver_opts"):
        if _is_option(key, shown):
            yield Hit(path, f"{told_name(key)} of '{name}' holds a credential", key)


def _is_option(key: str, shown: str) -> bool:
    """The driver's own, or one of those for mounting: `o: username=…,password=…`, `user=name%password`."""
    if address_login(shown) is not None or (is_credential_name(key, shown) and holds(shown)):
        return True
    for name, _, value in (part.strip().partition("=") for part in shown.split(",")):
        login = value.partition("%")[2] if name.lower() in ("user", "username") else value
        is_one = login != value or (is_credential_name(name, value) and name.lower() not in ("credentials", "cred"))
        if is_one and holds(login):
            return True
    return False


@SECRETS.service(
    "S05", "high", "token in the definition",
    why="It is one that is known by its form, and valid until it is revoked.",
    fix="revoke it, make another, and put that into a file",
)  # fmt: skip
def tokens(one: Subject) -> Iterator[Hit]:
    for path, value in _scalars(one.model, ()):
        found = token_in(value)
        if found is not None and not _is_filled_in(one.project, ("services", one.name, *path)):
            yield _token(path, found)


def _token(path: Keys, found: Token) -> Hit:
    return Hit(path, f"it holds {found.kind}", found.text)


def _is_filled_in(project: Project, path: Keys) -> bool:
    """It is a variable's value, and does not stand in a file."""
    written = project.written(path) if project.is_written else None
    return written is not None and "$" in written and credential_in(written) is None


@SECRETS.also_project("S05")
def project_tokens(project: Project) -> Iterator[Hit]:
    defined = (((name,), project.defined(name)) for name in ("volumes", "networks", "configs", "secrets"))
    rest = (((name,), value) for name, value in project.rest.items())
    for place, value in (*defined, *rest, *project.extensions):
        for path, found in _scalars(value, place):
            token = token_in(found)
            if token is not None and not _is_filled_in(project, path):
                yield _token(path, token)


def _scalars(value: object, path: Keys) -> Iterator[tuple[Keys, str]]:
    if told := text(value):
        yield path, told
    for key, found in _entries(value):
        yield from _scalars(found, (*path, key))


@SECRETS.service(
    "S09", "high", "password that everybody knows",
    why="It is tried first.",
    fix="make a random one, and put it into a file",
)  # fmt: skip
def defaults(one: Subject) -> Iterator[Hit]:
    known = one.literals(_literals)
    users = {stem: value for name, value, _ in known if (stem := _user_of(name))}
    for name, shown, login in known:
        if login is not None:
            found = is_default(login.password) or login.password == login.user
        else:
            found = is_credential_name(name) and (is_default(shown) or users.get(name_words(name)[:-1]) == shown)
        if found:
            yield Hit(("environment", name), f"{told_name(name)} is one that everybody knows", name)


def _user_of(name: str) -> tuple[str, ...]:
    """`POSTGRES_USER` is that of all that begins with POSTGRES."""
    *stem, last = name_words(name) or ("",)
    return tuple(stem) if last in ("USER", "USERNAME") else ()
