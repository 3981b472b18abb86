"""Compose's last words become one finding with the place that they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.complaints import read_complaint, read_warnings

pytestmark = pytest.mark.unit

FILE = Path("/p/compose.yaml")


@pytest.mark.parametrize(
    "stderr, place, message",
    [
        (
            "validating /p/compose.yaml: services.web Additional property imag is not allowed\n",
            ("/p/compose.yaml", None, "services.web.imag"),
            "services.web Additional property imag is not allowed",
        ),
        (
            "validating /p/compose.yaml: services.web additional properties 'imag', 'port' not allowed\n",
            ("/p/compose.yaml", None, "services.web.imag"),
            "services.web additional properties 'imag', 'port' not allowed",
        ),
        (
            "yaml: line 3: did not find expected key",
            ("/p/compose.yaml", 3, None),
            "yaml: line 3: did not find expected key",
        ),
        (
            'time="x" level=warning msg="A is not set"\nservice "web" depends on undefined service "zz": invalid',
            ("/p/compose.yaml", None, "services.web.depends_on.zz"),
            'service "web" depends on undefined service "zz": invalid',
        ),
        (
            "error while interpolating services.web.image: required variable A is missing a value: must be set",
            ("/p/compose.yaml", None, "services.web.image"),
            "error while interpolating services.web.image: required variable A is missing a value: must be set",
        ),
        ("", ("/p/compose.yaml", None, None), "docker compose config failed without a word"),
    ],
)
def test_complaints_keep_composes_words_and_place(stderr: str, place: tuple[object, ...], message: str) -> None:
    finding = read_complaint(stderr, (FILE,))
    assert (finding.file, finding.line, finding.path) == place
    assert finding.message == message


def test_of_several_files_only_one_that_is_named_is_blamed() -> None:
    files = (FILE, Path("/p/other.yaml"))
    assert read_complaint("yaml: line 3: x", files).file is None
    assert read_complaint("validating /p/other.yaml: services.x y", files).file == "/p/other.yaml"


def test_warnings_are_told_once() -> None:
    line = 'time="2026-01-01T00:00:00Z" level=warning msg="The \\"A\\" variable is not set."\n'
    assert read_warnings(line + line + "other") == ('The "A" variable is not set.',)


MEANT = {
    "a missing service": ('service "a" depends on undefined service "b.c": invalid', 'services.a.depends_on."b.c"'),
    "a cycle": ("dependency cycle detected: a -> b -> a", "services.a.depends_on.b"),
    "extends in a circle": ("Circular reference:\n  a in c.yaml\n  extends a in c.yaml\n", "services.a.extends"),
    "a dangling network": ('service "a" refers to undefined network n: invalid', "services.a.networks"),
    "a dangling secret": ('service "a" refers to undefined secret n: invalid', "services.a.secrets"),
    "replicas that share a name": (
        "services.scale: can't set container_name and a as container name must be unique: invalid",
        "services.a.container_name",
    ),
    "an unknown key": ("services.a Additional property enviroment is not allowed", "services.a.enviroment"),
    "a section of the wrong kind": ("services must be a mapping", "services"),
    "a remote include": ("experimental git remote resource is disabled", "include"),
}


@pytest.mark.parametrize("case", MEANT)
def test_words_without_a_path_mean_one(case: str) -> None:
    said, path = MEANT[case]
    assert read_complaint(said, (FILE,)).path == path
