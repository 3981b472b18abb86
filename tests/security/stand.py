"""A project in a folder, scanned by the real pieces; and where its text says that something is to be found."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from controller.engines.compose_engine import ComposeEngine
from controller.intake.rough import read_roughly
from controller.intake.targets import Request, Target, find_targets
from controller.loop.scanning import Known, scan, with_every_profile, write_down
from controller.model.errors import InvalidInput
from controller.model.project import RenderedProject
from controller.model.running import Running
from controller.model.scanning import ScanFinding

TODAY = date(2026, 5, 1)
OWN = "state"
"""The controller's own folder, as tests have it: below the project's."""

_MARK = re.compile(r"#! ([A-Z]\d\d(?: [A-Z]\d\d)*)")

DIGEST = "sha256:" + "4f" * 32

HARDENED = f"""
image: registry.example.com/shop/NAME:1.4.2@{DIGEST}
user: "10001:10001"
read_only: true
tmpfs: [/tmp]
cap_drop: [ALL]
security_opt: ["no-new-privileges:true"]
mem_limit: 128m
cpus: 0.5
pids_limit: 100
restart: on-failure:5
healthcheck: {{test: [CMD, /bin/check]}}
logging: {{driver: json-file, options: {{max-size: 10m, max-file: "3"}}}}
networks: [inner]
environment: {{LOG_LEVEL: info}}
"""
"""A service on which no rule fires."""

NETWORK = """
networks:
  inner:
    internal: true
    driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}
"""


class Marked(NamedTuple):
    """Files in which `#! H03` says that the rule has to find something in that line, and whose it is."""

    files: Mapping[str, str]

    def expected(self) -> list[tuple[str, str, int]]:
        """Rule, file and line of each, sorted."""
        return sorted(
            (rule, name, number)
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), 1)
            for found in _MARK.finditer(line)
            for rule in found[1].split()
        )


def service(change: str = "", *, name: str = "web", without: str = "", head: str = "") -> str:
    """The hardened service with keys of `change` in the place of its own, and those of `without` left out.

    `head`: what stands in the line of its name, such as an anchor or a mark.
    """
    changed = _blocks(change)
    left_out = {*without.split(), *changed}
    kept = [text for key, text in _blocks(HARDENED).items() if key not in left_out]
    body = "\n".join((*kept, *changed.values())).replace("/NAME:", f"/{name}:")
    return f"{name}:{f' {head}' if head else ''}\n{textwrap.indent(body, '  ')}"


def _blocks(text: str) -> dict[str, str]:
    """Top-level keys with their text."""
    found: dict[str, str] = {}
    key = ""
    for line in textwrap.dedent(text).strip("\n").splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            key = line.split(":")[0]
        found[key] = f"{found[key]}\n{line}" if key in found else line
    return found


def compose(*services: str, top: str = "") -> str:
    """A whole file. `top`: what stands at its top level, and in the place of the network there."""
    above = _blocks(NETWORK) | _blocks(top)
    body = textwrap.indent("\n".join(services), "  ")
    return "\n".join(("name: shop", "services:", body, *above.values())) + "\n"


def write(folder: Path, files: Mapping[str, str]) -> None:
    """`-> place` makes a link."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644 if name.endswith(".yaml") else 0o600)


def scan_folder(
    folder: Path,
    engine: ComposeEngine,
    *,
    files: Iterable[str] = (),
    running: Running | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[ScanFinding, ...]:
    """As `controller scan` does it in that folder; files are named relative to it in what is found."""
    given = {"PATH": os.environ["PATH"], "HOME": "/home/me", **(environment or {})}
    targets = find_targets(Request(folder, given, tuple(files)))
    assert not targets.broken, targets.broken
    target = targets.stacks[0]
    return scan(write_down(target, _render(engine, target)), Known((str(folder / OWN),)), TODAY, running or Running())


def _render(engine: ComposeEngine, target: Target) -> RenderedProject:
    try:
        return engine.render(with_every_profile(target).project)
    except InvalidInput:
        return read_roughly(target.project, target.inputs, target.name or "shop")


def placed(findings: Iterable[ScanFinding], folder: Path) -> list[tuple[str, str, int]]:
    """Rule, file and line of each, sorted; what no file shows stands at line 0."""
    return sorted(
        (one.rule.id, os.path.relpath(one.file, folder) if one.file else "", one.line or 0) for one in findings
    )
