"""X: what shows only in what runs."""

from __future__ import annotations

from collections.abc import Iterator

from controller.model.running import Running
from controller.model.scanning import FindingSeverity
from controller.security.reading import Keys
from controller.security.subject import Hit
from controller.security.subject import rule as _rule

WEAKER = _rule(
    "X01", "high", "what runs is weaker than its definition",
    "Somebody, or an earlier release, gave it what the files do not.",
    "find out who did it, and replace it: controller rollout restart",
    "CIS 5",
)  # fmt: skip
COMMANDS = _rule(
    "X02", "medium", "command as root, or privileged, in a container",
    "It has more rights than the service itself.",
    "find out who ran it; leave out --privileged and --user root",
    "CIS 5.23, CIS 5.24",
)  # fmt: skip
STRANGERS = _rule(
    "X03", "high", "stranger on its network or volume",
    "What is not part of the stack reaches its services, or its data.",
    "disconnect it, or make it a service of the stack",
)  # fmt: skip


def commands(running: Running) -> Iterator[tuple[str, Hit]]:
    """By service."""
    for one in running.commands:
        how = "privileged" if one.privileged else f"as {one.user}"
        yield one.service, Hit((), f"'{one.command}' was run {how} in {one.container}")


def strangers(running: Running) -> Iterator[Hit]:
    for one in running.strangers:
        path: Keys = (f"{one.kind}s", one.key) if one.key else ()
        told = f"{one.container} of the stack {one.stack}" if one.stack else one.container
        yield Hit(path, f"{told} is on the {one.kind} {one.name}", severity=FindingSeverity.INFO if one.stack else None)
