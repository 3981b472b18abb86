"""Counters and one histogram in Prometheus' text format. Safe to call from several threads."""

import threading
from collections import defaultdict

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds


class Metrics:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(lambda: defaultdict(float))
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS) + 1))
        self._seconds: dict[str, float] = defaultdict(float)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        with self._lock:
            self._counters[name][tuple(sorted(labels.items()))] += amount

    def time_request(self, path: str, seconds: float) -> None:
        with self._lock:
            slot = next((i for i, bound in enumerate(_BUCKETS) if seconds <= bound), len(_BUCKETS))
            self._buckets[path][slot] += 1
            self._seconds[path] += seconds

    def render(self) -> str:
        with self._lock:
            return "\n".join([*self._render_counters(), *self._render_histogram(), ""])

    def _render_counters(self) -> list[str]:
        lines = []
        for name in sorted(self._counters):
            lines.append(f"# TYPE {name} counter")
            lines.extend(f"{name}{_labels(labels)} {value:g}" for labels, value in sorted(self._counters[name].items()))
        return lines

    def _render_histogram(self) -> list[str]:
        lines = ["# TYPE rag_request_seconds histogram"] if self._buckets else []
        for path, slots in sorted(self._buckets.items()):
            total = 0
            for bound, slot in zip((*(f"{b:g}" for b in _BUCKETS), "+Inf"), slots, strict=True):
                total += slot
                lines.append(f"rag_request_seconds_bucket{_labels((('path', path), ('le', bound)))} {total}")
            lines.append(f"rag_request_seconds_sum{_labels((('path', path),))} {self._seconds[path]:.6f}")
            lines.append(f"rag_request_seconds_count{_labels((('path', path),))} {total}")
        return lines


def _labels(pairs: tuple[tuple[str, str], ...]) -> str:
    escaped = (f'{key}="{value.translate(_ESCAPES)}"' for key, value in pairs)
    text = ",".join(escaped)
    return f"{{{text}}}" if text else ""


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
