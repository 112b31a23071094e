"""Does a Python client that nobody here wrote (Authlib) get a token, with its own old habits?

    python authlib_client.py TOKEN_ENDPOINT CLIENT_ID KEY_FILE ALGORITHM KID [SCOPE]

It names the token endpoint as audience and signs assertions that live an hour. Prints the token
response as one JSON line, or the refusal: {"error": ..., "reason": ...}.
"""

import json
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http, on loopback only

from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: E402
from joserfc.jwk import import_key  # noqa: E402

token_endpoint, client_id, key_file, algorithm, kid = sys.argv[1:6]
scope = sys.argv[6] if len(sys.argv) > 6 else None
with open(key_file, "rb") as file:
    key = import_key(file.read(), "RSA" if algorithm[1] == "S" and algorithm[0] in "RP" else "EC")

session = OAuth2Session(client_id, key, scope=scope, token_endpoint_auth_method="private_key_jwt")
session.trust_env = False
session.register_client_auth_method(
    PrivateKeyJWT(token_endpoint, headers={"kid": kid}, alg=algorithm)
)
answer = {}


def keep(response):
    answer.update(response.json())
    return response


session.register_compliance_hook("access_token_response", keep)
try:
    session.fetch_token(token_endpoint, grant_type="client_credentials")
except Exception as error:  # the answer says why
    answer.setdefault("error", str(error))
print(json.dumps(answer))
