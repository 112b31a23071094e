"""What does an implementation that nobody here wrote (joserfc) sign, believe and call a key?

    python jwt_peer.py NOW < LINES

Lines, keys and answers are those of jwt-peer.mjs.
"""

import json
import sys
import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key, load_pem_public_key,
)
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, OctKey, RSAKey, import_key

warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has a new name in RFC 9864
NOW = int(sys.argv[1])


def kind(alg):
    return {"HS": OctKey, "ES": ECKey, "Ed": OKPKey}.get(alg[:2], RSAKey)


def from_private(text, alg):
    key = load_pem_private_key(text.encode(), None)
    return kind(alg).import_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def from_public(key, alg):
    return kind(alg).import_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


READ = {
    "pem": from_private,
    "pkcs8": from_private,
    "spki": lambda text, alg: from_public(load_pem_public_key(text.encode()), alg),
    "x509": lambda text, alg: from_public(x509.load_pem_x509_certificate(text.encode()).public_key(), alg),
    "jwk": lambda text, alg: import_key(json.loads(text)),
    "jwks": lambda text, alg: KeySet.import_key_set(json.loads(text)),
    "hex": lambda text, alg: OctKey.import_key(bytes.fromhex(text)),
}


def key_of(asked):
    return READ[asked["key"]["form"]](asked["key"]["text"], asked.get("alg"))


def sign(asked):
    header = {**asked["header"], "alg": asked["alg"]}
    return {"jwt": jwt.encode(header, asked["claims"], key_of(asked), algorithms=[asked["alg"]])}


def verify(asked):
    token = jwt.decode(asked["jwt"], key_of(asked), algorithms=[asked["alg"]])
    needed = {"essential": True}
    rules = jwt.JWTClaimsRegistry(now=NOW, leeway=0, exp=needed, iat=needed, nbf=needed)
    rules.validate(token.claims)
    return {"header": token.header, "claims": token.claims}


def thumbprint(asked):
    return {"thumbprint": key_of(asked).thumbprint()}


def generate(asked):
    alg = asked["alg"]
    if alg.startswith("HS"):
        return {"forms": {"secret": OctKey.generate_key(int(alg[2:])).as_dict(private=True)}}
    made = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}.get(alg, 2048)
    key = kind(alg).generate_key(made)
    public = key.as_dict(private=False)
    return {"forms": {
        "pkcs8": key.as_pem(private=True).decode(),
        "private": key.as_dict(private=True),
        "spki": key.as_pem(private=False).decode(),
        "public": public,
        "set": {"keys": [{**public, "kid": "theirs", "use": "sig", "alg": alg}]},
    }}


for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"sign": sign, "verify": verify, "thumbprint": thumbprint, "generate": generate}[asked["do"]](asked)
    except Exception as error:  # whatever it is, the test says it
        answer = {"error": repr(error)}
    print(json.dumps(answer))
