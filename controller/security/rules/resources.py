"""R: what keeps one service from taking the machine from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.model.running import Model
from controller.security.reading import Keys, deep, is_true, items, limit, mapping, number, octets, pairs, text
from controller.security.subject import Checks, Hit, Subject

RESOURCES = Checks()

_TRIES = 5
"""Restarts after which one that fails is left alone; the benchmark's number."""
_SIZED = ("json-file", "")
"""Log drivers that grow for ever where no size is set; "" is the engine's default."""


def _where(one: Subject, own: str, key: str) -> Keys:
    """Where a limit stands, or would."""
    if own in one.model:
        return (own,)
    return ("deploy", "resources", "limits", key) if deep(one.model, "deploy", "resources") else (own,)


@RESOURCES.service(
    "R01", "medium", "no memory limit",
    why="One leak takes the memory of all, and the kernel ends whom it likes.",
    fix="mem_limit, or deploy.resources.limits.memory",
    refs="CIS 5.11, OWASP 7, CL-0026, KICS bb9ac4f7",
)  # fmt: skip
def memory(one: Subject) -> Iterator[Hit]:
    if not octets(limit(one.model, "memory", "mem_limit")):
        yield Hit(_where(one, "mem_limit", "memory"), "it may use all memory")


@RESOURCES.service(
    "R02", "low", "no processor limit",
    why="One loop takes the cores of all.",
    fix="cpus, or deploy.resources.limits.cpus",
    refs="CIS 5.12, OWASP 7, CL-0026, KICS 6b610c50",
)  # fmt: skip
def processor(one: Subject) -> Iterator[Hit]:
    quota = number(one.model.get("cpu_quota"))
    given = (number(limit(one.model, "cpus", "cpus")), number(one.model.get("cpu_shares")), quota)
    if not any(value and value > 0 for value in given) and not one.model.get("cpuset"):
        yield Hit(_where(one, "cpus", "cpus"), "it may use all cores")


@RESOURCES.service(
    "R03", "medium", "no limit of processes",
    why="A fork bomb in it leaves nobody a process.",
    fix="pids_limit: 200, or as many as it needs",
    refs="CIS 5.29, KICS 221e0658",
)  # fmt: skip
def processes(one: Subject) -> Iterator[Hit]:
    given = number(limit(one.model, "pids", "pids_limit"))
    if not given or given < 0:
        yield Hit(_where(one, "pids_limit", "pids"), "it may start any number of processes")


@RESOURCES.service(
    "R04", "info", "raised limits of a process",
    why="More than the engine's default is rarely needed, and each is a limit less.",
    fix="remove it, or keep it if the service's own manual asks for it",
    refs="CIS 5.19, OWASP 7",
)  # fmt: skip
def ulimits(one: Subject) -> Iterator[Hit]:
    for name, value in mapping(one.model.get("ulimits")).items():
        is_pair = hasattr(value, "get")
        told = text(value.get("hard", 0) if is_pair else value)  # Compose leaves a zero out
        raised = told == "-1" or name == "core" or (name == "nofile" and (number(told) or 0) > 1_048_576)
        if raised and told != "0":
            path: Keys = ("ulimits", name, "hard") if is_pair else ("ulimits", name)
            yield Hit(path, f"{name} is {'unlimited' if told == '-1' else told}", name)


@RESOURCES.service(
    "R05", "medium", "spared when memory is short",
    why="The kernel ends something else in its place, or the machine stands still.",
    fix="remove it",
)  # fmt: skip
def spared(one: Subject) -> Iterator[Hit]:
    if is_true(one.model.get("oom_kill_disable")):
        yield Hit(("oom_kill_disable",), "the kernel may not end it")
    if (number(one.model.get("oom_score_adj")) or 0) < 0:
        yield Hit(
            ("oom_score_adj",), f"the kernel ends others before it (oom_score_adj: {text(one.model['oom_score_adj'])})"
        )
    if text(one.model.get("memswap_limit")) == "-1":
        yield Hit(("memswap_limit",), "it may swap without limit")


@RESOURCES.service(
    "R06", "medium", "restarts without an end, or none",
    why="One that can never start is started for ever; one without a policy stays down while no controller runs.",
    fix="restart: on-failure:5",
    refs="CIS 5.15, KICS 2fc99041",
)  # fmt: skip
def restarts(one: Subject) -> Iterator[Hit]:
    if one.project.standards.heals:
        return
    policy = deep(one.model, "deploy", "restart_policy")
    if policy:
        condition = text(mapping(policy).get("condition")) or "any"
        tries = number(mapping(policy).get("max_attempts"))
        if condition != "none" and not 0 < (tries or 0) <= _TRIES:
            told = f", {tries:.0f} times" if tries else ""
            yield Hit(_policy(one, mapping(policy)), f"it is restarted too often ({condition}{told})")
    word = text(one.model.get("restart"))
    kind, _, most = word.partition(":")
    if kind in ("always", "unless-stopped") or (kind == "on-failure" and not 0 < (number(most) or 0) <= _TRIES):
        yield Hit(("restart",), f"it is restarted too often ({word})")
    elif not kind and not policy:
        yield Hit(("restart",), "Docker does not start it again")


def _policy(one: Subject, policy: Model) -> Keys:
    """What of it lets it go on for ever; Compose leaves a zero out."""
    path: Keys = ("deploy", "restart_policy")
    if "max_attempts" in policy or one.written(*path, "max_attempts") is not None:
        return (*path, "max_attempts")
    return (*path, "condition") if "condition" in policy else path


@RESOURCES.service(
    "R07", "medium", "no health check",
    why="That it runs is all that anybody knows: what hangs is not healed.",
    fix="healthcheck, or a readiness probe in the manifest",
    refs="CIS 5.27, CIS 4.6, KICS 698ed579",
)  # fmt: skip
def health(one: Subject) -> Iterator[Hit]:
    check = mapping(one.model.get("healthcheck"))
    test = items(check.get("test"))
    if is_true(check.get("disable")) or (test and text(test[0]).upper() == "NONE"):
        if not one.probed:
            key = "disable" if one.written("healthcheck", "disable") else "test"
            yield Hit(("healthcheck", key), "its health check is switched off")
    elif not test and not one.probed and not (one.image is not None and one.image.checked) and not _ends(one):
        yield Hit(("healthcheck",), "nothing says whether it works")


def _ends(one: Subject) -> bool:
    """It runs once, and others wait for its end, which says all."""
    waits = (deep(other, "depends_on", one.name, "condition") for other in one.project.services.values())
    restarts = text(one.model.get("restart")) in ("always", "unless-stopped")
    return not restarts and "service_completed_successfully" in waits


_MEANT = re.compile(r"(none|off)$")


@RESOURCES.service(
    "R08", "low", "logs lost, or without a limit",
    why="Without logs nobody finds out what happened; without a size they fill the disk.",
    fix="logging: {driver: json-file, options: {max-size: 10m, max-file: \"3\"}}",
    refs="CL-0014",
)  # fmt: skip
def logs(one: Subject) -> Iterator[Hit]:
    logging = mapping(one.model.get("logging"))
    driver, given = text(logging.get("driver")).lower(), dict(pairs(logging.get("options")))
    if _MEANT.match(driver):
        yield Hit(("logging", "driver"), "it has no logs")
    elif driver in _SIZED and not given.get("max-size"):
        yield Hit(("logging", "driver") if driver else ("logging",), "its log may fill the disk")
    elif driver in _SIZED and (given["max-size"] or "").startswith("-"):  # any size at all
        yield Hit(("logging", "options", "max-size"), "its log may fill the disk")
