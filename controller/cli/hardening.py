"""`scan --fix`: an override for what can be mended by itself, tried out before it is written."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from controller import failpoints
from controller.cli.scanned import ScannedStack
from controller.engines.base import Engine
from controller.intake.inputs import read_inputs
from controller.intake.places import Places
from controller.loop.scanning import scan
from controller.model.errors import ControllerError, EngineError, InvalidInput
from controller.model.scanning import FindingSource, ScanFinding
from controller.render.hardening import override_text
from controller.security.mending import Mended, find_mends
from controller.security.reading import mapping


@dataclass(frozen=True, slots=True)
class Hardening:
    """What was written for one stack. `use`: how, from here; `before`, `after`: findings of its files."""

    stack: ScannedStack
    file: Path
    text: str
    use: str
    mends: tuple[Mended, ...]
    before: int
    after: int


def harden(engine: Engine, stacks: tuple[ScannedStack, ...]) -> Iterator[Hardening]:
    """One for each stack of which something can be mended. Raises ControllerError where one cannot be written."""
    for stack in stacks:
        made = _harden(engine, stack)
        if made is not None:
            yield made


def _harden(engine: Engine, stack: ScannedStack) -> Hardening | None:
    """With what answers a finding when it is tried, and nothing else."""
    inputs = stack.written.inputs
    places = Places(inputs.documents, inputs.bases, values=inputs.values)
    services = mapping(stack.written.rendered.model.get("services"))
    found = wanted = [one for one in stack.findings if one.source is FindingSource.COMPOSE]
    while mends := find_mends(services, wanted, lambda service, key: places.has_variables(("services", service, key))):
        file = _file(stack)
        left = _try(engine, stack, override_text(mends, ""))
        before, after = _count(found), _count(left)
        claimed = [(one.service, rule) for one in mends for rule in one.rules]
        idle = {claim for claim in claimed if after[claim] >= before[claim]}
        if not idle:
            return _written(stack, file, _told(mends, after), (len(found), len(left)))
        wanted = [one for one in wanted if (one.service or "", one.rule.id) not in idle]
    return None


def _count(findings: Iterable[ScanFinding]) -> Counter[tuple[str, str]]:
    """Those that are not accepted, by service and rule."""
    return Counter((one.service or "", one.rule.id) for one in findings if one.accepted is None)


def _told(mends: Iterable[Mended], after: Mapping[tuple[str, str], int]) -> tuple[Mended, ...]:
    """With rules of which something is left marked so."""
    return tuple(
        one._replace(rules=tuple(f"{rule} in part" if after[one.service, rule] else rule for rule in one.rules))
        for one in mends
    )


def _file(stack: ScannedStack) -> Path:
    first = stack.project.files[0]
    file = first.with_name(f"{first.stem}.hardened.yaml")
    if file in stack.project.files:
        raise ControllerError(f"{file} is one of the stack's own files already", hint="mend the rest by hand")
    return file


def _written(stack: ScannedStack, file: Path, mends: tuple[Mended, ...], counts: tuple[int, int]) -> Hardening:
    here = Path.cwd()
    folder = here if file.is_relative_to(here) else file.parent
    place = "" if folder == file.parent else f", from {os.path.relpath(folder, file.parent)}"
    text = override_text(mends, f"Use it{place}: {_use(stack, file, folder)}")
    _write(file, text)
    return Hardening(stack, file, text, f"Use it: {_use(stack, file, here)}", mends, *counts)


def _use(stack: ScannedStack, file: Path, folder: Path) -> str:
    """How, from a folder on."""
    if stack.written.manifest_path is not None:
        name = os.path.relpath(file, stack.written.manifest_path.parent)
        return f"add {name} to compose.files of {stack.written.manifest_path.name}."
    words = ["docker", "compose"]
    if stack.project.directory != stack.project.files[0].parent:
        words += ["--project-directory", os.path.relpath(stack.project.directory, folder)]
    for one in (*stack.project.files, file):
        words += ["-f", os.path.relpath(one, folder)]
    return f"{shlex.join(words)} up -d, or a manifest with all of these in compose.files."


def _try(engine: Engine, stack: ScannedStack, text: str) -> list[ScanFinding]:
    """What is found in the files with it. Raises ControllerError where Compose refuses it."""
    with tempfile.TemporaryDirectory(prefix="controller-") as folder:
        file = Path(folder, "override.yaml")
        file.write_text(text, "utf-8")
        project = replace(stack.project, files=(*stack.project.files, file))
        try:
            rendered = engine.render(project)
        except (InvalidInput, EngineError) as error:
            hint = "mend the stack's own files first: controller validate"
            raise ControllerError(f"nothing was written: {error.message}", hint=hint) from None
        written = replace(stack.written, rendered=rendered, inputs=read_inputs(project))
        found = scan(written, stack.known, stack.today)
    return [one for one in found if one.source is FindingSource.COMPOSE]


def _write(file: Path, text: str) -> None:
    """Whole or not at all; what was made by an earlier call is made anew."""
    if file.exists() and not file.read_text("utf-8", "replace").startswith("# Made by `controller scan --fix`"):
        raise ControllerError(f"{file} exists, and is not ours", hint="move it away")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with failpoints.around("disk.hardened"):
        beside.write_text(text, "utf-8")
        os.replace(beside, file)
