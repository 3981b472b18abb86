"""A stand-in for the grafana/grafana image: shows the latest value of every panel of the provisioned dashboards."""

import html
import json
import signal
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

_PORT = 3000
_PROVISIONING = Path("/etc/grafana/provisioning")
_NOTICE = "This is a stand-in, not Grafana: no image registry answered when this machine was set up."


def read_datasource() -> str:
    """The URL of the first provisioned Prometheus; an empty text when there is none."""
    for path in sorted((_PROVISIONING / "datasources").glob("*.y*ml")):
        for source in (yaml.safe_load(path.read_text()) or {}).get("datasources", ()):
            if source.get("type") == "prometheus":
                return str(source["url"]).rstrip("/")
    return ""


def read_dashboards() -> Iterator[dict[str, Any]]:
    """Every dashboard in the folders that the provisioned providers name."""
    for path in sorted((_PROVISIONING / "dashboards").glob("*.y*ml")):
        for provider in (yaml.safe_load(path.read_text()) or {}).get("providers", ()):
            for dashboard in sorted(Path(provider["options"]["path"]).glob("**/*.json")):
                yield json.loads(dashboard.read_text())


def query_latest(datasource: str, expression: str) -> list[tuple[str, str]]:
    """(series, value) pairs of an instant query; the trouble as one pair when it cannot be had."""
    # A range needs a window: Grafana fills it in, so must we.
    expression = expression.replace("$__rate_interval", "1m")
    url = f"{datasource}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - the provisioned URL
            found = json.load(answer)["data"]["result"]
    except (OSError, ValueError, KeyError) as error:
        return [("", f"no answer from {datasource}: {error}")]
    return [(label_series(one["metric"]), one["value"][1]) for one in found]


def label_series(metric: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in metric.items() if key != "__name__")


def render_page() -> str:
    datasource = read_datasource()
    parts = [f"<!doctype html><meta charset=utf-8><title>Stand-in for Grafana</title><p><b>{_NOTICE}</b></p>"]
    for dashboard in read_dashboards():
        parts.append(f"<h1>{html.escape(str(dashboard.get('title', '')))}</h1>")
        for panel in dashboard.get("panels", ()):
            heading = "h2" if panel.get("type") == "row" else "h3"
            parts.append(f"<{heading}>{html.escape(str(panel.get('title', '')))}</{heading}><table>")
            parts.extend(render_values(datasource, panel))
            parts.append("</table>")
    return "\n".join(parts)


def render_values(datasource: str, panel: Mapping[str, Any]) -> Iterator[str]:
    """A row for each series; where there is none, the panel's own word for that."""
    targets = [str(target.get("expr", "")) for target in panel.get("targets", ())]
    pairs = [pair for expression in targets for pair in query_latest(datasource, expression)]
    if targets and not pairs:
        pairs = [("", str(panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "no data")))]
    for name, value in pairs:
        yield f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"


def list_dashboards() -> list[dict[str, str]]:
    """What Grafana's own /api/search tells of them."""
    return [{"uid": one["uid"], "title": one["title"], "type": "dash-db"} for one in read_dashboards()]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.path.split("?", 1)[0]:
            case "/api/health":
                self._send(200, json.dumps({"database": "ok", "version": "stand-in", "commit": ""}), "application/json")
            case "/api/search":
                self._send(200, json.dumps(list_dashboards()), "application/json")
            case "/" | "/login" | "/dashboards":
                self._send(200, render_page(), "text/html; charset=utf-8")
            case _:
                self._send(404, json.dumps({"message": f"Not found. {_NOTICE}"}), "application/json")

    do_HEAD = do_GET

    def _send(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Health checks would fill the log."""


def main() -> None:
    server = ThreadingHTTPServer(("0.0.0.0", _PORT), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(_NOTICE, flush=True)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
