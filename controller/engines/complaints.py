"""What Compose says of a project that it cannot use, as a finding with the place that it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from controller.model.errors import Finding

_WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"\bline (\d+)(?:, column (\d+))?")
_PATH = re.compile(r"\b((?:services|networks|volumes|configs|secrets|include)(?:\.[\w\-./]+)+)")
_LEVEL = re.compile(r'^time="[^"]*" level=(?:error|fatal) msg="(.*)"$')

_MEANT: tuple[tuple[str, str, str], ...] = (
    (r'service "(?P<a>[^"]+)" depends on undefined service "(?P<b>[^"]+)"', "services.{a}.depends_on.{b}", ""),
    (r"dependency cycle detected: (?P<a>\S+) -> (?P<b>\S+)", "services.{a}.depends_on.{b}", "remove one of these"),
    (r"(?:^|; )extends (?P<a>\S+) in \S+", "services.{a}.extends", "remove one of these"),
    (r'service "(?P<a>[^"]+)" refers to undefined (?P<b>network|volume|config|secret) \S+', "services.{a}.{b}s", ""),
    (
        r"can't set container_name and (?P<a>\S+) as container name must be unique",
        "services.{a}.container_name",
        "remove container_name, or have one replica only",
    ),
    (r'service "(?P<a>[^"]+)" has neither an image nor a build context', "services.{a}", "give it image: or build:"),
    (r"experimental git remote resource is disabled", "include", "keep a copy in the project folder"),
    (r"^(?P<a>services|networks|volumes|configs|secrets) must be a mapping", "{a}", ""),
    (r"services\.(?P<a>\S+) Additional property (?P<b>\S+) is not allowed", "services.{a}.{b}", "is it spelled right?"),
    (
        r"services\.(?P<a>\S+) additional properties '(?P<b>[^']+)'.* not allowed",  # Compose 2.40
        "services.{a}.{b}",
        "is it spelled right?",
    ),
)
"""What Compose says without a path, the path that it means, and a mend where its words hold none."""


def read_complaint(stderr: str, files: Sequence[Path]) -> Finding:
    """Compose's last words as a finding, with the place that they name."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not _WARNING.search(line)]
    text = "; ".join(lines[-3:]) or "docker compose config failed without a word"
    if fatal := _LEVEL.match(text):
        text = fatal.group(1)
    line = _LINE.search(text)
    path, hint = _meant(text)
    named = [str(file) for file in files if str(file) in text]
    file = named[0] if named else str(files[0]) if len(files) == 1 else None
    return Finding(
        message=text.removeprefix(f"validating {file}: "),
        file=file,
        line=int(line.group(1)) if line else None,
        column=int(line.group(2)) if line and line.group(2) else None,
        path=path,
        hint=hint,
    )


def _meant(text: str) -> tuple[str | None, str | None]:
    for pattern, path, hint in _MEANT:
        if found := re.search(pattern, text):
            return path.format(**{key: _quoted(name) for key, name in found.groupdict().items()}), hint or None
    said = _PATH.search(text)
    return (said.group(1).rstrip(".") if said else None), None


def _quoted(name: str) -> str:
    """As paths of findings write names that hold a dot."""
    return f'"{name}"' if "." in name else name


def read_warnings(stderr: str) -> tuple[str, ...]:
    """Compose's warnings, each once, in its order."""
    return tuple(dict.fromkeys(re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(stderr)))
