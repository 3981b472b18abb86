"""`init`: a first manifest for the Compose project here, or a unit for systemd."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from controller import failpoints
from controller.cli.options import Options, takes_options


@click.command()
@click.option("--systemd", is_flag=True, help="Print a systemd unit instead.")
@click.option("--force", is_flag=True, help="Overwrite a manifest that exists.")
@click.option("--stdout", "printed", is_flag=True, help="Print the manifest instead of writing it.")
@takes_options()
def init(options: Options, systemd: bool, force: bool, printed: bool) -> int:
    """Write manifests/NAME.yaml for the Compose project here: a commented Stack that changes nothing until edited."""
    if systemd:
        return _print_unit(options)
    return _write_stack(options, force=force, printed=printed)


def _print_unit(options: Options) -> int:
    import getpass

    from controller.cli.terminal import note
    from controller.render.scaffold import unit_text

    files = [str(path.absolute()) for path in options.files]
    print(unit_text(str(Path(sys.argv[0]).absolute()), os.getcwd(), files, getpass.getuser()), end="")
    note("hint: controller init --systemd | sudo tee /etc/systemd/system/controller.service", options)
    note("hint: sudo systemctl daemon-reload && sudo systemctl enable --now controller", options)
    return 0


def _write_stack(options: Options, *, force: bool, printed: bool) -> int:
    from controller.cli.engine import open_engine
    from controller.cli.reading import read_project
    from controller.cli.terminal import note
    from controller.model.errors import ControllerError
    from controller.render.scaffold import stack_text

    with open_engine(options) as engine:
        project, rendered = read_project(options, engine)
    path = Path.cwd() / "manifests" / f"{rendered.name}.yaml"
    text = stack_text(rendered.name, _relative(project.files, path.parent), rendered.model)
    if printed:
        print(text, end="")
        return 0
    if path.exists() and not force:
        raise ControllerError(f"{path.relative_to(Path.cwd())} exists", hint="--force overwrites it")
    path.parent.mkdir(exist_ok=True)
    with failpoints.around("disk.manifest"):
        _write_whole(path, text)
    print(path.relative_to(Path.cwd()))
    note("hint: controller plan", options)
    return 0


def _write_whole(path: Path, text: str) -> None:
    """The whole file or nothing: half a manifest is one that says something else."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _relative(files: Sequence[Path], folder: Path) -> list[str]:
    return [os.path.relpath(file, folder) for file in files]
