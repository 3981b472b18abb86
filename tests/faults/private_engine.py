"""A Docker daemon of the test's own, which may be stopped, killed and frozen: no bridge, its own folders and socket."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, eventually


class PrivateEngine:
    """One dockerd, as often as it is started. Containers on it have no network."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(
            tempfile.mkdtemp(prefix="dockerd-", dir="/var/tmp")
        )  # a short path: sockets have short names
        self.host = f"unix://{self.folder}/d.sock"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        places = {"data-root": "root", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{name}={self.folder}/{place}" for name, place in places.items()]
        words += ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false", *self.options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                # In a network of its own: a daemon without a bridge removes `docker0`, also another daemon's.
                ["unshare", "--net", "dockerd", "-H", self.host, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self.answers, 30)

    def answers(self) -> bool:
        asked = ["docker", "-H", self.host, "version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def load_image(self) -> None:
        with subprocess.Popen(["docker", "save", IMAGE], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "-H", self.host, "load"], stdin=saved.stdout, check=True, capture_output=True)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for that."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=40)

    def clean(self) -> None:
        """Containers, daemon, containerd and folders; nothing stays mounted."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.send(signal.SIGCONT)
        found = docker("-H", self.host, "ps", "-aq").split()
        if found:
            docker("-H", self.host, "rm", "-f", "-v", *found)
        self.stop()
        _end_containerd(self.folder / "exec/containerd/containerd.pid")
        for mount in _mounts_below(self.folder):
            subprocess.run(["umount", "-l", mount], check=False)
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)


def _end_containerd(pid_file: Path) -> None:
    """Where the daemon was killed, its containerd may have outlived it."""
    if pid_file.exists() and Path(f"/proc/{(pid := int(pid_file.read_text()))}").exists():
        os.kill(pid, signal.SIGTERM)


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return sorted((line.split()[1] for line in lines if line.split()[1].startswith(str(folder))), reverse=True)
