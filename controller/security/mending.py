"""What of a scan can be mended by itself: an override beside the user's files, never in them. Pure.

Only what keeps a service working: whether it needs a capability, root, or to write its own files, nobody can tell from
its definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from controller.model.running import Model
from controller.model.scanning import FindingSource, ScanFinding
from controller.security.reading import (
    items,
    mapping,
    options,
    text,
    texts,
)
from controller.security.spans import Published, each_port, ports

PROCESSES = 200
"""Most processes of one service: within what the CIS benchmark's audit suggests, and enough for nearly all."""
LOG_SIZE, LOG_FILES = "10m", "3"


class Instead(NamedTuple):
    """A value that takes the place of what is below it; else Compose puts both together."""

    value: Any


class Mended(NamedTuple):
    """What an override says of one service, by key, and which rules that answers."""

    service: str
    keys: Mapping[str, Any]
    rules: tuple[str, ...]


Mend = Callable[[Model], Mapping[str, Any]]


def find_mends(
    services: Mapping[str, Model],
    findings: Iterable[ScanFinding],
    variable: Callable[[str, str], bool] = lambda service, key: False,
) -> tuple[Mended, ...]:
    """By service, in the order of their names. Accepted findings stay.

    `variable`: whether a service's key holds variables: written down with their present values they would be none.
    """
    wanted: dict[str, set[str]] = {}
    for one in findings:
        if one.service in services and one.accepted is None and one.source is FindingSource.COMPOSE:
            wanted.setdefault(one.service or "", set()).add(one.rule.id)
    found = (_mend(name, services[name], wanted[name], variable) for name in sorted(wanted))
    return tuple(one for one in found if one.keys)


def _mend(name: str, model: Model, rules: set[str], variable: Callable[[str, str], bool]) -> Mended:
    keys: dict[str, Any] = {}
    answered: list[str] = []
    for rule, mend in _MENDS.items():
        if rule in rules and (made := mend(model)) and not any(variable(name, key) for key in made):
            answered.append(rule)
            keys |= made
    return Mended(name, keys, tuple(answered))


def _no_new_privileges(model: Model) -> Mapping[str, Any]:
    kept = [one for one, (_, kind, _) in zip(texts(model.get("security_opt")), options(model), strict=True)
            if kind != "no-new-privileges"]  # fmt: skip
    wanted = [*kept, "no-new-privileges:true"]
    return {"security_opt": Instead(wanted) if kept or model.get("security_opt") else wanted}


def _processes(model: Model) -> Mapping[str, Any]:
    if mapping(mapping(model.get("deploy")).get("resources")).get("limits"):
        return {"deploy": {"resources": {"limits": {"pids": PROCESSES}}}}
    return {"pids_limit": PROCESSES}


def _log_size(model: Model) -> Mapping[str, Any]:
    logging = mapping(model.get("logging"))
    if text(logging.get("driver")).lower() in ("none", "off"):
        return {}
    given = {key: text(value) for key, value in mapping(logging.get("options")).items()}
    return {"logging": {"driver": "json-file", "options": {"max-size": LOG_SIZE, "max-file": LOG_FILES, **given}}}


def _restart(model: Model) -> Mapping[str, Any]:
    return {} if mapping(model.get("deploy")).get("restart_policy") else {"restart": "on-failure:5"}


def _loopback(model: Model) -> Mapping[str, Any]:
    """All of them, for a list is put in the place of another as a whole. An address that somebody chose stays."""
    given, each = items(model.get("ports")), list(each_port(model))
    if len(given) != len(each) or any("$" in one.host_ip for one in each) or not any(one.everywhere for one in each):
        return {}
    short = [_port(one) for one in ports({"ports": list(filter(_is_short, given))})]
    long = [{**given[one.at], "host_ip": _address(one)} for one in each if not _is_short(given[one.at])]
    return {"ports": Instead(list({repr(one): one for one in (*short, *long)}.values()))}


_SHORT = frozenset(("target", "published", "host_ip", "protocol", "mode"))


def _is_short(one: Any) -> bool:
    """Nothing of it gets lost in the short form."""
    return not isinstance(one, Mapping) or (one.keys() <= _SHORT and one.get("mode", "ingress") == "ingress")


def _port(port: Published) -> str:
    return port._replace(host_ip=_address(port)).short


def _address(port: Published) -> str:
    """The loopback of its family in the place of all addresses."""
    if not port.everywhere:
        return port.host_ip
    return "::1" if ":" in port.host_ip else "127.0.0.1"


def _plain_tmpfs(model: Model) -> Mapping[str, Any]:
    def tidy(one: str) -> str:
        place, _, given = one.partition(":")
        kept = [option for option in given.split(",") if option and option not in ("exec", "suid", "dev")]
        return f"{place}:{','.join(kept)}" if kept else place

    return {"tmpfs": Instead([tidy(one) for one in texts(model.get("tmpfs"))])}


_MENDS: Mapping[str, Mend] = {
    "N12": _no_new_privileges,
    "R03": _processes,
    "R06": _restart,
    "R08": _log_size,
    "F05": _plain_tmpfs,
    "W01": _loopback,
    "W02": _loopback,
}
