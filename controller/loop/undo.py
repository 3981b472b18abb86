"""Where an undo goes: which generation, and which release of each service. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.decide.aim import is_release, ran_to_its_end
from controller.loop.ending import most_common
from controller.loop.setbacks import has_pin
from controller.model.decision import History
from controller.model.desired import DesiredService
from controller.model.errors import ControllerError
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Release, Revision, make_release, split_release
from controller.model.observed import ServiceView

LISTED = "controller rollout history"


@dataclass(frozen=True, slots=True)
class Standing:
    """One service as it stands: what the manifest asks for, what is remembered and seen of it."""

    want: DesiredService
    history: History = field(default_factory=History)
    view: ServiceView = field(default_factory=ServiceView)

    @property
    def release(self) -> Release:
        """What an undo would leave: what it was brought to, or is on its way to."""
        want, history = self.want, self.history
        if has_pin(want, history) and history.pinned is not None:
            return history.pinned
        if history.attempt is not None and history.attempt.release:
            return history.attempt.release
        asked = [release for release in history.failed if split_release(release)[0] == want.revision]
        if asked and history.failed_for == want.revision:
            return max(asked)
        images = [r.image_id for r in self.view.replicas if r.revision == want.revision and r.image_id is not None]
        seen = make_release(want.revision, most_common(images)) if images else None
        return seen or history.good or make_release(want.revision)


@dataclass(frozen=True, slots=True)
class Return:
    """The generation that is gone back to, and the release of each service (None: again what the manifest asks for).

    `notes` say what cannot be brought back with it.
    """

    generation: Generation
    pins: Mapping[str, Release | None]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """All that the choice follows from. `kept`: what the revisions were made from; `chosen`: services by name.

    `whole`: nobody named a service. `lost`: images that are not here any more.
    """

    stack: str
    generations: Sequence[Generation]
    standings: Mapping[str, Standing]
    kept: Mapping[tuple[str, Revision], DesiredService]
    chosen: tuple[str, ...]
    whole: bool = True
    to: int | None = None
    lost: Collection[ImageId] = ()


def find_return(undo: Undo) -> Return:
    """Raises ControllerError where there is nothing to go back to."""
    if undo.to is not None:
        return _return_to(undo, _find(undo, undo.to))
    why: ControllerError | None = None
    for generation in reversed(undo.generations[:-1]):
        if not _came_to_be(undo, generation):
            continue
        try:
            found = _return_to(undo, generation)
        except ControllerError as error:
            why = why or error
            continue
        if found.pins:
            return found
    raise why or ControllerError(_tell_none(undo), hint=LISTED)


def _tell_none(undo: Undo) -> str:
    what = undo.stack if undo.whole else ", ".join(undo.chosen)
    if any(generation.ending is Ending.UNKNOWN for generation in undo.generations[:-1]):
        return f"{what}: what an older version of this program kept cannot be gone back to, and there is nothing newer"
    return f"{what}: no earlier generation converged on anything else"


def _came_to_be(undo: Undo, generation: Generation) -> bool:
    if undo.whole:
        return generation.ending is Ending.CONVERGED
    return all(name in generation.releases for name in undo.chosen)


def _find(undo: Undo, number: int) -> Generation:
    for generation in undo.generations:
        if generation.number == number:
            return generation
    numbers = [generation.number for generation in undo.generations]
    kept = f"kept are {numbers[0]} to {numbers[-1]}" if numbers else "none is kept"
    raise ControllerError(f"{undo.stack}: there is no generation {number}; {kept}", hint=LISTED)


def _return_to(undo: Undo, generation: Generation) -> Return:
    settled = [name for name in undo.chosen if name in generation.releases]
    missing = [name for name in undo.chosen if name not in generation.releases]
    if not settled or (missing and not undo.whole):
        raise ControllerError(f"{undo.stack}: {_tell_missing(generation, missing, undo.whole)}", hint=LISTED)
    pins, notes = dict[str, Release | None](), list[str]()
    for name in settled:
        standing, release = undo.standings[name], generation.releases[name]
        if is_release(release, standing.release):
            continue
        obstacle = _find_obstacle(undo, generation, name)
        if obstacle and not undo.whole:
            raise ControllerError(f"{undo.stack}: {obstacle}", hint=LISTED)
        if obstacle:
            notes.append(obstacle)
            continue
        notes.extend(_tell_contents(undo, generation, name))
        pins[name] = None if _is_asked(standing, release) else release
    if notes and not pins:
        raise ControllerError(f"{undo.stack}: {notes[0]}", hint=LISTED)
    return Return(generation, {**_stays(undo, generation, settled), **pins} if pins else {}, tuple(notes))


def _stays(undo: Undo, generation: Generation, names: Collection[str]) -> Mapping[str, Release]:
    """Those that went back there before, with their stack: else they would go forward again, past the undo."""
    found = {}
    for name in names:
        standing, release = undo.standings[name], generation.releases[name]
        revision = split_release(release)[0]
        is_back = is_release(release, standing.release) and revision != standing.want.revision
        if is_back and (name, revision) in undo.kept and not _is_job(standing, revision):
            found[name] = release
    return found


def _is_asked(standing: Standing, release: Release) -> bool:
    """What the manifest asks for, from the image that its tag stands for now: nothing needs to be pinned."""
    revision, image = split_release(release)
    stands_for: ImageId | None = standing.view.image_id
    return revision == standing.want.revision and (image is None or image == stands_for)


def _tell_missing(generation: Generation, missing: Collection[str], whole: bool) -> str:
    number = generation.number
    if generation.ending is Ending.UNKNOWN or (generation.ending is Ending.CONVERGED and whole):
        return f"generation {number} was kept by an older version, without what is needed to go back to it"
    if whole:
        return f"generation {number} never came to be ({generation.ending}): there is nothing to go back to"
    return f"{', '.join(missing)} did not settle in generation {number}: there is nothing to go back to"


def _find_obstacle(undo: Undo, generation: Generation, name: str) -> str | None:
    """Why this service cannot go back to that generation; None: it can."""
    revision, image = split_release(generation.releases[name])
    standing = undo.standings[name]
    if _is_job(standing, revision):
        return f"{name} is a job, which is never run backwards: what it did since generation {generation.number} stays"
    then = undo.kept.get((name, revision))
    if then is None:
        return f"what {name} was made from in generation {generation.number} is not kept any more"
    if image in undo.lost:
        return f"the image of {name} in generation {generation.number} is not here any more ({image})"
    standing_revision, standing_image = split_release(standing.release)
    now = undo.kept.get((name, standing_revision))
    moved = image is not None and standing_image is not None and image != standing_image
    if now is None or moved or now.template.fingerprint != then.template.fingerprint:
        return None
    return f"{name} differs from generation {generation.number} only in files, whose contents are not kept"


def _is_job(standing: Standing, revision: Revision) -> bool:
    """It is one, or was one then."""
    return ran_to_its_end(standing.want, standing.history) or standing.history.completed == revision


def _tell_contents(undo: Undo, generation: Generation, name: str) -> Iterator[str]:
    if generation.contents.get(name, "") != undo.generations[-1].contents.get(name, ""):
        yield f"{name}: its configs, secrets or mounted files keep their present contents"
