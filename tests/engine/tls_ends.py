"""Runs in a container: the two ends of new TLS connections, `serve`, or `ask` at an even pace for ever.

Both show the certificate in `/run/controller/tls` and want one of the other that its authorities signed; they read that
folder when they start and at SIGHUP. What they saw until then is one line of JSON at each SIGUSR1.
"""

import json
import signal
import socket
import ssl
import sys
import threading
import time

FOLDER = "/run/controller/tls/"
NAME, PORT = "db", 8443
RATE, HANDS = 200, 8
"""New connections a second, by so many threads in turn. Who is late does not wait: what was missed is made up."""
PATIENCE = 10.0
WHAT = sys.argv[1]
KIND = ssl.PROTOCOL_TLS_SERVER if WHAT == "serve" else ssl.PROTOCOL_TLS_CLIENT

lock = threading.Lock()
began = time.monotonic()
seen = {"made": 0, "failed": 0, "longest": 0.0, "read": 0}
others = set()
"""Every certificate that the other end has shown."""


def read():
    made = ssl.SSLContext(KIND)
    made.load_cert_chain(FOLDER + "tls.crt", FOLDER + "tls.key")
    made.load_verify_locations(FOLDER + "ca.crt")
    made.verify_mode = ssl.CERT_REQUIRED
    seen["read"] += 1
    return made


now = [read()]


def shake(plain, **how):
    """One handshake, and one byte there and back over it."""
    start = time.monotonic()
    try:
        with now[0].wrap_socket(plain, **how) as speaking:
            if WHAT == "serve":
                said = speaking.recv(1)
                if not said:  # the controller, which looks what is served, and shows our own
                    return
                speaking.sendall(said)
            else:
                speaking.sendall(b"?")
                if speaking.recv(1) != b"?":
                    raise OSError("no answer")
            other = speaking.getpeercert(binary_form=True)
    except OSError as error:
        failed(error)
        return
    with lock:
        seen["made"] += 1
        seen["longest"] = max(seen["longest"], time.monotonic() - start)
        others.add(other)


def failed(error):
    print("failed:", repr(error), flush=True)
    with lock:
        seen["failed"] += 1


def serve():
    listening = socket.create_server(("", PORT), backlog=512)
    while True:
        plain, _ = listening.accept()
        plain.settimeout(PATIENCE)
        threading.Thread(target=shake, args=(plain,), kwargs={"server_side": True}, daemon=True).start()


def ask(first):
    tick = first
    while True:
        time.sleep(max(0.0, began + tick / RATE - time.monotonic()))
        tick += HANDS
        try:
            plain = socket.create_connection((NAME, PORT), PATIENCE)
        except OSError as error:
            failed(error)
            continue
        shake(plain, server_hostname=NAME)


def tell():
    said = {**seen, "seconds": time.monotonic() - began, "certificates": len(others)}
    print(json.dumps(said), flush=True)


# Blocked before there are threads, and waited for: a handler runs in the main thread alone, whenever that wakes.
ASKED = {signal.SIGHUP: lambda: now.__setitem__(0, read()), signal.SIGUSR1: tell}
signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
hands = [threading.Thread(target=ask, args=(first,), daemon=True) for first in range(HANDS if WHAT == "ask" else 0)]
for hand in hands or [threading.Thread(target=serve, daemon=True)]:
    hand.start()
while True:
    ASKED[signal.sigwait(ASKED)]()
