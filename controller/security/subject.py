"""What rules look at: one service among its project, and what is known besides. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from controller.model.running import ImageFacts, Model
from controller.model.scanning import FindingSeverity, Rule
from controller.security.addresses import Login
from controller.security.reading import Keys, Mounted, is_true, mapping, sought, text, texts
from controller.security.spans import Published, ports


class Hit(NamedTuple):
    """A rule found something. `path`: below the service, or from the top for the project; its end may be missing there.

    `needle`: text that stands at the very place, where several things stand below the path; several, one a line, where
    there are several ways to write it. `at`: from the top, where the cause stands there and not below the service, as
    the options of a volume do; `path` holds for where it does not.
    """

    path: Keys
    message: str
    needle: str = ""
    severity: FindingSeverity | None = None
    fix: str = ""
    at: Keys = ()


class Watched(NamedTuple):
    """A file that says what is started next. How bad it is where a container may write it: `alone`, mounted itself;
    `around`, in a folder that is."""

    path: str
    alone: FindingSeverity
    around: FindingSeverity


class Literal(NamedTuple):
    """A variable's value that stands in a file: `shown` with what is filled in blank; `login`: the first one in it."""

    name: str
    shown: str
    login: Login | None


class Pem(NamedTuple):
    """A certificate, a private key or both. `left`: the share of the certificate's time, below 0 where that is over;
    `ends`: its last day; `bits`: of an RSA key; `has_key`: a private one that no password protects."""

    left: float | None = None
    ends: str | None = None
    bits: int | None = None
    has_key: bool = False


class SourceFile(NamedTuple):
    """A file that a mount, a secret or a config leads to. `path`: where it really is; `mode`: its permission bits, less
    those of who cannot get into its folder."""

    path: str
    mode: int | None = None
    tracked: bool = False
    """By git, so that everybody who has the repository has it."""
    pem: Pem | None = None


class Report(NamedTuple):
    """What a scanner of vulnerabilities said of an image. `stale`: how old it is, where that is too old; `worst`: of
    the `many` findings that are too bad, None where none is."""

    stale: str = ""
    worst: FindingSeverity | None = None
    many: int = 0


class Standards(NamedTuple):
    """What the operator allows, beyond what is harmless anyway. Empty: nothing is said of it."""

    registries: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    sharers: frozenset[str] = frozenset()
    """Volumes that several services may write."""
    tls: tuple[str, ...] | None = None
    """Services that have certificates, where all are to speak TLS with each other; empty: every one."""
    signed: frozenset[str] | None = None
    """Digests and names with a verified signature; None: nobody asks for one."""
    reports: Mapping[str, Report] | None = None
    """By image; None: nobody asks for any."""
    probed: frozenset[str] = frozenset()
    """Services that the manifest has a probe for."""
    heals: bool = False
    """The controller starts again what ends, with pauses that grow."""
    isolated: bool = False
    """Networks follow the declared edges: `security.networkPolicy`."""
    shut: frozenset[str] = frozenset()
    """Services that have no way out under that policy."""


NO_STANDARDS = Standards()


@dataclass(frozen=True, slots=True)
class Project:
    """All of a stack. Paths are absolute where the engine is this machine's.

    `written`: the text that stands at a path in the user's own file, before variables are filled in; None: none does.
    `resolve`: a path with its links followed. `edges`: who is declared to speak with whom. `own_paths`: of the
    controller, and never for a container; `watched`: what it starts from, which none may write.
    """

    name: str
    services: Mapping[str, Model]
    networks: Model = field(default_factory=dict)
    volumes: Model = field(default_factory=dict)
    secrets: Model = field(default_factory=dict)
    configs: Model = field(default_factory=dict)
    rest: Model = field(default_factory=dict)
    """What else stands at the top: `x-…`, `include`."""
    unused: Model = field(default_factory=dict)
    """What the files define besides, by section, and no service uses: Compose leaves that out."""
    extensions: tuple[tuple[Keys, object], ...] = ()
    """`x-…` below services and other definitions, and where: Compose leaves those out as well."""
    directory: str = ""
    edges: frozenset[frozenset[str]] = frozenset()
    standards: Standards = NO_STANDARDS
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    sources: Mapping[str, SourceFile] = field(default_factory=dict)
    """By path as it is written in the definition, made absolute."""
    made: Mapping[str, Model] = field(default_factory=dict)
    """Volumes as the engine has them: options of their driver, by the engine's name."""
    named_files: tuple[tuple[Keys, str], ...] = ()
    """Those of `env_file` and `label_file`, and where they are named: Compose puts what is in them in their place."""
    relative: frozenset[str] = frozenset()
    """Those that are written as relative to the project's folder."""
    own_paths: tuple[str, ...] = ()
    watched: tuple[Watched, ...] = ()
    written: Callable[[Keys], str | None] = lambda _: None
    is_written: bool = True
    """Whether `written` knows: of what runs it does not, and each value is literal there."""
    is_exact: bool = True
    """Compose made it of the files: paths and names are as they are when it runs."""
    userns_remap: bool = False
    looked_at: tuple[tuple[Keys, str], ...] = ()
    """Variables that its files interpolate, and where."""
    ranges: Mapping[str, tuple[Published, ...]] = field(default_factory=dict)
    """Ports that are written as ranges, by service."""

    def ports(self, service: str) -> Iterator[Published]:
        """Those that a service publishes, ranges as they are written."""
        return ports(self.services[service], self.ranges.get(service, ()))

    def outer_network(self, key: str) -> str:
        """What the engine calls a network that is not the project's own; "" for one that is."""
        if key not in self.networks:
            return key
        spec = mapping(self.networks.get(key))
        external = spec.get("external")
        name = text(mapping(external).get("name")) or text(spec.get("name")) or key
        return name if mapping(external) or is_true(external) else ""

    def defined(self, section: str) -> Model:
        """All that a section of the files defines, used or not."""
        used: Model = getattr(self, section)
        return {**mapping(self.unused.get(section)), **used}

    def may_meet(self, one: str, other: str) -> bool:
        """Whether both may run at once: services of different profiles alone often stand for each other."""
        ours, theirs = (set(texts(self.services[name].get("profiles"))) for name in (one, other))
        return not ours or not theirs or bool(ours & theirs)


@dataclass(frozen=True, slots=True)
class Subject:
    """One service of a project."""

    name: str
    model: Model
    project: Project
    _literals: list[Literal] = field(default_factory=list, repr=False, compare=False)

    def literals(self, find: Callable[[Subject], Iterable[Literal]]) -> list[Literal]:
        """What several rules ask for, found once."""
        if not self._literals:
            self._literals.extend(find(self))
        return self._literals

    def written(self, *path: str | int) -> str | None:
        """Its text in the user's file."""
        return self.project.written(("services", self.name, *path))

    def ports(self) -> Iterator[Published]:
        """Those that it publishes, ranges as they are written."""
        return ports(self.model, self.project.ranges.get(self.name, ()))

    def needle(self, mount: Mounted) -> str:
        """What is looked for in the files to find a mount."""
        return sought(mount, self.project.directory)

    def neighbours(self) -> Iterator[str]:
        for edge in self.project.edges:
            if self.name in edge:
                yield from edge - {self.name}

    @property
    def probed(self) -> bool:
        """The manifest says how to ask whether it works."""
        return self.name in self.project.standards.probed

    @property
    def image(self) -> ImageFacts | None:
        return self.project.images.get(self.name)


Check = Callable[[Subject], Iterator[Hit]]
ProjectCheck = Callable[[Project], Iterator[Hit]]


class Checks:
    """The rules of one chapter, each with the function that looks."""

    def __init__(self) -> None:
        self.services: list[tuple[Rule, Check]] = []
        self.projects: list[tuple[Rule, ProjectCheck]] = []

    def service(
        self, id: str, severity: str, title: str, *, why: str, fix: str, refs: str = ""
    ) -> Callable[[Check], Check]:
        """Decorator: a rule that looks at one service. `refs` are separated by commas."""

        def add(check: Check) -> Check:
            self.services.append((rule(id, severity, title, why, fix, refs), check))
            return check

        return add

    def also_project(self, id: str) -> Callable[[ProjectCheck], ProjectCheck]:
        """Decorator: the same rule as of services looks at the project, too."""

        def add(check: ProjectCheck) -> ProjectCheck:
            self.projects.append((_rule_of(self, id), check))
            return check

        return add

    def project(
        self, id: str, severity: str, title: str, *, why: str, fix: str, refs: str = ""
    ) -> Callable[[ProjectCheck], ProjectCheck]:
        """Decorator: a rule that looks at the project as a whole."""

        def add(check: ProjectCheck) -> ProjectCheck:
            self.projects.append((rule(id, severity, title, why, fix, refs), check))
            return check

        return add


def _rule_of(checks: Checks, id_: str) -> Rule:
    return next(rule for rule, _ in checks.services if rule.id == id_)


def rule(id_: str, severity: str, title: str, why: str, fix: str, refs: str = "") -> Rule:
    """`refs` are separated by commas."""
    return Rule(id_, FindingSeverity(severity), title, why, fix, tuple(filter(None, map(str.strip, refs.split(",")))))
