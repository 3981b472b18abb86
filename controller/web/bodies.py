"""What clients may send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from controller.model.wish import Wish

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""Of a row: SQLite knows no larger one."""
Verb = Literal[
    "apply", "start", "stop", "retry", "pause", "resume", "adopt", "confirm", "prune", "cleanup", "release",
    "rollout-undo", "rollout-restart", "rollout-pause", "rollout-resume",
    "resources-undo", "resources-apply", "resources-resume",
]  # fmt: skip


class Body(BaseModel):
    """Unknown keys are errors: what is misspelled is not silently left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class LogsAsked(Body):
    """Which output: the last lines of all replicas or of one, and whether what comes, too."""

    tail: Annotated[int, Field(ge=0, le=10000)] = 200
    replica: Name | None = None
    follow: bool = False


class AuditAsked(Body):
    """Which records of the audit log."""

    before: Annotated[str, StringConstraints(max_length=512, pattern=r"^([^/]{1,40}/[0-9]{1,18}/[^/]*)?$")] = ""
    """`next` of an earlier answer: what comes after it."""
    since: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z)?$")] = ""
    """Only what is not older than this instant, such as `2026-11-27T10:00:00Z`."""
    who: Annotated[str, StringConstraints(max_length=256)] = ""
    verb: Annotated[str, StringConstraints(max_length=256)] = ""
    stack: Annotated[str, StringConstraints(max_length=256)] = ""
    outcome: Literal["", "denied", "failed"] = ""
    act: Annotated[str, StringConstraints(max_length=256)] = ""
    """The `id` of one act: the records of all logs that tell of it."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Asked(Body):
    """An intent: a command of the command line, with its options."""

    verb: Verb
    services: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    """Of these only; none: of the whole stack."""
    adopt: bool = False
    """`apply --adopt`: take a running project over although that replaces something."""
    confirm: bool = False
    """`apply --confirm`: allow the removal of many services at once. `resources undo` and `release
    --confirm`: limits below what is used, too."""
    build: bool = False
    """`apply --build`: build images anew."""
    immediately: bool = False
    """`stop --now`: without the stop grace period."""
    everything: bool = False
    """`prune --all`: all of the stack's containers and networks."""
    profile: Name | None = None
    """`apply --profile`: put the stack into this startup profile."""
    to: Annotated[Number, Field(ge=1)] | None = None
    """`rollout undo --to`: this revision."""
    images: bool | None = None
    """`cleanup --images`, `--no-images`: null stands for what the manifest says."""
    build_cache: bool | None = None
    """`cleanup --build-cache`, likewise."""
    older_than: Annotated[float, Field(ge=0, le=10 * 366 * 86400)] | None = None
    """`cleanup --older-than`, in seconds, likewise."""
    timeout: Annotated[float, Field(gt=0, le=86400)] = 600.0
    """Seconds without progress after which it is given up."""

    def wish(self, who: str) -> Wish:
        return Wish(**self.model_dump(), who=who)


class Silencing(Body):
    """Nothing is sent for a while: of some services, some rules, or the whole stack."""

    seconds: Annotated[float, Field(gt=0, le=31536000)]
    services: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    rules: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    comment: Annotated[str, StringConstraints(max_length=500)] = ""


class Login(Body):
    """One of the two; a token is the one in the state folder, or one that was issued."""

    code: Annotated[str, StringConstraints(max_length=200)] | None = None
    token: Annotated[str, StringConstraints(max_length=8300)] | None = None
