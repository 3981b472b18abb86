"""What a scan has to know of files: where they really are, who may read them, what git knows, what other tools said."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.loop.certificates import read_pem
from controller.security.hostfiles import host_devices
from controller.security.paths import tidy
from controller.security.proofs import read_report, read_signatures
from controller.security.reading import devices, mapping, mounts, pairs, text
from controller.security.subject import NO_STANDARDS, Project, Report, SourceFile, Standards

if TYPE_CHECKING:
    from controller.model.manifest import Stack

_LARGEST = 64 * 2**20
"""Bytes of a report that is read."""
_GIT_TIMEOUT = 5.0


def look_at_sources(model: Mapping[str, Any], directory: Path, named: Iterable[Path] = ()) -> Mapping[str, SourceFile]:
    """Of what secrets, configs, mounts, devices and volumes lead to on this machine, and of what is `named`; what is
    not there, and is no link either, is left out."""
    secrets = {_absolute(name, directory) for name in _files(model, "secrets")}
    others = {_absolute(name, directory) for name in (*_files(model, "configs"), *map(str, named), *_mounted(model))}
    tracked = _tracked(secrets, directory)
    found = {path: _look(path, path in tracked) for path in (*sorted(secrets | others), str(directory))}
    for home in (name for name in _mounted(model) if name.startswith("~")):
        found[tidy(home)] = found[_absolute(home, directory)]
    return {path: one for path, one in found.items() if one is not None}


def look_again(project: Project, model: Mapping[str, Any]) -> Project:
    """The project with where the mounts of one service lead by now: a link may have been turned since it was read."""
    made = {f"{name}/": {"driver_opts": options} for name, options in project.made.items()}
    asked = {"services": {"": model}, "volumes": {**project.volumes, **made}}
    return replace(project, sources={**project.sources, **look_at_sources(asked, Path(project.directory or "/"))})


def _mounted(model: Mapping[str, Any]) -> Iterator[str]:
    for service in mapping(model.get("services")).values():
        yield from (one.source for one in mounts(mapping(service)) if one.kind == "bind" and one.source)
        yield from (device for _, device in devices(mapping(service)))
    for volume in mapping(model.get("volumes")).values():
        yield from (place for place, _ in host_devices(dict(pairs(mapping(volume).get("driver_opts")))))


def _files(model: Mapping[str, Any], section: str) -> Iterator[str]:
    for one in mapping(model.get(section)).values():
        if file := text(mapping(one).get("file")):
            yield file


def _absolute(name: str, directory: Path) -> str:
    return tidy(os.path.abspath(directory / os.path.expanduser(name)))


def _look(path: str, tracked: bool) -> SourceFile | None:
    really = _realpath(path)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return SourceFile(really) if really != path else None
    mode = stat.S_IMODE(status.st_mode)
    return SourceFile(really, mode if _is_open(path) else mode & ~0o007, tracked, read_pem(really))


def _realpath(path: str) -> str:
    """What is not there yet may be made where a link leads."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def real_paths(paths: Iterable[Path]) -> tuple[str, ...]:
    """Each as it is named, and where it really is."""
    return tuple(dict.fromkeys(one for path in paths for one in (os.path.abspath(path), _realpath(str(path)))))


def _is_open(path: str) -> bool:
    """Whether everybody may enter the folders that it is in."""
    try:
        return all(os.stat(parent).st_mode & stat.S_IXOTH for parent in Path(os.path.realpath(path)).parents)
    except OSError:
        return True


def _tracked(paths: Iterable[str], directory: Path) -> frozenset[str]:
    """Those that git knows; none where there is no git, or no repository."""
    wanted = [path for path in paths if os.path.isfile(path)]
    if not wanted or not any((parent / ".git").exists() for parent in (directory, *directory.parents)):
        return frozenset()
    # What a repository's own settings would start is not started.
    git = ["git", "-C", str(directory), "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    argv = [*git, "ls-files", "-z", "--full-name", "--", *wanted]
    top = [*git, "rev-parse", "--show-toplevel"]
    try:
        said = [
            subprocess.run(one, capture_output=True, timeout=_GIT_TIMEOUT, check=True).stdout for one in (top, argv)
        ]
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    root = Path(os.fsdecode(said[0]).strip())
    known = {os.path.realpath(root / os.fsdecode(name)) for name in said[1].split(b"\0") if name}
    return frozenset(path for path in wanted if os.path.realpath(path) in known)


# --- what the operator allows


def read_standards(manifest: Stack | None, folder: Path) -> Standards:
    """What a manifest says is meant. Paths in it are relative to `folder`."""
    if manifest is None:
        return NO_STANDARDS
    security = manifest.spec.security
    allow, images = security.scan.allow, security.scan.images
    services = manifest.spec.services
    return Standards(
        registries=allow.registries,
        runtimes=allow.runtimes,
        devices=allow.devices,
        providers=allow.providers,
        sharers=frozenset(allow.shared_volumes),
        tls=security.tls.services if security.tls.mode != "off" else None,
        signed=_signatures(folder / images.signatures) if images.signatures else None,
        reports=_reports(folder / images.reports, images.max_age, images.fail_on) if images.reports else None,
        probed=frozenset(name for name, one in services.items() if one.readiness or one.liveness or one.startup_probe),
        heals=manifest.spec.reconcile.self_heal,
        isolated=security.network_policy != "off",
        shut=frozenset(name for name, one in services.items() if one.egress is False),
    )


def _signatures(folder: Path) -> frozenset[str]:
    return read_signatures(text for _, text in _documents(folder))


def _reports(folder: Path, max_age: float, fail_on: Any) -> Mapping[str, Report]:
    """By each of an image's names; the newest one counts. A file is as old as its report says: copies are made anew."""
    now, found = time.time(), dict[str, tuple[float, Report]]()
    for age, document in _documents(folder):
        read = read_report(document)
        if read is not None:
            old = now - read.made if read.made is not None else age
            judged = read.judge(old, max_age, fail_on)
            found |= {name: (old, judged) for name in read.names if name not in found or old < found[name][0]}
    return {name: report for name, (_, report) in found.items()}


def _documents(folder: Path) -> Iterator[tuple[float, str]]:
    """Age in seconds and text of each; a folder that is not there holds none."""
    try:
        entries = sorted(one for one in folder.iterdir() if one.suffix == ".json")
    except OSError:
        return
    for one in entries:
        try:
            status = one.stat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
                yield time.time() - status.st_mtime, one.read_text("utf-8", "replace")
        except OSError:
            continue
