"""A stand-in for the server: records argv and environ, then answers /health until it is ended.

Started as ``python stand_in_server.py RECORD [server arguments]``. ``STAND_IN`` names what else it
does: ``slow`` (503 at first), ``dies``, ``deaf`` (never listens), ``stubborn`` (it and children of
it, one in a session of its own, withstand SIGTERM).
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import time
from pathlib import Path

HABITS = os.environ.get("STAND_IN", "").split()


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        Handler.asked += 1
        ready = "slow" not in HABITS or Handler.asked > 2
        self.send_response((200 if ready else 503) if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def child(*, leave: bool) -> int:
    """A child that stays; with *leave* its parent ends and it has a session of its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        if leave:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
        os.write(writing, str(os.getpid()).encode())
        time.sleep(600)
        os._exit(0)
    return int(os.read(reading, 20))


if __name__ == "__main__":
    record, words = Path(sys.argv[1]), sys.argv[2:]
    pids = [os.getpid()]
    if "stubborn" in HABITS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids += [child(leave=False), child(leave=True)]
    print("loading weights\nserver_args: api_key='sesame-open'", flush=True)
    found = {"argv": words, "environ": dict(os.environ), "pids": pids}
    record.with_suffix(".new").write_text(json.dumps(found))
    record.with_suffix(".new").rename(record)
    if "dies" in HABITS:
        print("out of memory", flush=True)
        sys.exit(3)
    if "deaf" in HABITS:
        time.sleep(600)
    port = int(words[words.index("--port") + 1])
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
