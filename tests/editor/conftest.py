"""Without the server's packages (scripts/test installs them where npm is) these tests say that they are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.editor.server import PACKAGE, LanguageServer

Start = Callable[[Path, Mapping[str, Any]], LanguageServer]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Starts language servers, which end with the module's tests."""
    if shutil.which("node") is None or not PACKAGE.is_dir():
        pytest.skip("yaml-language-server is not here: npm --prefix tests/editor ci")
    with ExitStack() as running:
        yield lambda folder, settings: running.enter_context(closing(LanguageServer(folder, settings)))
