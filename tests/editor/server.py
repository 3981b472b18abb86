"""yaml-language-server on stdio, spoken to as an editor does: JSON-RPC, one request at a time."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

HERE = Path(__file__).parent
PACKAGE = HERE / "node_modules/yaml-language-server"
_PATIENCE = 60.0


class LanguageServer:
    """One server for one folder. `settings`: those of `yaml`, as `.vscode/settings.json` has them without prefix."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._settings, self._numbers = settings, itertools.count(1)
        self._answers: Queue[dict[str, Any]] = Queue()
        self._told: Queue[dict[str, Any]] = Queue()
        self._process = subprocess.Popen(
            ["node", str(PACKAGE / "bin/yaml-language-server"), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        able = {
            "workspace": {"configuration": True, "workspaceFolders": True, "didChangeConfiguration": {}},
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
                "publishDiagnostics": {},
            },
        }
        root = {"uri": folder.as_uri(), "name": folder.name}
        self.ask("initialize", processId=None, rootUri=root["uri"], workspaceFolders=[root], capabilities=able)
        self._send(method="initialized", params={})
        self._send(method="workspace/didChangeConfiguration", params={"settings": {"yaml": settings}})

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Open a document; what is wrong with it."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._send(method="textDocument/didOpen", params={"textDocument": document})
        while True:
            told = self._told.get(timeout=_PATIENCE)
            if told["uri"] == document["uri"]:
                found: list[dict[str, Any]] = told["diagnostics"]
                return found

    def hover(self, path: Path, line: int, column: int) -> str:
        """What is shown there, both counted from 0."""
        answer = self._at("textDocument/hover", path, line, column)
        return str(answer["contents"]["value"]) if answer else ""

    def complete(self, path: Path, line: int, column: int) -> dict[str, dict[str, Any]]:
        """What is proposed there, by label."""
        answer = self._at("textDocument/completion", path, line, column)
        return {item["label"]: item for item in (answer or {}).get("items", [])}

    def ask(self, method: str, **params: Any) -> Any:
        """The answer to one request."""
        number = next(self._numbers)
        self._send(id=number, method=method, params=params)
        try:
            while (answer := self._answers.get(timeout=_PATIENCE))["id"] != number:
                pass
        except Empty:
            raise TimeoutError(method) from None
        assert "error" not in answer, answer
        return answer["result"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE)
        self._reader.join(timeout=_PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _at(self, method: str, path: Path, line: int, column: int) -> Any:
        return self.ask(method, textDocument={"uri": path.as_uri()}, position={"line": line, "character": column})

    def _send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while line := stream.readline():
            if not line.lower().startswith(b"content-length:"):
                continue
            size = int(line.split(b":")[1])
            while stream.readline().strip():
                pass
            self._take(json.loads(stream.read(size)))

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"method": "workspace/configuration", "id": number, "params": {"items": items}}:
                known = {"yaml": dict(self._settings), "[yaml]": {"editor.tabSize": 2}, "http": {}}
                self._send(id=number, result=[known.get(item.get("section"), {}) for item in items])
            case {"method": "textDocument/publishDiagnostics", "params": params}:
                self._told.put(params)
            case {"method": _, "id": number}:
                self._send(id=number, result=None)
            case {"id": _}:
                self._answers.put(message)
