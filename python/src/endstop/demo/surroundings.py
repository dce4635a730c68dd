"""What the crews reach on this machine: a web server, and one that never answers."""

from __future__ import annotations

import functools
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!doctype html><html><head><title>Endstop</title></head><body>
<h1>An endstop</h1>
<p>is the switch at the end of a machine's travel: whatever drives the carriage, it stops there.</p>
</body></html>"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Both servers serve as long as their process lives."""

    website: ThreadingHTTPServer
    silent: socket.socket

    @property
    def page_url(self) -> str:
        """Address of a page."""
        return f"http://127.0.0.1:{self.website.server_port}/"

    @property
    def silent_port(self) -> int:
        """Port of a server that takes connections and never says anything."""
        port: int = self.silent.getsockname()[1]
        return port


class _OnePage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)


@functools.cache
def surroundings() -> Surroundings:
    """The servers of this process, on ports that the system chooses."""
    website = ThreadingHTTPServer(("127.0.0.1", 0), _OnePage)
    threading.Thread(target=website.serve_forever, daemon=True).start()
    return Surroundings(website, socket.create_server(("127.0.0.1", 0)))
