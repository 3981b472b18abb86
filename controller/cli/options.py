"""The options that every command understands, before or after its name, merged into one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("text", "json", "yaml", "wide", "name")
COLORS = ("auto", "always", "never")
ENGINES = ("compose", "simulated")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said about targets, engine and output; the defaults are those of docs/cli.md."""

    files: tuple[Path, ...] = ()
    stacks: tuple[str, ...] = ()
    profile: str | None = None
    output: str = "text"
    color: str = "auto"
    engine: str = "compose"
    log: Path | None = None
    verbosity: int = 0

    @property
    def structured(self) -> bool:
        """Whether the output is for programs."""
        return self.output in ("json", "yaml")


_SHARED: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-f", "--file", "files"), {"multiple": True, "metavar": "PATH", "help": "Manifest, Compose file or folder."}),
    (("-s", "--stack", "stacks"), {"multiple": True, "metavar": "NAME", "help": "Only this stack, by name."}),
    (("--profile",), {"metavar": "NAME", "help": "Startup profile, else Compose profile."}),
    (("-o", "--output"), {"type": click.Choice(OUTPUTS), "help": "How to print the result."}),
    (("--color",), {"type": click.Choice(COLORS), "help": "When to use colour."}),
    (("--engine",), {"type": click.Choice(ENGINES), "help": "Which engine runs the containers."}),
    (("--log",), {"metavar": "FILE", "help": "Append the log to this file too."}),
    (("-v", "--verbose"), {"count": True, "help": "Say more on standard error."}),
    (("-q", "--quiet"), {"count": True, "help": "Say nothing but errors and results."}),
)


def shared_options(function: F, *, without: frozenset[str] = frozenset(), outputs: tuple[str, ...] = ()) -> F:
    """Add the shared options to a click command. `without`: spellings that the command needs for something else;
    `outputs`: forms of output that only this one has."""
    decorated: F = function
    for names, settings in reversed(_SHARED):
        spelled = tuple(name for name in names if name not in without)
        more = {"type": click.Choice((*OUTPUTS, *outputs))} if outputs and "--output" in names else {}
        decorated = click.option(*spelled, **{**settings, **more})(decorated)
    return decorated


def takes_options(
    without: str = "", outputs: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the command gets one `options: Options` first, merged from both sides of its name.

    `without` lists spellings, separated by spaces, that mean something else to this command (`logs -f`); `outputs` are
    forms of output that only this one has.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.pass_context
        @wraps(function)
        def call(context: click.Context, /, **given: Any) -> Any:
            own = {key: given.pop(key) for key in _KEYS}
            root = context.find_root()
            root.obj = _merge(root.obj or {}, own)  # a group's hold for its sub-command, too
            return context.invoke(function, _make_options(root.obj), **given)

        return shared_options(call, without=frozenset(without.split()), outputs=outputs)

    return decorate


_KEYS = ("files", "stacks", "profile", "output", "color", "engine", "log", "verbose", "quiet")


def _merge(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What was said last counts; files and stacks add up, and so do -v and -q."""
    merged = {key: after[key] or before.get(key) for key in _KEYS}
    merged |= {key: (*before.get(key, ()), *after[key]) for key in ("files", "stacks")}
    return merged | {key: before.get(key, 0) + after[key] for key in ("verbose", "quiet")}


def _make_options(said: dict[str, Any]) -> Options:
    return Options(
        files=tuple(Path(name) for name in said["files"]),
        stacks=said["stacks"],
        profile=said["profile"] or None,
        output=said["output"] or "text",
        color=said["color"] or "auto",
        engine=said["engine"] or "compose",
        log=Path(said["log"]) if said["log"] else None,
        verbosity=said["verbose"] - said["quiet"],
    )
