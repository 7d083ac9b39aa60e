"""Stands in for sglang-router: lists its workers."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

given = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
workers = sys.argv[sys.argv.index("--worker-urls") + 1 :]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"workers": [{"url": url} for url in workers]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer((given["--host"], int(given["--port"])), Handler).serve_forever()
