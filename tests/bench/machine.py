"""On what the figures were measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil


def describe_machine() -> Mapping[str, str]:
    """What a figure depends on, in words, by what it is."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "engine": f"Docker {_docker('version', '{{.Server.Version}}')}, {_docker('info', '{{.Driver}}')}",
        "Compose": _compose(),
        "Python": platform.python_version(),
        "speed": f"a loop of ten million empty steps takes {_time_loop():.2f} s of processor time",
    }


class Load:
    """How busy the machine was before and during a run: the run itself is part of the latter."""

    def __init__(self) -> None:
        self._began = time.time()
        self._before = os.getloadavg()[0]
        psutil.cpu_percent()

    def tell(self) -> Mapping[str, str]:
        took = time.time() - self._began
        began = datetime.fromtimestamp(self._began, UTC)
        return {
            "date": f"{began:%Y-%m-%d %H:%M} UTC, {took / 60:.0f} min",
            "load": f"{self._before:.2f} before the run, {os.getloadavg()[1]:.2f} at its end (5 min); "
            f"processors {psutil.cpu_percent():.0f} % busy meanwhile",
        }


def _time_loop() -> float:
    """What a processor is worth now: on shared machines it differs by a factor of two from hour to hour."""
    began = time.process_time()
    for _ in range(10_000_000):
        pass
    return time.process_time() - began


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _docker(command: str, template: str) -> str:
    words = ["docker", command, "--format", template]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _compose() -> str:
    words = ["docker", "compose", "version", "--format", "json"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return str(json.loads(found)["version"])
