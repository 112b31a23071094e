"""How does a Python program get a token from the agent, by the standard library alone?

    python3 client.py [PROFILE]
"""

import http.client
import json
import os
import socket
import sys
import urllib.parse


class Agent(http.client.HTTPConnection):
    """HTTP over the socket of the agent; COUNTERSIGN_AGENT says where it is if not in the usual place."""

    def __init__(self):
        super().__init__("agent", timeout=60)
        runtime = os.environ.get("XDG_RUNTIME_DIR") or os.path.expanduser("~/.local/state/countersign/agent")
        usual = os.path.join(runtime, "countersign" if os.environ.get("XDG_RUNTIME_DIR") else "", "agent.sock")
        self.path = os.environ.get("COUNTERSIGN_AGENT") or usual

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def token(self, profile=None):
        """Ask before every request: the agent keeps the token, and knows when it ends."""
        query = "?" + urllib.parse.urlencode({"profile": profile}) if profile else ""
        self.request("GET", "/token" + query)
        answer = self.getresponse()
        body = json.load(answer)
        if answer.status != 200:
            raise RuntimeError(f"{body['error']} ({body.get('hint')})")
        return body


if __name__ == "__main__":
    try:
        token = Agent().token(*sys.argv[1:2])
    except OSError as error:
        sys.exit(f"no agent: {error}")
    # An API gets it in a header: {"Authorization": token["authorization"]}
    print(f"a token of {token['profile']}, good for {token['expires_in']} s")
