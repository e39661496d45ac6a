"""Free ports for launches: SGLang derives others from `--port`."""

from __future__ import annotations

import contextlib
import socket

HIGHEST = 55_535
"""The highest port that every release starts on: 10,000 above it is the gRPC port, which must be a
port too (`_handle_grpc`, srt/arg_groups/serving_hook.py)."""


def free_port() -> int:
    """Return a free port of this machine that no release refuses."""
    with contextlib.ExitStack() as kept:  # the system doesn't give one that is held again
        while True:
            probe = kept.enter_context(socket.create_server(("127.0.0.1", 0)))
            port: int = probe.getsockname()[1]
            if port <= HIGHEST:
                return port
