"""What a command is given: its words, scripts for a shell taken apart, and the names and values among them. Pure.

Variables in it are blank already, so that no value is taken for a word of the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from controller.security.credentials import holds, is_credential_name
from controller.security.defaults import is_default


class Word(NamedTuple):
    """One word, and which one of the whole command it is, or is part of."""

    text: str
    at: int = 0


class Given(NamedTuple):
    """A value, and what it is the value of; "" where it is a credential wherever it stands: `sshpass -p …`."""

    name: str
    value: str
    at: int


Call = Sequence[Word]
"""One program with its arguments."""

_SCRIPT = re.compile(r"""(?:\\.|[^\s'";|&\\]|'[^']*+'|"(?:[^"\\]|\\.)*+"|['"\\])++|[;|&\n]""", re.DOTALL)
_QUOTES = re.compile(r"\\(.)|['\"]", re.DOTALL)
_ENDS = frozenset(";|&\n")
_DEEPEST = 3
"""Scripts within scripts, and values within values."""


def calls(said: str | Sequence[str]) -> Iterator[Call]:
    """Each program that a command, or a script, starts."""
    if isinstance(said, str):
        yield from _scripted(said, 0, 0)
    else:
        yield from _called([Word(text, at) for at, text in enumerate(said)], 0)


def _scripted(script: str, at: int, depth: int) -> Iterator[Call]:
    tokens = _SCRIPT.findall(script)
    words = [Word(one if one in _ENDS else _QUOTES.sub(r"\1", one), at) for one in tokens]
    yield from _called(words, depth)


def _called(words: Sequence[Word], depth: int) -> Iterator[Call]:
    start = 0
    for end, word in enumerate((*words, Word(";"))):
        if word.text in _ENDS:
            call = words[start:end]
            start = end + 1
            if call:
                yield call
                yield from _within(call, depth)


def _within(call: Call, depth: int) -> Iterator[Call]:
    for before, word in zip((Word(""), *call), call, strict=False):
        if depth < _DEEPEST and re.search(r"\s", word.text) and before.text not in _HEADERS:
            yield from _scripted(word.text, word.at, depth + 1)


# --- names and values

_HEADERS = ("-H", "--header", "--header=")
_NAMED = re.compile(r"(-{0,2}/?)([A-Za-z_][\w.\[\]-]{0,255}+)=(.*)", re.DOTALL)
_OPTION = re.compile(r"--?([A-Za-z_][\w.-]{0,255}+)")
_BARE = ("requirepass", "masterauth")
"""Directives of Redis, whose values follow them."""
_HEADER = re.compile(r"([A-Za-z][\w-]{0,63}+):\s{0,8}(\S.*)", re.DOTALL)

_GLUED = frozenset(
    {
        "mysql", "mysqladmin", "mysqldump", "mysqlcheck", "mysqlimport", "mysqlshow", "mysqlslap", "mysqlpump",
        "mariadb", "mariadb-admin", "mariadb-dump", "mariadb-check", "mariadb-import", "mariadb-show",
    }
)  # fmt: skip
"""Programs that take a password only within the option: `-pWORD`, `--password=WORD`."""
_LETTERS = {
    "mongo": "p", "mongosh": "p", "mongodump": "p", "mongorestore": "p", "mongoexport": "p", "mongoimport": "p",
    "sshpass": "p", "cqlsh": "p", "rabbitmqadmin": "p", "redis-cli": "a", "valkey-cli": "a", "keydb-cli": "a",
    "ldapsearch": "w", "ldapadd": "w", "ldapmodify": "w", "ldapdelete": "w", "ldapwhoami": "w", "ldappasswd": "w",
    "sqlcmd": "P", "bcp": "P", "ssh": "", "scp": "", "sftp": "", "rsync": "", "psql": "", "pg_dump": "",
    "pg_isready": "", **dict.fromkeys(_GLUED, "p"),
}  # fmt: skip
"""Options of one letter that a password follows, by program; "" for what takes none, behind another one of these."""
_LOGS_IN = frozenset({"docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "oras", "helm", "regctl"})
"""Whose `login` takes one by `-p`."""
_USERS = {
    "curl": ("-u", "--user", "-U", "--proxy-user"), "http": ("-a", "--auth"), "https": ("-a", "--auth"),
    "smbclient": ("-U", "--user"),
}  # fmt: skip
"""Options that `user:password` follows, by program."""


def given(call: Call) -> Iterator[Given]:
    """Every value of a call that has a name, or is known by its place."""
    program, logs_in = "", False
    for at, word in enumerate(call):
        following = call[at + 1] if at + 1 < len(call) else Word("")
        base = word.text.rsplit("/", 1)[-1]
        if base in _LETTERS or base in _USERS:
            program = base
        elif base == "login" and logs_in:
            program = "login"
        logs_in = logs_in or base in _LOGS_IN
        yield from _by_letter(program, word, following)
        yield from _by_name(program, word, following, 0)


def _by_letter(program: str, word: Word, following: Word) -> Iterator[Given]:
    letter = "p" if program == "login" else _LETTERS.get(program, "")
    if letter and word.text == f"-{letter}":
        if program not in _GLUED:
            yield Given("", following.text, following.at)
    elif letter and word.text.startswith(f"-{letter}") and not word.text.startswith("-port"):
        yield Given("", word.text[2:], word.at)
    option, sign, value = word.text.partition("=")
    if option in _USERS.get(program, ()):
        login, at = (value, word.at) if sign else following
        yield Given("", re.split("[:%]", login, maxsplit=1)[-1] if re.search("[:%]", login) else "", at)


def _by_name(program: str, word: Word, following: Word, depth: int) -> Iterator[Given]:
    if word.text in _HEADERS:
        yield from _by_header(following)
    elif found := _NAMED.fullmatch(word.text):
        yield from _assigned(program, found, word, depth)
    elif (option := _OPTION.fullmatch(word.text)) and not (program in _GLUED and option[1] == "password"):
        yield Given(_plain(word.text, option[1]), following.text, following.at)
    elif word.text in _BARE:
        yield Given(word.text, following.text, following.at)


def _assigned(program: str, found: re.Match[str], word: Word, depth: int) -> Iterator[Given]:
    """`--name=value`, `NAME=value`; and what is within such a value."""
    value = Word(found[3], word.at)
    if found[2] == "header":
        yield from _by_header(value)
        return
    yield Given(_plain(word.text, found[2]), value.text, value.at)
    if depth < _DEEPEST and "=" in value.text:
        for call in _scripted(value.text, 0, _DEEPEST) if re.search(r"\s", value.text) else ([value],):
            for one, after in zip(call, (*call[1:], Word("")), strict=False):
                yield from _by_name(program, Word(one.text, word.at), Word(after.text, word.at), depth + 1)


def _plain(option: str, name: str) -> str:
    """Its last part: `-Dspring.datasource.password`; `api.key` where that alone says nothing."""
    return last_part(name[1:] if re.match(r"-D[a-zA-Z]", option) else name)


def last_part(name: str) -> str:
    """What a dotted name is the name of."""
    parts = name.split(".")
    return ".".join(parts[-2:] if parts[-1].lower() in ("key", "keys", "value") else parts[-1:])


def _by_header(word: Word) -> Iterator[Given]:
    found = _HEADER.fullmatch(word.text)
    if found:
        name = "token" if found[1].lower() in ("authorization", "proxy-authorization") else found[1]
        yield Given(name, found[2].split()[-1], word.at)


# --- what of it is a credential

_ELSEWHERE = ("-", "/", "./", "@", "<", "{{", "%(", "$", "*")
"""How values begin that say where it is, or what is to stand there."""
_MOUNT = re.compile(r"(id|type|src|source|env)=")
_CALLED = re.compile(r"[a-z][a-z0-9]*+(?:[-_.][a-z0-9]++)++")
_WORDS = re.compile(r"(?:^|[-_.])(secret|token|key|credential|password|name)s?(?:[-_.]|$)")


def is_credential(one: Given) -> bool:
    """Whether it stands there itself, and is no name of one: `--secret my-secret-name`."""
    if not holds(one.value) or one.value.startswith(_ELSEWHERE) or _MOUNT.match(one.value):
        return False
    if not one.name:
        return True
    is_name = _CALLED.fullmatch(one.value) and _WORDS.search(one.value) and not is_default(one.value)
    return is_credential_name(one.name, one.value) and not is_name
