"""A site on loopback that shows its files to whoever has the right token, and says who came.

    python bearer_site.py FOLDER TOKEN-FILE CHALLENGE [CERTIFICATE KEY]

Prints its address on the first line, and then a JSON object for each request: path, scheme, user (of Basic) and
whether the token was right. CHALLENGE is what WWW-Authenticate says. The token file is read at each request.
"""

import base64
import functools
import http.server
import json
import ssl
import sys

folder, token_file, challenge, *tls = sys.argv[1:]


class Site(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def presented(self):
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        user = None
        if scheme.lower() == "basic":
            user, _, value = base64.b64decode(value).decode().partition(":")
        return scheme.lower(), user, value

    def do_GET(self):
        scheme, user, value = self.presented()
        with open(token_file) as file:
            right = bool(value) and value == file.read().strip()
        print(json.dumps({"path": self.path, "scheme": scheme, "user": user, "right": right}), flush=True)
        if right:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, directory=folder))
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
scheme = "https" if tls else "http"
print(f"{scheme}://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
