"""A stand-in for the server: records argv and environ, then answers /health until it is ended.

Started as ``python stand_in_server.py RECORD [server arguments]``.
"""

from __future__ import annotations

import http.server
import json
import os
import sys
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    record, words = Path(sys.argv[1]), sys.argv[2:]
    record.write_text(json.dumps({"argv": words, "environ": dict(os.environ)}))
    port = int(words[words.index("--port") + 1])
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
