"""Who may do what, by the `Controller` manifest that is here, or that -f names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli.options import Options

if TYPE_CHECKING:
    from controller.model.access import AccessPolicy


def read_policy(options: Options) -> AccessPolicy:
    """Without such a manifest: the roles that exist from the start, and no users. Raises InvalidInput."""
    from controller.intake.targets import Request, find_targets
    from controller.model.access import AccessPolicy
    from controller.model.errors import InvalidInput

    targets = find_targets(Request(Path.cwd(), os.environ, tuple(map(str, options.files))))
    if targets.serving is not None:
        return targets.serving.access
    if options.files and targets.findings:
        raise InvalidInput(targets.findings)
    broken = tuple(one for one in targets.findings if (one.path or "").startswith("spec.access"))
    if broken:
        raise InvalidInput(broken)
    return AccessPolicy()
