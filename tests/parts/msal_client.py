"""What does Microsoft's own client for Python ask Entra ID?

    msal_client.py AUTHORITY CLIENT_ID KEY CERTIFICATE SCOPE ENDPOINT

It believes to talk to AUTHORITY: what it posts to a token endpoint goes to ENDPOINT, a recorder on loopback, and what it
wants to know of the authority is answered here. Prints what it makes of the answer.
"""
import json
import pathlib
import sys

import msal
import requests

authority, client_id, key, certificate, scope, endpoint = sys.argv[1:]


class Answer:
    """What msal reads of an answer."""

    def __init__(self, body):
        self.status_code, self.text, self.headers = 200, json.dumps(body), {}

    def raise_for_status(self):
        pass


class Wire:
    """msal's own joint for the network."""

    def __init__(self):
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, url, **_kwargs):
        tenant = authority.rsplit("/", 1)[1]
        root = f"https://login.microsoftonline.com/{tenant}"
        return Answer({
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "tenant_discovery_endpoint": f"{root}/v2.0/.well-known/openid-configuration",
        })

    def post(self, url, params=None, data=None, headers=None, **_kwargs):
        return self.session.post(endpoint, params=params, data=data, headers=headers, timeout=20)

    def close(self):
        self.session.close()


client = msal.ConfidentialClientApplication(
    client_id,
    authority=authority,
    client_credential={
        "private_key": pathlib.Path(key).read_text(),
        "public_certificate": pathlib.Path(certificate).read_text(),
    },
    instance_discovery=False,
    http_client=Wire(),
)
answer = client.acquire_token_for_client(scopes=[scope])
print(json.dumps({"access_token": answer.get("access_token"), "error": answer.get("error_description")}))
