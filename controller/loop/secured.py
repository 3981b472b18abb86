"""What is known of a stack's protection now: its files scanned, what runs looked at, the last netcheck read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controller.engines.base import Engine
from controller.intake.certified import asks_for_certificates
from controller.intake.targets import Target
from controller.loop.auditproofs import head_of
from controller.loop.gate import make_gate
from controller.loop.generation import render_target, resolve_target
from controller.loop.keyturn import keys_below
from controller.loop.reachbook import load_reach
from controller.loop.scanning import Known, Written, know, read_waivers, scan, write_down
from controller.model.certified import CertificateState, Certified
from controller.model.errors import EngineError, Finding, InvalidInput
from controller.model.manifest.security import NetworkPolicy
from controller.model.names import Instant
from controller.model.reach import Reach
from controller.model.running import Running
from controller.model.scanning import FindingSeverity, FindingSource
from controller.security.published import desired_published, without_doubles
from controller.security.state import Scanned, SecurityState, judge_waivers

if TYPE_CHECKING:
    from controller.loop.ground import Ground
    from controller.model.desired import DesiredService

_PATIENCE = 10.0
"""Seconds for all that an engine is asked about what runs of one stack."""


@dataclass(frozen=True, slots=True)
class Senses:
    """By what is scanned. `engine` None: files alone; `folder`: where the controller keeps what is its own."""

    engine: Engine | None
    folder: Path
    now: Instant

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.now).astimezone().date()


def scan_now(written: Written, senses: Senses, before: Scanned | None = None) -> Scanned:
    """An engine that is away is no finding: what was seen `before` of what runs holds until it answers."""
    running, trouble = _look(senses.engine, written.rendered.name)
    found = scan(written, _known(written, senses), senses.today, running or Running())
    looked_at: Instant | None = senses.now
    if running is None:
        looked_at = before.looked_at if before is not None else None
        kept = before.findings if before is not None else ()
        found = (*found, *(one for one in kept if one.source is FindingSource.RUNNING))
    waivers = judge_waivers(read_waivers(written), found, senses.today)
    return Scanned(senses.now, found, waivers, looked_at, trouble)


def _look(engine: Engine | None, stack: str) -> tuple[Running | None, str]:
    """What runs of it, and why that is not known."""
    if engine is None:
        return None, "the engine does not answer"
    try:
        return engine.look_around(stack, deadline=_PATIENCE), ""
    except EngineError as error:
        return None, error.message


def _known(written: Written, senses: Senses) -> Known:
    return know(senses.engine, senses.folder, written.rendered)


def fail_on_of(written: Written | None) -> FindingSeverity | None:
    """From which severity on its manifest bars services."""
    return written.fail_on if written is not None else None


def is_enforced(written: Written | None) -> bool:
    """Whether its manifest asks for networks by declared edges alone."""
    manifest = written.manifest if written is not None else None
    return manifest is not None and manifest.spec.security.network_policy is NetworkPolicy.DEPENDENCIES


def make_state(
    stack: str,
    services: Mapping[str, DesiredService],
    written: Written | None,
    scanned: Scanned | None,
    reach: Reach | None,
) -> SecurityState:
    """All of it, but for who is barred."""
    published = without_doubles(desired_published(services))
    state = SecurityState(stack, scanned, fail_on_of(written), {}, is_enforced(written), published, reach)
    return replace(state, asked=written is not None)


# --- for a call of the command line


class Surveyed(NamedTuple):
    """Each stack that could be read. `errors`: what is wrong with the others; `away`: why no engine was asked."""

    states: tuple[SecurityState, ...] = ()
    errors: tuple[Finding, ...] = ()
    away: Finding | None = None


def survey(ground: Ground) -> Surveyed:
    """Every stack that is meant, looked at now, whether the manifest asks for it or not; without an engine by its
    files alone. Raises ControllerErrors."""
    away: Finding | None = None
    try:
        ground.engine_id()
    except EngineError as error:
        away = Finding(f"only the files were looked at: {error.message}", hint=error.hint)
    targets = ground.targets() if away is not None else ground.in_profile(ground.targets())
    states, errors = [], [finding for item in targets.broken for finding in item.findings]
    for target in targets.stacks:
        try:
            states.append(_survey_one(ground, target, has_engine=away is None))
        except InvalidInput as error:
            errors += error.findings
    return Surveyed(tuple(sorted(states, key=lambda one: one.stack)), tuple(errors), away)


def _survey_one(ground: Ground, target: Target, *, has_engine: bool) -> SecurityState:
    rendered = render_target(ground.engine, target)
    resolution = resolve_target(ground.engine, target, rendered)
    if resolution.stack is None:
        raise InvalidInput(resolution.errors)
    senses = Senses(ground.engine if has_engine else None, ground.asked.root, ground.now())
    written = write_down(target, rendered)
    scanned = scan_now(written, senses)
    reach = load_reach(ground.folder(rendered.name)) if has_engine else None
    state = make_state(rendered.name, resolution.stack.services, written, scanned, reach)
    gate = make_gate(ground.engine, target, rendered, senses.folder)
    barred = replace(resolution.stack, barred=gate.barred(senses.today)).kept_out if gate is not None else {}
    keys = keys_below(ground.folder(rendered.name)) if has_engine else ()
    audit = head_of(ground.asked.root, ground.engine_id(), rendered.name) if has_engine else None
    certificates = _read_certificates(ground, rendered.name, target) if has_engine else ()
    return replace(
        state, barred=barred, asked=_asks_for_scans(target), certificates=certificates, audit=audit, keys=keys
    )


def _read_certificates(ground: Ground, stack: str, target: Target) -> tuple[CertificateState, ...]:
    """Those that lie there, of services for which the manifest wants one."""
    from controller.loop.certbook import CertBook
    from controller.loop.certifying import Certifier

    book = CertBook(ground.folder(stack), stack)
    wanted = {name: Certified(0.0) for name in book.delivered() if asks_for_certificates(target.manifest, name)}
    return Certifier(book, None).look(wanted, ground.now()).certificates if wanted else ()


def _asks_for_scans(target: Target) -> bool:
    return target.manifest is not None and target.manifest.spec.security.asks_for_scans
