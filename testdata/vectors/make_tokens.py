"""Which vectors do openssl, joserfc and jwcrypto make?"""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import zlib

from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

WORK = sys.argv[1]
NOW = 1700000000
CLIENT = "app-1"
ISSUER = "https://id.example"
PLATFORM = "countersign:platform"


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *arguments], cwd=WORK, input=data, capture_output=True, check=True)
    return done.stdout


def base64url(data):
    """openssl's base64, in the alphabet of RFC 4648 section 5."""
    text = openssl("base64", "-A", data=data).decode()
    return text.translate(str.maketrans("+/", "-_")).rstrip("=")


KEYS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["-algorithm", "ED25519"],
    "other": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}


def make_certificates():
    openssl("genpkey", *KEYS["p256"], "-out", "ca.key")
    openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=Vector CA", "-days", "36500",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            "-out", "ca.crt")
    made = []
    for name, options in KEYS.items():
        openssl("genpkey", *options, "-out", f"{name}.key")
        openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN=vector {name}",
                "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "36500",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "keyUsage=critical,digitalSignature",
                "-addext", "extendedKeyUsage=clientAuth", "-out", f"{name}.crt")
        der = openssl("x509", "-in", f"{name}.crt", "-outform", "DER")
        ca = openssl("x509", "-in", "ca.crt", "-outform", "DER")
        fingerprint = lambda digest: (
            openssl("x509", "-in", f"{name}.crt", "-noout", "-fingerprint", f"-{digest}")
            .decode().strip().split("=")[1].replace(":", ""))
        made.append({
            "name": name,
            "comment": "openssl: a leaf of 'Vector CA'; thumbprints by x509 -fingerprint and dgst",
            "expect": "accepted",
            "certificate": open(f"{WORK}/{name}.crt").read(),
            "issuer": open(f"{WORK}/ca.crt").read(),
            "key": open(f"{WORK}/{name}.key").read(),
            "sha1": fingerprint("sha1"),
            "sha256": fingerprint("sha256"),
            "x5t": base64url(openssl("dgst", "-sha1", "-binary", data=der)),
            "x5t_s256": base64url(openssl("dgst", "-sha256", "-binary", data=der)),
            "x5c": [openssl("base64", "-A", data=der).decode(), openssl("base64", "-A", data=ca).decode()],
        })
    write("identities.json", made)
    return {vector["name"]: vector for vector in made}


def write(name, vectors):
    with open(f"{WORK}/{name}", "w") as file:
        json.dump(vectors, file, indent=1)
        file.write("\n")


CERTIFICATES = make_certificates()


def header(key, alg, **changes):
    members = {"alg": alg, "typ": "client-authentication+jwt", "kid": CERTIFICATES[key]["sha1"],
               "x5t": CERTIFICATES[key]["x5t"], "x5t#S256": CERTIFICATES[key]["x5t_s256"]}
    members.update(changes)
    return {name: value for name, value in members.items() if value is not None}


def claims(**changes):
    members = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": NOW, "nbf": NOW, "exp": NOW + 60,
               "jti": "5f0c2b7e-3a51-4d0e-9d4f-1c2b3a4d5e6f"}
    members.update(changes)
    return {name: value for name, value in members.items() if value is not None}


def platform(**changes):
    return claims(iss=PLATFORM, sub=PLATFORM, **changes)


def joserfc(key, members, body):
    pem = CERTIFICATES[key]["key"]
    kind = {"rsa": RSAKey, "ed25519": OKPKey}.get(key, ECKey)
    registry = joserfc_jws.JWSRegistry(algorithms=[members["alg"]], strict_check_header=False)
    return joserfc_jws.serialize_compact(
        members, json.dumps(body, separators=(",", ":")), kind.import_key(pem), registry=registry)


def jwcrypto(key, members, body):
    token = jwcrypto_jwt.JWT(header=members, claims=body, algs=[members["alg"]])
    token.make_signed_token(jwcrypto_jwk.JWK.from_pem(CERTIFICATES[key]["key"].encode()))
    return token.serialize()


def by_hand(members, body, signature=b""):
    """What no library agrees to write."""
    text = lambda value: value if isinstance(value, str) else json.dumps(value)
    head = f"{base64url(text(members).encode())}.{base64url(text(body).encode())}"
    if callable(signature):
        signature = signature(head.encode())
    return f"{head}.{base64url(signature)}"


def sign_rs256(key):
    return lambda data: openssl("dgst", "-sha256", "-sign", f"{key}.key", data=data)


def vector(name, expect, comment, tool, jws, key, purpose="client", now=NOW):
    return {"name": name, "expect": expect, "comment": comment, "tool": tool, "key": key,
            "purpose": purpose, "now": now, "jws": jws}


PAIRS = [("rsa", "RS256"), ("rsa", "PS256"), ("p256", "ES256"), ("p384", "ES384"), ("p521", "ES512"),
         ("ed25519", "EdDSA")]


def assertions():
    made = []
    for tool, write_token in (("joserfc", joserfc), ("jwcrypto", jwcrypto)):
        for key, alg in PAIRS:
            made.append(vector(f"{tool}-{alg}", "accepted", "as protocol demands", tool,
                               write_token(key, header(key, alg), claims()), key))
        made.append(vector(f"{tool}-platform", "accepted", "a platform assertion", tool,
                           write_token("p256", header("p256", "ES256", typ="countersign-platform+jwt"),
                                       platform()), "p256", "platform"))
        for name, expect, comment, head, body in [
            ("no-typ", "accepted", "older clients send no typ", {"typ": None}, {}),
            ("typ-jwt", "accepted", "the typ that says nothing", {"typ": "JWT"}, {}),
            ("typ-long", "accepted", "a media type may be written in full, in any case",
             {"typ": "Application/Client-Authentication+JWT"}, {}),
            ("typ-at", "Type", "an access token's typ", {"typ": "at+jwt"}, {}),
            ("typ-dpop", "Type", "a proof's typ", {"typ": "dpop+jwt"}, {}),
            ("typ-platform", "Type", "a platform assertion's typ", {"typ": "countersign-platform+jwt"}, {}),
            ("typ-logout", "Type", "a typ of others", {"typ": "logout+jwt"}, {}),
            ("kid-absent", "accepted", "found by x5t#S256", {"kid": None}, {}),
            ("aud-array", "Audience", "an array, even of one, is not one string", {}, {"aud": [ISSUER]}),
            ("aud-two", "Audience", "an array with a foreign member", {},
             {"aud": [ISSUER, "https://evil.example"]}),
            ("aud-slash", "Audience", "a trailing slash is another string", {}, {"aud": ISSUER + "/"}),
            ("aud-case", "Audience", "another case is another string", {}, {"aud": "https://ID.example"}),
            ("aud-endpoint", "Audience", "the token endpoint is not the issuer", {},
             {"aud": ISSUER + "/oauth2/token"}),
            ("aud-absent", "Claim", "aud is required", {}, {"aud": None}),
            ("iss-other", "Issuer", "signed by app-1 in the name of app-2", {}, {"iss": "app-2"}),
            ("iss-case", "Issuer", "identifiers have case", {}, {"iss": "APP-1"}),
            ("iss-homoglyph", "Issuer", "a Cyrillic letter is another letter", {}, {"iss": "\u0430pp-1"}),
            ("iss-number", "Claim", "iss is a string", {}, {"iss": 1}),
            ("iss-array", "Claim", "iss is one string", {}, {"iss": [CLIENT]}),
            ("sub-other", "Subject", "client authentication has sub = iss", {}, {"sub": "robot"}),
            ("sub-absent", "Claim", "sub is required", {}, {"sub": None}),
            ("exp-absent", "Claim", "exp is required", {}, {"exp": None}),
            ("exp-negative", "Claim", "before 1970", {}, {"exp": -1}),
            ("exp-huge", "Claim", "10^19 is no moment", {}, {"exp": 10 ** 19}),
            ("exp-fraction", "accepted", "a fraction is rounded down", {}, {"exp": NOW + 59.9}),
            ("exp-past", "Expired", "11 s past", {}, {"exp": NOW - 11, "iat": NOW - 70, "nbf": NOW - 70}),
            ("exp-leeway", "accepted", "9 s past is within the leeway", {},
             {"exp": NOW - 9, "iat": NOW - 70, "nbf": NOW - 70}),
            ("exp-hour", "Lifetime", "an hour is longer than 300 s", {}, {"exp": NOW + 3600}),
            ("nbf-ahead", "NotYetValid", "61 s ahead", {}, {"nbf": NOW + 61}),
            ("iat-ahead", "NotYetValid", "61 s ahead", {}, {"iat": NOW + 61, "exp": NOW + 121}),
            ("iat-ahead-60", "accepted", "60 s ahead", {}, {"iat": NOW + 60, "nbf": NOW + 60,
                                                           "exp": NOW + 120}),
            ("jti-absent", "Claim", "jti is required", {}, {"jti": None}),
            ("jti-short", "Jti", "7 characters", {}, {"jti": "1234567"}),
            ("jti-long", "Jti", "129 characters", {}, {"jti": "x" * 129}),
            ("jti-control", "Jti", "a control character", {}, {"jti": "12345678\u0007"}),
            ("iat-nbf-absent", "accepted", "both are optional in RFC 7523", {}, {"iat": None, "nbf": None}),
        ]:
            made.append(vector(f"{tool}-{name}", expect, comment, tool,
                               write_token("rsa", header("rsa", "RS256", **head), claims(**body)), "rsa"))
        made.append(vector(f"{tool}-wrong-key", "Jws", "signed by another client's key", tool,
                           write_token("other", header("p256", "ES256"), claims()), "p256"))
        for name, typ in (("client", "client-authentication+jwt"), ("absent", None), ("jwt", "JWT")):
            made.append(vector(f"{tool}-platform-typ-{name}", "Type",
                               "a platform assertion must say what it is", tool,
                               write_token("p256", header("p256", "ES256", typ=typ), platform()),
                               "p256", "platform"))

    public = openssl("pkey", "-in", "rsa.key", "-pubout")
    hs256 = lambda secret: lambda data: hmac.new(secret, data, hashlib.sha256).digest()
    rs256 = sign_rs256("rsa")
    body = json.dumps(claims())
    for name, comment, members, text, signature in [
        ("alg-none", "no signature", header("rsa", "none"), body, b""),
        ("alg-None", "no signature, another case", header("rsa", "None"), body, b""),
        ("alg-none-signed", "none with a good RS256 signature", header("rsa", "none"), body, rs256),
        ("alg-hs256-pem", "the public key as an HMAC secret", header("rsa", "HS256"), body, hs256(public)),
        ("alg-hs256-as-rs256", "an HMAC where RS256 is said", header("rsa", "RS256"), body, hs256(public)),
        ("alg-lower", "rs256 is no algorithm", header("rsa", "rs256"), body, rs256),
        ("alg-rs512", "an algorithm that is not offered", header("rsa", "RS512"), body,
         lambda data: openssl("dgst", "-sha512", "-sign", "rsa.key", data=data)),
        ("alg-rs256-sha512", "RS256 said, SHA-512 in the DigestInfo", header("rsa", "RS256"), body,
         lambda data: openssl("dgst", "-sha512", "-sign", "rsa.key", data=data)),
        ("alg-ps256-salt", "PSS with a salt of 20 bytes", header("rsa", "PS256"), body,
         lambda data: openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                              "rsa_pss_saltlen:20", "-sign", "rsa.key", data=data)),
        ("alg-absent", "no alg", header("rsa", None), body, rs256),
        ("alg-array", "alg is a string", header("rsa", ["RS256"]), body, rs256),
        ("crit-unknown", "an unknown extension", header("rsa", "RS256", crit=["x"], x=1), body, rs256),
        ("crit-empty", "an empty list", header("rsa", "RS256", crit=[]), body, rs256),
        ("crit-b64", "b64:false as RFC 7797 wants it", header("rsa", "RS256", crit=["b64"], b64=False),
         body, rs256),
        ("b64-alone", "b64:false without crit", header("rsa", "RS256", b64=False), body, rs256),
        ("enc", "a header of a JWE", header("rsa", "RS256", enc="A256GCM"), body, rs256),
        ("zip", "compressed", header("rsa", "RS256", zip="DEF"), body, rs256),
        ("kid-number", "kid is a string", header("rsa", "RS256", kid=1), body, rs256),
        ("kid-long", "257 bytes", header("rsa", "RS256", kid="x" * 257), body, rs256),
        ("typ-number", "typ is a string", header("rsa", "RS256", typ=1), body, rs256),
        ("header-array", "the header is an object", "[]", body, rs256),
        ("header-twice", "alg twice", '{"alg":"none","alg":"RS256"}', body, rs256),
        ("header-trailing", "bytes after the header", json.dumps(header("rsa", "RS256")) + "x", body, rs256),
        ("header-large", "more than 2 KiB", header("rsa", "RS256", x="y" * 2048), body, rs256),
        ("claims-array", "claims are an object", header("rsa", "RS256"), "[]", rs256),
        ("claims-twice", "aud twice", header("rsa", "RS256"),
         body[:-1] + ',"aud":"https://id.example"}', rs256),
        ("claims-surrogate", "a lone surrogate", header("rsa", "RS256"), body[:-1] + r',"x":"\ud800"}', rs256),
        ("claims-trailing", "bytes after the claims", header("rsa", "RS256"), body + "{}", rs256),
        ("claims-bom", "a byte order mark", header("rsa", "RS256"), "\ufeff" + body, rs256),
    ]:
        made.append(vector(f"openssl-{name}", "Jws", comment, "openssl", by_hand(members, text, signature),
                           "rsa"))
    for name, member in [("exp-string", '"exp":"1700000060"'), ("exp-null", '"exp":null'),
                         ("exp-true", '"exp":true'), ("exp-array", '"exp":[1700000060]'),
                         ("exp-1e300", '"exp":1e300'), ("exp-2^53+1", '"exp":9007199254740993')]:
        text = json.dumps(claims(exp=None))[:-1] + "," + member + "}"
        made.append(vector(f"openssl-{name}", "Claim", "exp is a number from 0 to 2^53", "openssl",
                           by_hand(header("rsa", "RS256"), text, rs256), "rsa"))
    der = lambda data: openssl("dgst", "-sha256", "-sign", "p256.key", data=data)
    made.append(vector("openssl-ecdsa-der", "Jws", "a signature in DER instead of R and S", "openssl",
                       by_hand(header("p256", "ES256"), body, der), "p256"))
    for name, value in [("0", 0), ("1", 1)]:
        made.append(vector(f"openssl-ecdsa-r-s-{name}", "Jws", "r and s are not random", "openssl",
                           by_hand(header("p256", "ES256"), body, value.to_bytes(32, "big") * 2), "p256"))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for name, value in [("n", order), ("n-1", order - 1)]:
        made.append(vector(f"openssl-ecdsa-r-s-{name}", "Jws", "r and s are at the order", "openssl",
                           by_hand(header("p256", "ES256"), body, value.to_bytes(32, "big") * 2), "p256"))
    for key in ("rsa", "p256"):
        alg = {"rsa": "RS256", "p256": "ES256"}[key]
        made.append(vector(f"joserfc-x5c-{key}", "accepted", "the chain in x5c, of more than 2 KiB in all",
                           "joserfc", joserfc(key, header(key, alg, x5c=CERTIFICATES[key]["x5c"]), claims()),
                           key))
    made.append(vector("joserfc-jwk-embedded", "Jws", "signed by the key that the header brings along",
                       "joserfc", joserfc("other", header("p256", "ES256", jwk=json.loads(
                           jwcrypto_jwk.JWK.from_pem(CERTIFICATES["other"]["key"].encode()).export_public())),
                           claims()), "p256"))
    made.append(vector("joserfc-jku", "accepted", "jku and x5u are data, and nobody follows them", "joserfc",
                       joserfc("p256", header("p256", "ES256", jku="http://127.0.0.1:9/jwks.json",
                                              x5u="http://127.0.0.1:9/c.pem"), claims()), "p256"))
    write("assertions-python.json", made)


def access_tokens():
    made = []
    body = {"iss": ISSUER, "sub": "robot", "aud": "https://api.example", "client_id": CLIENT,
            "principal": "robot", "type": 1, "scope": "read write", "roles": ["Reader"], "iat": NOW,
            "nbf": NOW, "exp": NOW + 900, "jti": "0192f0c1-7f4e-7c3a-b1de-2f3a4b5c6d7e",
            "cert": {"x5t#S256": CERTIFICATES["rsa"]["x5t_s256"]}}
    for name, expect, comment, head, changes in [
        ("good", "accepted", "as RFC 9068 demands, with our members", {}, {}),
        ("typ-long", "accepted", "the media type in full", {"typ": "application/at+JWT"}, {}),
        ("typ-jwt", "Type", "an ID token's typ", {"typ": "JWT"}, {}),
        ("typ-absent", "Type", "typ is required", {"typ": None}, {}),
        ("typ-assertion", "Type", "an assertion's typ", {"typ": "client-authentication+jwt"}, {}),
        ("kid-absent", "UnknownKey", "kid is required", {"kid": None}, {}),
        ("kid-other", "UnknownKey", "no key of this name", {"kid": "../../dev/null"}, {}),
        ("iss-other", "Issuer", "another issuer", {}, {"iss": "https://id.example/"}),
        ("aud-other", "Audience", "another service", {}, {"aud": "https://other.example"}),
        ("aud-array", "Claim", "one audience, as a string", {}, {"aud": ["https://api.example"]}),
        ("exp-now", "Expired", "exp is the first moment at which it is bad", {}, {"exp": NOW}),
        ("exp-absent", "Claim", "exp is required", {}, {"exp": None}),
        ("nbf-ahead", "NotYetValid", "11 s ahead", {}, {"nbf": NOW + 11}),
        ("nbf-leeway", "accepted", "10 s ahead", {}, {"nbf": NOW + 10}),
        ("iat-absent", "Claim", "iat is required", {}, {"iat": None}),
        ("jti-absent", "Claim", "jti is required", {}, {"jti": None}),
        ("client-absent", "Claim", "client_id is required", {}, {"client_id": None}),
        ("type-3", "Claim", "a kind that is granted has the client_id of granted tokens", {}, {"type": 3}),
        ("type-string", "Claim", "the kind is a number", {}, {"type": "1"}),
        ("roles-string", "Claim", "roles are a list", {}, {"roles": "Administrator"}),
        ("cnf-unknown", "Claim", "bound by a method that is not known here", {}, {"cnf": {"x5t#S256": "a"}}),
        ("cnf-jkt", "accepted", "bound to a key", {}, {"cnf": {"jkt": "x"}}),
    ]:
        members = {"alg": "ES256", "typ": "at+jwt", "kid": "issuer-key"}
        members.update(head)
        members = {name: value for name, value in members.items() if value is not None}
        changed = {**body, **changes}
        changed = {name: value for name, value in changed.items() if value is not None}
        made.append({"name": f"jwcrypto-{name}", "expect": expect, "comment": comment, "tool": "jwcrypto",
                     "key": "p256", "now": NOW, "jws": jwcrypto("p256", members, changed)})
    write("access-tokens-python.json", made)


def base62(data, characters):
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, text = int.from_bytes(data, "big"), ""
    for _ in range(characters):
        number, digit = divmod(number, 62)
        text = alphabet[digit] + text
    return text


def opaque():
    made = []
    for prefix, kind, token_id, secret, comment in [
        ("csn", "rt", bytes(16), bytes(32), "all bits clear"),
        ("csn", "pat", b"\xff" * 16, b"\xff" * 32, "all bits set"),
        ("acme", "app", bytes(range(16)), bytes(range(32)), "a prefix that was set"),
        ("csn", "sys", bytes.fromhex("0192f0c17f4e7c3ab1de2f3a4b5c6d7e"), bytes(range(255, 223, -1)),
         "a UUIDv7"),
    ]:
        body = f"{prefix}_{kind}_{base62(token_id, 22)}{base62(secret, 43)}"
        checksum = zlib.crc32(body.encode()).to_bytes(4, "big")
        made.append({"comment": comment, "tool": "python zlib", "prefix": prefix, "kind": kind,
                     "id": token_id.hex(), "secret": secret.hex(), "token": body + base62(checksum, 6)})
    write("opaque-python.json", made)


assertions()
access_tokens()
opaque()
