"""`scan --fix`: an override for what can be mended by itself, tried out before it is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from controller import failpoints
from controller.cli.scanned import ScannedStack
from controller.engines.base import Engine
from controller.intake.inputs import read_inputs
from controller.loop.scanning import looked_at, scan
from controller.model.errors import ControllerError, EngineError, InvalidInput
from controller.model.scanning import FindingSource
from controller.render.hardening import override_text
from controller.security.mending import Mended, find_mends
from controller.security.reading import mapping


@dataclass(frozen=True, slots=True)
class Hardening:
    """What was written for one stack. `before`, `after`: findings of its files."""

    stack: ScannedStack
    file: Path
    text: str
    mends: tuple[Mended, ...]
    before: int
    after: int


def harden(engine: Engine, stacks: tuple[ScannedStack, ...]) -> Iterator[Hardening]:
    """One for each stack of which something can be mended. Raises ControllerError where one cannot be written."""
    for stack in stacks:
        found = [one for one in stack.findings if one.source is FindingSource.COMPOSE]
        variables = {path[1:3] for path, _ in looked_at(stack.written.inputs) if path[:1] == ("services",)}
        services = mapping(stack.written.rendered.model.get("services"))
        mends = find_mends(services, found, lambda service, key, at=variables: (service, key) in at)  # type: ignore[misc]
        if mends:
            yield _harden(engine, stack, mends, len(found))


def _harden(engine: Engine, stack: ScannedStack, mends: tuple[Mended, ...], before: int) -> Hardening:
    first = stack.project.files[0]
    file = first.with_name(f"{first.stem}.hardened.yaml")
    if file in stack.project.files:
        raise ControllerError(f"{file} is one of the stack's own files already", hint="mend the rest by hand")
    text = override_text(mends, _use(stack, file))
    after = _try(engine, stack, text)
    _write(file, text)
    return Hardening(stack, file, text, mends, before, after)


def _use(stack: ScannedStack, file: Path) -> str:
    if stack.written.manifest_path is not None:
        name = os.path.relpath(file, stack.written.manifest_path.parent)
        return f"Use it: add {name} to compose.files of {stack.written.manifest_path.name}."
    files = " ".join(f"-f {one.name}" for one in (*stack.project.files, file))
    return f"Use it: docker compose {files} up -d, or a manifest with all of these in compose.files."


def _try(engine: Engine, stack: ScannedStack, text: str) -> int:
    """How many findings are left with it. Raises ControllerError where Compose refuses it."""
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
    return sum(one.source is FindingSource.COMPOSE for one in found)


def _write(file: Path, text: str) -> None:
    """Whole or not at all; what was made by an earlier call is made anew."""
    if file.exists() and not file.read_text("utf-8", "replace").startswith("# Made by `controller scan --fix`"):
        raise ControllerError(f"{file} exists, and is not ours", hint="move it away")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with failpoints.around("disk.hardened"):
        beside.write_text(text, "utf-8")
        os.replace(beside, file)
