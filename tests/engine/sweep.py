"""What runs that were broken off left behind: Docker's default pools hold thirty networks, and volumes fill disks."""

from __future__ import annotations

import json
import re
import subprocess
import time

from controller.engines.parse import parse_instant
from tests.engine.checks import docker

_OF_TESTS = re.compile(r"cts[0-9a-f]{9}([._-]|$)")
_LONGEST = 2 * 3600.0
"""Seconds. Longer than any run: what is younger may belong to one that goes on beside this."""


def sweep() -> None:
    """Remove old networks and volumes of test projects that nothing uses."""
    before = time.time() - _LONGEST
    for kind, made in (("network", "Created"), ("volume", "CreatedAt")):
        names = [name for name in docker(kind, "ls", "--format", "{{.Name}}").split() if _OF_TESTS.match(name)]
        # What a test beside this removes meanwhile is missing from the answer; Docker refuses to remove what is used.
        shown = subprocess.run(["docker", kind, "inspect", *names], capture_output=True, check=False).stdout
        old = [one["Name"] for one in json.loads(shown or "[]") if (parse_instant(one[made]) or 0.0) < before]
        if old:
            subprocess.run(["docker", kind, "rm", *old], capture_output=True, check=False)
