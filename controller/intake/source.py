"""Reads YAML files guarded: a path in, documents with positions out, or findings with file, line and column."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import yaml

from controller.intake.tree import Node, Place, build_trees, plain, refuse
from controller.model.errors import Finding

MAX_BYTES = 1 << 20
_NULL_DEVICE = os.makedev(1, 3)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. `file` is the name that people know it by."""

    file: str
    root: Node = field(repr=False)
    text: str = field(default="", repr=False, compare=False)
    """Of the whole file."""

    def data(self) -> Any:
        """Plain mappings, lists and scalars."""
        return plain(self.root)

    def find(self, path: tuple[str | int, ...], *, key: bool = False) -> tuple[Place, int]:
        """Where the value (or the key) at a path stands, and how many parts of the path exist."""
        node, place = self.root, self.root.place
        for found, part in enumerate(path):
            entry = node.child(part)
            if entry is None:
                return place, found
            node, place = entry.node, entry.node.place
            if key and found == len(path) - 1:
                place = entry.place
        return place, len(path)


def read_documents(path: Path, name: str | None = None) -> tuple[Document, ...]:
    """The documents of a file; InvalidInput names file, line and column of what cannot be used."""
    file = name or str(path)
    return parse_documents(read_text(path, file), file)


def read_text(path: Path, name: str | None = None) -> str:
    """A regular UTF-8 file of at most 1 MiB; a byte order mark is dropped."""
    file = name or str(path)
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_BYTES:
                raise refuse(file, f"has {size} bytes; at most {MAX_BYTES} are read")
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "check the path and its permissions"
        raise refuse(file, f"cannot be read: {error.strerror}", hint=hint) from None
    return _decode(raw, file)


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file and nothing else. Raises OSError."""
    # Without O_NONBLOCK a FIFO would hold us for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file")


@dataclass(frozen=True, slots=True)
class EnvText:
    """The text of an env file, and what is to be said of it."""

    text: str = ""
    remarks: tuple[Finding, ...] = ()


def read_env(path: Path) -> EnvText:
    """An env file, which Compose reads as well: empty where there is none, or where only Compose can say what is wrong.

    Raises InvalidInput for what Compose had better not open: devices and pipes, which may never end, and huge files.
    """
    file = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode) or (stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL_DEVICE):
            return EnvText()
        with open_regular(path) as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise refuse(file, "cannot be read: it is not a regular file", hint="name a file of variables") from None
        return EnvText()
    return _env_text(raw, file)


def _env_text(raw: bytes, file: str) -> EnvText:
    _check_bytes(raw, file)
    try:
        return EnvText(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        said = refuse(file, "is not UTF-8 text", _place_of(raw, error.start), hint="save it as UTF-8")
        return EnvText(raw.decode("utf-8", "replace"), said.findings)


def _check_bytes(raw: bytes, file: str) -> None:
    if len(raw) > MAX_BYTES:
        raise refuse(file, f"has more than {MAX_BYTES} bytes; at most so many are read", hint="is it the right file?")
    at = raw.find(b"\0")
    if at >= 0:
        raise refuse(file, "is binary: it holds a NUL byte", _place_of(raw, at), hint="is it the right file?")


def _decode(raw: bytes, file: str) -> str:
    _check_bytes(raw, file)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(file, "is not UTF-8 text", _place_of(raw, error.start), hint="save it as UTF-8") from None


def _place_of(raw: bytes, offset: int) -> Place:
    """Of a byte; columns count bytes, for what is no text has no characters."""
    return Place(raw.count(b"\n", 0, offset) + 1, offset - raw.rfind(b"\n", 0, offset))


def parse_documents(text: str, file: str) -> tuple[Document, ...]:
    """The documents of a text; empty ones are left out."""
    try:
        return tuple(Document(file, root, text) for root in build_trees(text, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else None
        problem = " ".join(part for part in (error.problem, error.context) if part)
        raise refuse(file, f"is not YAML: {problem}", place, hint=_syntax_hint(text, place)) from None
    except yaml.YAMLError as error:
        raise refuse(file, f"is not YAML: {str(error).splitlines()[0]}") from None


def _syntax_hint(text: str, place: Place | None) -> str | None:
    lines = text.split("\n")
    if place is not None and place.line <= len(lines) and re.match(r"\s*\t", lines[place.line - 1]):
        return "YAML is indented with spaces, not with tabs"
    return None
