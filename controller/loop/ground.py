"""What every call of the command line stands on: the engine, the state folder, the targets and their stores."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from controller.engines.base import Engine, EngineInfo
from controller.intake.targets import Broken, Request, Target, Targets, find_targets
from controller.loop.auditor import AuditBook
from controller.loop.folders import BOOK
from controller.loop.generation import load_target, present_generation
from controller.loop.loaded import Loaded
from controller.loop.lock import lock_path
from controller.loop.store import Store, known_stacks, stack_dir
from controller.model.auditing import AuditPolicy
from controller.model.desired import DesiredService
from controller.model.errors import ControllerError, EngineError, Finding, InvalidInput
from controller.model.observed import Observed

if TYPE_CHECKING:
    from controller.loop.keyring import Opened
    from controller.resources.standing import Standing
    from controller.resources.survey import Survey


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said: files, stacks by name, profile; and from where."""

    cwd: Path
    environment: Mapping[str, str] = field(repr=False)
    root: Path
    files: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    profile: str | None = None


class Ground:
    """One engine and the stacks that were asked for. Opened once per call, closed at its end."""

    def __init__(self, engine: Engine, asked: Asked) -> None:
        self.engine = engine
        self.asked = asked
        self.told: EngineInfo | None = None
        """What the engine said of itself; None: it was not asked yet."""
        self._stores: dict[str, Store] = {}
        self.audit = AuditBook(asked.root, self.engine_id, self.now)
        """Who did what."""
        self._opening = threading.Lock()
        self._asking = threading.Lock()
        self._standing: Standing | None = None
        self.reading = threading.Event()
        """Set when Compose begins to read: who has work for the meantime may do it from now on."""

    @property
    def standing(self) -> Standing:
        """What the engine can give, asked once for all who want to know it."""
        from controller.resources.standing import Standing  # only who measures loads it

        with self._asking:
            if self._standing is None:
                self._standing = Standing(self.engine, str(self.asked.root))
            return self._standing

    def engine_id(self) -> str:
        """The folder of this engine's state. Raises Transient where nobody answers."""
        with self._asking:
            if self.told is None:
                self.told = self.engine.info()
            return self.told.id

    def targets(self, profile: str | None = None, *, strict: bool = True) -> Targets:
        """Read anew: what the files say now, restricted to the stacks that were named.

        Raises ControllerError where one that was named is not among them, unless that is no news (`strict`).
        """
        asked = self.asked
        files = asked.files or self._files_of_known()
        running = self._running()
        chosen = profile if profile is not None else asked.profile
        found = find_targets(Request(asked.cwd, asked.environment, files, chosen, running))
        if found.audit is not None or not found.broken:  # one that is broken now stays as it was
            self.audit.policy = found.audit or AuditPolicy()
        return _only(self._with_vanished(found), asked.stacks, strict)

    def _with_vanished(self, found: Targets) -> Targets:
        """Stacks that were named and that only the store knows any more."""
        here = {target.name for target in found.stacks} | {item.name for item in found.broken}
        missing = [name for name in self.asked.stacks if name not in here]
        known = known_stacks(self.asked.root, self.engine_id()) if missing else ()
        gone = tuple(self._vanished(name, found.broken) for name in missing if name in known)
        return replace(found, broken=(*found.broken, *gone))

    def _vanished(self, stack: str, broken: Sequence[Broken]) -> Broken:
        """With what is wrong with its files, where that is so bad that not even its name can be read."""
        own = self._places_of(stack)
        faults = [item for item in broken if not item.name and not own.isdisjoint(self._named_by(item))]
        if faults:
            return Broken(faults[0].place, tuple(finding for item in faults for finding in item.findings), stack)
        place = next((str(name) for name in self._files_of(stack) if name), stack)
        finding = Finding(f"the files of stack '{stack}' cannot be used any more", file=place, hint="put them back")
        return Broken(place, (finding,), stack)

    def in_profile(self, targets: Targets) -> Targets:
        """Where no profile is asked for now: each stack in the one that it was last put into by hand."""
        return targets if self.asked.profile is not None else self.in_last_profile(targets)

    def in_last_profile(self, targets: Targets) -> Targets:
        """Each stack in the profile that it was last put into by hand."""
        read = {self.asked.profile: targets}
        stacks = []
        for target in targets.stacks:
            last = self.store(target.name).stack.load().profile if target.name else None
            if last is not None and last not in read:
                read[last] = self.targets(last, strict=False)
            again = read.get(last, targets).stacks
            stacks.append(next((found for found in again if found.name == target.name), target))
        return replace(targets, stacks=tuple(stacks))

    def _files_of_known(self) -> tuple[str, ...]:
        """`-s NAME` without `-f`: the files that the store remembers of it, from any directory."""
        files: list[str] = []
        for name in self.asked.stacks:
            if name in known_stacks(self.asked.root, self.engine_id()):
                place = self.store(name).stack.load().place
                files += [place.manifest] if place.manifest else list(place.files)
        return tuple(dict.fromkeys(files))

    def _running(self) -> Mapping[str, Observed]:
        try:
            return self.engine.projects()
        except EngineError:
            return {}

    def known_of(self, broken: Sequence[Broken], read: Collection[str]) -> Mapping[str, tuple[Finding, ...]]:
        """Stacks whose files cannot be used now, and that have a store: by name, what is wrong with their files.

        `read`: those of which a document was read.
        """
        known = [name for name in self.known() if name not in read] if broken else []
        found = dict[str, tuple[Finding, ...]]()
        for item in broken:
            for name in self.owners(item, broken, read, known, self._places_of):
                if not self.asked.stacks or name in self.asked.stacks:
                    found[name] = (*found.get(name, ()), *item.findings)
        return found

    def owners(
        self,
        item: Broken,
        broken: Sequence[Broken],
        read: Collection[str],
        names: Collection[str],
        files_of: Callable[[str], Collection[str]],
    ) -> list[str]:
        """Which of these stacks a fault is of: the one that its document names, or where that is none of them those
        whose file it was, and of which there is no other document, neither `read` nor broken."""
        if item.name in names:
            return [item.name]
        files, here = self._named_by(item), {*read, *(one.name for one in broken)}
        return [name for name in names if name not in here and not files.isdisjoint(files_of(name))]

    def _named_by(self, broken: Broken) -> frozenset[str]:
        return frozenset(str(self.asked.cwd / finding.file) for finding in broken.findings if finding.file)

    def _places_of(self, stack: str) -> frozenset[str]:
        """Its files; none where its store cannot be used, which is nobody else's business."""
        try:
            return frozenset(name for name in self._files_of(stack) if name)
        except ControllerError:
            return frozenset()

    def _files_of(self, stack: str) -> tuple[str | None, ...]:
        place = self.store(stack).stack.load().place
        return (place.manifest, *place.files)

    def known(self) -> tuple[str, ...]:
        """The stacks that have a store on this engine."""
        return known_stacks(self.asked.root, self.engine_id())

    def folder(self, stack: str) -> Path:
        return stack_dir(self.asked.root, self.engine_id(), stack)

    def lock_path(self, stack: str) -> Path:
        return lock_path(self.engine_id(), stack, self.folder(stack))

    def store(self, stack: str) -> Store:
        """The stack's store, one for this process."""
        with self._opening:
            if stack not in self._stores:
                self._stores[stack] = Store(self.folder(stack))
            return self._stores[stack]

    def keys(self) -> Opened:
        """The encryption keys as they are now."""
        from controller.loop.keyring import open_ring  # loaded for whoever has secrets

        return open_ring(self.asked.root, self.asked.environment)

    def load(self, target: Target, previous: Mapping[str, DesiredService] | None = None) -> Loaded:
        """Render and resolve. Raises InvalidInput and EngineError."""
        name = target.name or self.engine.render(target.project).name
        store = self.store(name)
        self.reading.set()
        return present_generation(load_target(self.engine, target, store, previous or {}, self.keys), store)

    def load_all(self, targets: Targets) -> tuple[tuple[tuple[Target, Loaded], ...], tuple[Broken, ...]]:
        """Those that can be used, and what is wrong with the others."""
        usable: list[tuple[Target, Loaded]] = []
        broken = list(targets.broken)
        for target in targets.stacks:
            try:
                usable.append((target, self.load(target)))
            except InvalidInput as error:
                broken.append(Broken(target.place, error.findings, target.name))
        return tuple(usable), tuple(broken)

    def close(self) -> None:
        for store in self._stores.values():
            store.close()
        self.engine.close()

    @staticmethod
    def now() -> float:
        return time.time()


def mark_of_book(folder: Path) -> object:
    """Changes with the file of a stack's secrets; None: it has none. Cheap."""
    try:
        seen = (folder / BOOK).stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def survey_of(ground: Ground) -> Survey | None:
    """Who looks at the machine of the engine; None: nothing real runs on it."""
    if not ground.engine.capabilities.runs_processes:
        return None
    from controller.resources.survey import Survey

    return Survey(ground.engine, ground.now, ground.standing)


def complain(broken: Sequence[Broken]) -> None:
    """Raise all that is wrong as one error, if anything is."""
    findings = dict.fromkeys(finding for item in broken for finding in item.findings)
    if findings:
        raise InvalidInput(tuple(findings))


def _only(found: Targets, names: tuple[str, ...], strict: bool) -> Targets:
    if not names:
        return found
    known = {target.name for target in found.stacks} | {item.name for item in found.broken}
    missing = [name for name in names if name not in known]
    if missing and strict:
        listed = ", ".join(sorted(name for name in known if name)) or "none"
        raise ControllerError(f"no stack is called '{missing[0]}'", hint=f"known stacks: {listed}")
    stacks = tuple(target for target in found.stacks if target.name in names)
    broken = tuple(item for item in found.broken if item.name in names)
    return replace(found, stacks=stacks, broken=broken)
