"""Runs in a container: clients that look a name up and ask, each time anew, until SIGTERM.

What they saw is one line of JSON. No answer within two seconds is a failure.
"""

import http.client
import json
import signal
import sys
import threading
import time

NAME, PORT = sys.argv[1], int(sys.argv[2])
PATIENCE, PAUSE = 2.0, 0.01
CLIENTS = 8
over, lock = threading.Event(), threading.Lock()
seen = {"done": 0, "failures": []}


def ask() -> None:
    while not over.is_set():
        link = http.client.HTTPConnection(NAME, PORT, timeout=PATIENCE)
        try:
            link.request("GET", "/")
            link.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            with lock:
                seen["failures"].append(repr(error))
        with lock:
            seen["done"] += 1
        link.close()
        time.sleep(PAUSE)


signal.signal(signal.SIGTERM, lambda *_: over.set())
hands = [threading.Thread(target=ask) for _ in range(CLIENTS)]
for hand in hands:
    hand.start()
print("asks", flush=True)
over.wait()
for hand in hands:
    hand.join()
print(json.dumps(seen), flush=True)
