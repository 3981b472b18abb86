"""Which programs a command starts: by itself, through a shell's `-c`, or behind what only hands on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from controller.security.reading import words

_SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")
_HANDS_ON = {"exec": 0, "env": 0, "nohup": 0, "setsid": 0, "sudo": 0, "command": 0, "time": 0, "then": 0, "do": 0,
             "else": 0, "if": 0, "while": 0, "!": 0, "tini": 0, "dumb-init": 0, "su-exec": 1, "gosu": 1}  # fmt: skip
"""What starts the program that it is given, after so many words of its own."""
_ENDS = re.compile(r"&&|\|\||[;|&\n(){}`]")
_SET = re.compile(r"[A-Za-z_]\w*=")


def started(argv: Sequence[str], deep: int = 0) -> Iterator[Sequence[str]]:
    """Each program with its arguments. A shell's script is split at its operators, quotes or not."""
    argv = _handed_on(argv)
    if not argv:
        return
    yield argv
    script = _script(argv)
    if script is not None and deep < 4:
        for one in _ENDS.split(script):
            yield from started(words(one), deep + 1)


def _handed_on(argv: Sequence[str]) -> Sequence[str]:
    """From the program on."""
    at = 0
    while at < len(argv):
        own = _HANDS_ON.get(_base(argv[at]))
        if own is None and not _SET.match(argv[at]):
            return argv[at:]
        at += 1
        while at < len(argv) and own is not None and argv[at].startswith("-"):
            at += 1
        at += own or 0
    return ()


def _script(argv: Sequence[str]) -> str | None:
    """What a shell is given to run."""
    if _base(argv[0]) not in _SHELLS:
        return None
    flags = (at for at, word in enumerate(argv[:-1]) if word.startswith("-") and word[1:2] != "-" and "c" in word)
    at = next(flags, None)
    return None if at is None else argv[at + 1]


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1]
