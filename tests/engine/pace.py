"""Requests at an even pace, to several places in turn."""

from __future__ import annotations

import http.client
import threading
import time

RATE, CLIENTS, SECONDS = 200, 4, 5.0


def measure(*targets: tuple[str, int]) -> list[list[float]]:
    """Seconds of each request; every target gets RATE a second, in turns, so that all meet the same machine."""
    times: list[list[float]] = [[] for _ in targets]
    pause, begin = CLIENTS / RATE, time.monotonic()

    def ask(first: int) -> None:
        links = [http.client.HTTPConnection(*target, timeout=10) for target in targets]
        for tick in range(round(SECONDS / pause)):
            time.sleep(max(0.0, begin + first * pause / CLIENTS + tick * pause - time.monotonic()))
            for link, found in zip(links, times, strict=True):
                began = time.perf_counter()
                link.request("GET", "/")
                answer = link.getresponse()
                answer.read()
                if answer.status == 200:
                    found.append(time.perf_counter() - began)
        for link in links:
            link.close()

    hands = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return times
