"""Every rule of the scan as tables, made from the rules, so that the manual cannot lag behind them."""

from __future__ import annotations

from controller.model.scanning import Rule
from controller.security.scan import all_rules
from controller.security.waivers import EXPIRED, IDLE

_CHAPTERS = {
    "H": "What gives the host away",
    "N": "Namespaces, and the kernel's guards",
    "F": "Users and files",
    "W": "Networks",
    "R": "Resources",
    "I": "Images",
    "S": "Secrets",
    "X": "What runs",
    "D": "The engine, once a machine",
    "A": "Waivers",
}


def reference() -> str:
    """The tables as Markdown."""
    rules = sorted((*all_rules().values(), EXPIRED, IDLE))
    return "\n".join(
        line
        for letter, title in _CHAPTERS.items()
        for line in (f"**{title}**\n", "| rule | severity | finds | why | references |", "|---|---|---|---|---|",
                     *(_row(one) for one in rules if one.id.startswith(letter)), "")
    )  # fmt: skip


def _row(one: Rule) -> str:
    cells = (one.id, str(one.severity), one.title, one.why, ", ".join(one.references))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(reference())
