"""Which programs a command starts."""

from __future__ import annotations

import pytest

from controller.security.shells import started

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("argv", "programs"),
    [
        ((), []),
        (("sshd", "-D"), ["sshd"]),
        (("fail2ban-client", "status", "sshd"), ["fail2ban-client"]),
        (("/bin/sh", "-c", "/usr/sbin/sshd -D"), ["/bin/sh", "/usr/sbin/sshd"]),
        (("bash", "-ec", "ssh-keygen -A && exec sshd -D; true"), ["bash", "ssh-keygen", "sshd", "true"]),
        (("sh", "-c", "A=1 B=2 sshd | tee log &"), ["sh", "sshd", "tee"]),
        (("sh", "-c", "if true; then sshd; fi"), ["sh", "true", "sshd", "fi"]),
        (("sh", "run.sh", "sshd"), ["sh"]),
        (("sh", "-c"), ["sh"]),
        (("tini", "-g", "--", "gosu", "app", "sshd"), ["sshd"]),
        (("env", "-i", "PATH=/bin", "sshd"), ["sshd"]),
        (("sh", "-c", "bash -c 'sshd -D'"), ["sh", "bash", "sshd"]),
        (("sh", "-c", "echo 'it is not closed"), ["sh", "echo"]),
        (("exec",), []),
    ],
)
def test_programs(argv: tuple[str, ...], programs: list[str]) -> None:
    assert [one[0] for one in started(argv)] == programs


def test_no_end_of_shells() -> None:
    """Each in the script of the one before."""
    argv = ["sshd"]
    for _ in range(12):
        argv = ["sh", "-c", " ".join(argv)]
    assert len([*started(argv)]) < 8
