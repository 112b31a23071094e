#!/usr/bin/env python3
"""Makes keys.json, signatures.json and certificates.json with openssl and python-cryptography.

Every vector says what is expected of it. Run here: ./make_keys.py
Needs openssl 3 and python-cryptography 42 or later. The keys are for tests only.
"""
import base64, datetime, hashlib, json, math, os, secrets, subprocess, tempfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID, ExtendedKeyUsageOID, ObjectIdentifier

work = tempfile.mkdtemp()


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, check=True, capture_output=True, cwd=work).stdout


def b64(data):
    return base64.b64encode(data).decode()


def spki_of(pem):
    return b64(openssl("pkey", "-pubout", "-outform", "DER", stdin=pem))


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def pem(label, der):
    text = base64.encodebytes(der).replace(b"\n", b"").decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


# --- private keys -----------------------------------------------------------------------------

keys = []


def key(name, text, expect, spki=None):
    keys.append({"name": name, "expect": expect, "pem": text if isinstance(text, str) else text.decode(), **({"spki": spki} if spki else {})})


def genpkey(*args):
    return openssl("genpkey", *args)


rsa2048 = genpkey("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
rsa3 = genpkey("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3")
key("rsa 2048, PKCS#8", rsa2048, "ok", spki_of(rsa2048))
key("rsa 2048, PKCS#1", openssl("pkey", "-traditional", stdin=rsa2048), "ok", spki_of(rsa2048))
key("rsa 2048 with exponent 3", rsa3, "ok", spki_of(rsa3))
rsa3072 = genpkey("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
key("rsa 3072, PKCS#8", rsa3072, "ok", spki_of(rsa3072))
for bits in (512, 1024, 2040):
    key(f"rsa {bits}", genpkey("-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"), f"RsaSize {bits}")
key("rsa 1024, PKCS#1", openssl("pkey", "-traditional", stdin=keys[-2]["pem"].encode()), "RsaSize 1024")
key("rsa for PSS only", genpkey("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"), "Unsupported RSASSA-PSS (RFC 4055)")

ec_keys = {}
for curve in ("P-256", "P-384", "P-521"):
    pkcs8 = genpkey("-algorithm", "EC", "-pkeyopt", f"group:{curve}")
    ec_keys[curve] = pkcs8
    spki = spki_of(pkcs8)
    key(f"{curve}, PKCS#8", pkcs8, "ok", spki)
    key(f"{curve}, SEC1", openssl("pkey", "-traditional", stdin=pkcs8), "ok", spki)
key("P-256, SEC1 after a parameters block", openssl("ecparam", "-name", "prime256v1") + openssl("pkey", "-traditional", stdin=ec_keys["P-256"]), "ok", spki_of(ec_keys["P-256"]))
key("secp256k1", genpkey("-algorithm", "EC", "-pkeyopt", "group:secp256k1"), "Unsupported EC secp256k1")
key("P-224", genpkey("-algorithm", "EC", "-pkeyopt", "group:P-224"), "Unsupported EC P-224")
key("P-256 by its parameters", genpkey("-algorithm", "EC", "-pkeyopt", "group:P-256", "-pkeyopt", "ec_param_enc:explicit"), "Unsupported EC curve given by its parameters")

p256 = serialization.load_pem_private_key(ec_keys["P-256"], None)
scalar = p256.private_numbers().private_value.to_bytes(32, "big")
point = p256.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
P256 = bytes.fromhex("06082a8648ce3d030107")
P384 = bytes.fromhex("06052b81040022")
ECPUB = bytes.fromhex("06072a8648ce3d0201")


def sec1(public, curve=b""):
    return tlv(0x30, b"\x02\x01\x01", tlv(4, scalar), tlv(0xA0, curve) if curve else b"", tlv(0xA1, tlv(3, b"\0" + public)) if public else b"")


def pkcs8(inner):
    return tlv(0x30, b"\x02\x01\x00", tlv(0x30, ECPUB, P256), tlv(4, inner))


key("P-256, PKCS#8 without the public key", pem("PRIVATE KEY", pkcs8(sec1(b""))), "ok", spki_of(ec_keys["P-256"]))
key("P-256, SEC1 without the name of the curve", pem("EC PRIVATE KEY", sec1(point)), "Malformed")
key("P-256, SEC1 with the public key of another", pem("EC PRIVATE KEY", sec1(other, P256)), "Malformed")
key("P-256 outside, P-384 inside", pem("PRIVATE KEY", pkcs8(sec1(point, P384))), "Malformed")
key("P-256, SEC1 with bytes behind", pem("EC PRIVATE KEY", sec1(point, P256) + b"\0"), "Malformed")

ed = genpkey("-algorithm", "ED25519")
key("Ed25519, PKCS#8", ed, "ok", spki_of(ed))
seed = serialization.load_pem_private_key(ed, None)
raw = seed.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
pub = seed.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
OKP = tlv(0x30, bytes.fromhex("06032b6570"))
key("Ed25519, PKCS#8 with the public key", pem("PRIVATE KEY", tlv(0x30, b"\x02\x01\x01", OKP, tlv(4, tlv(4, raw)), tlv(0x81, b"\0" + pub))), "ok", spki_of(ed))
key("Ed25519 with the public key of another", pem("PRIVATE KEY", tlv(0x30, b"\x02\x01\x01", OKP, tlv(4, tlv(4, raw)), tlv(0x81, b"\0" + pub[::-1]))), "Malformed")
key("Ed448", genpkey("-algorithm", "ED448"), "Unsupported Ed448")
key("X25519", genpkey("-algorithm", "X25519"), "Unsupported X25519")
key("encrypted PKCS#8", openssl("pkcs8", "-topk8", "-passout", "pass:secret", stdin=ed), "Encrypted")
key("encrypted PKCS#1", openssl("rsa", "-traditional", "-aes128", "-passout", "pass:secret", stdin=rsa2048), "Encrypted")
key("encrypted SEC1", openssl("ec", "-aes128", "-passout", "pass:secret", stdin=ec_keys["P-256"]), "Encrypted")
key("no key at all", "nothing\n", "Malformed")
key("a public key", openssl("pkey", "-pubout", stdin=ed), "Malformed")

# --- public keys ------------------------------------------------------------------------------

public = []
RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


def integer(n):
    size = n.bit_length() // 8 + 1
    return tlv(2, n.to_bytes(size, "big"))


def rsa_spki(n, e):
    return tlv(0x30, RSA_ENCRYPTION, tlv(3, b"\0" + tlv(0x30, integer(n), integer(e))))


def pub_key(name, der, expect):
    public.append({"name": name, "expect": expect, "spki": b64(der)})


n = serialization.load_pem_private_key(rsa2048, None).public_key().public_numbers().n


def primes(count):
    found, k = [], 2
    while len(found) < count:
        if all(k % p for p in found):
            found.append(k)
        k += 1
    return found


def probably_prime(n):
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for _ in range(20):
        x = pow(secrets.randbelow(n - 3) + 2, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(r - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def roca_prime(bits):
    """CVE-2017-15361: k*M + (65537^a mod M)."""
    m = math.prod(primes(126))
    while True:
        k = secrets.randbits(bits - m.bit_length()) | 1 << (bits - m.bit_length() - 1) | 1 << (bits - m.bit_length() - 2)
        p = k * m + pow(65537, secrets.randbits(64), m)
        if p.bit_length() == bits and probably_prime(p):
            return p


while True:
    roca = roca_prime(1024) * roca_prime(1024)
    if roca.bit_length() == 2048:
        break
pub_key("rsa with the ROCA fingerprint", rsa_spki(roca, 65537), "RsaRoca")
pub_key("rsa with exponent 1", rsa_spki(n, 1), "RsaExponent")
pub_key("rsa with an even exponent", rsa_spki(n, 65536), "RsaExponent")
pub_key("rsa with exponent 0", rsa_spki(n, 0), "RsaExponent")
pub_key("rsa with an exponent of 34 bits", rsa_spki(n, 2**33 + 1), "RsaExponent")
pub_key("rsa with an exponent of 2048 bits", rsa_spki(n, n - 2), "RsaExponent")
pub_key("rsa with an even modulus", rsa_spki(n - 1, 65537), "Malformed")
pub_key("rsa 2047", rsa_spki(n >> 1 | 1, 65537), "RsaSize 2047")
pub_key("rsa 8193", rsa_spki(1 << 8192 | 1, 65537), "RsaSize 8193")
n8192 = secrets.randbits(8192) | 1 << 8191 | 1
pub_key("rsa 8192", rsa_spki(n8192, 65537), "ok")
pub_key("rsa with a negative modulus", tlv(0x30, RSA_ENCRYPTION, tlv(3, b"\0" + tlv(0x30, tlv(2, b"\x80" + bytes(255) + b"\1"), integer(65537)))), "Malformed")
pub_key("rsa with bytes behind", rsa_spki(n, 65537) + b"\0", "Malformed")


def ec_spki(curve, point):
    return tlv(0x30, tlv(0x30, ECPUB, curve), tlv(3, b"\0" + point))


pub_key("P-256 off the curve", ec_spki(P256, point[:-1] + bytes([point[-1] ^ 1])), "OffCurve")
pub_key("P-256 at zero", ec_spki(P256, b"\4" + bytes(64)), "OffCurve")
pub_key("P-256 at infinity", ec_spki(P256, b"\0"), "Malformed")
prime256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
pub_key("P-256 with a coordinate of p", ec_spki(P256, b"\4" + prime256.to_bytes(32, "big") + point[33:]), "OffCurve")
pub_key("P-256 compressed", ec_spki(P256, bytes([2 + point[-1] % 2]) + point[1:33]), "Unsupported EC point in compressed form")
pub_key("P-256 as a hybrid point", ec_spki(P256, bytes([6 + point[-1] % 2]) + point[1:]), "Malformed")
pub_key("a P-256 point called P-384", ec_spki(P384, point), "Malformed")


def ed_spki(y):
    return tlv(0x30, OKP, tlv(3, b"\0" + y))


p25519 = 2**255 - 19


def le(y, sign=0):
    return (y | sign << 255).to_bytes(32, "little")


d25519 = -121665 * pow(121666, -1, p25519) % p25519
off = next(y for y in range(2, 99) if pow((y * y - 1) * pow(d25519 * y * y + 1, -1, p25519) % p25519, (p25519 - 1) // 2, p25519) == p25519 - 1)
pub_key("Ed25519 off the curve", ed_spki(le(off)), "OffCurve")
pub_key("Ed25519 identity", ed_spki(le(1)), "OffCurve")
pub_key("Ed25519 of order 2", ed_spki(le(p25519 - 1)), "OffCurve")
pub_key("Ed25519 of order 4", ed_spki(le(0)), "OffCurve")
pub_key("Ed25519 of order 4, other sign", ed_spki(le(0, 1)), "OffCurve")
for name, y in (("", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), (", other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")):
    pub_key(f"Ed25519 of order 8{name}", ed_spki(bytes.fromhex(y)), "OffCurve")
    pub_key(f"Ed25519 of order 8{name}, other sign", ed_spki(bytes.fromhex(y)[:31] + bytes([bytes.fromhex(y)[31] ^ 0x80])), "OffCurve")
pub_key("Ed25519 identity, not reduced", ed_spki(le(p25519 + 1)), "OffCurve")
pub_key("Ed25519 of 31 bytes", ed_spki(pub[:31]), "Malformed")
pub_key("Ed448", openssl("pkey", "-pubout", "-outform", "DER", stdin=genpkey("-algorithm", "ED448")), "Unsupported Ed448")

# --- signatures -------------------------------------------------------------------------------

message = b"countersign"
signatures = []


def sig(name, spki, alg, signature, expect):
    signatures.append({"name": name, "expect": expect, "spki": spki, "alg": alg, "signature": b64(signature)})


rsa_key = serialization.load_pem_private_key(rsa2048, None)
spki = spki_of(rsa2048)
pkcs1 = padding.PKCS1v15()


def pss(salt, mgf=hashes.SHA256()):
    return padding.PSS(padding.MGF1(mgf), salt)


rs256 = rsa_key.sign(message, pkcs1, hashes.SHA256())
ps256 = rsa_key.sign(message, pss(32), hashes.SHA256())
sig("RS256", spki, "RS256", rs256, "good")
sig("PS256", spki, "PS256", ps256, "good")
sig("RS256 taken for PS256", spki, "PS256", rs256, "bad")
sig("PS256 taken for RS256", spki, "RS256", ps256, "bad")
sig("RS256 taken for ES256", spki, "ES256", rs256, "bad")
for salt in (0, 20, 31, 33, 222):
    sig(f"PS256 with a salt of {salt}", spki, "PS256", rsa_key.sign(message, pss(salt), hashes.SHA256()), "bad")
sig("PS256 with MGF1 of SHA-1", spki, "PS256", rsa_key.sign(message, pss(32, hashes.SHA1()), hashes.SHA256()), "bad")
sig("PSS with SHA-384", spki, "PS256", rsa_key.sign(message, pss(48, hashes.SHA384()), hashes.SHA384()), "bad")
for name, hash in (("SHA-1", hashes.SHA1()), ("SHA-384", hashes.SHA384()), ("SHA-512", hashes.SHA512())):
    sig(f"PKCS#1 with {name}", spki, "RS256", rsa_key.sign(message, pkcs1, hash), "bad")
sig("empty", spki, "RS256", b"", "bad")
sig("RS256 with a zero in front", spki, "RS256", b"\0" + rs256, "bad")
sig("RS256 with a zero behind", spki, "RS256", rs256 + b"\0", "bad")
sig("RS256 cut by one", spki, "RS256", rs256[:-1], "bad")
sig("RS256 of zeros", spki, "RS256", bytes(256), "bad")
sig("RS256 plus the modulus", spki, "RS256", (int.from_bytes(rs256, "big") + n).to_bytes(257, "big"), "bad")

# By hand with the private key: encodings that a lenient verifier takes.
numbers = rsa_key.private_numbers()
digest = hashlib.sha256(message).digest()
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
NO_NULL = bytes.fromhex("302f300b06096086480165030402010420")
LONG_LENGTH = bytes.fromhex("308131300d060960864801650304020105000420")
GARBAGE_PARAMETER = tlv(0x30, tlv(0x30, bytes.fromhex("0609608648016503040201"), tlv(4, bytes(40))), tlv(4, digest))


def by_hand(encoded):
    assert len(encoded) == 256
    return pow(int.from_bytes(encoded, "big"), numbers.d, n).to_bytes(256, "big")


def padded(block, fill=b"\xff", kind=1):
    return b"\0" + bytes([kind]) + fill * (253 - len(block)) + b"\0" + block


sig("PKCS#1 by hand, as it must be", spki, "RS256", by_hand(padded(SHA256_INFO + digest)), "good")
sig("DigestInfo without NULL", spki, "RS256", by_hand(padded(NO_NULL + digest)), "bad")
sig("DigestInfo with a long length", spki, "RS256", by_hand(padded(LONG_LENGTH + digest)), "bad")
sig("DigestInfo with a garbage parameter", spki, "RS256", by_hand(padded(GARBAGE_PARAMETER)), "bad")
sig("block type 2", spki, "RS256", by_hand(padded(SHA256_INFO + digest, kind=2)), "bad")
sig("padding that is not FF", spki, "RS256", by_hand(padded(SHA256_INFO + digest, fill=b"\xfe")), "bad")
short = b"\0\1" + b"\xff" * 8 + b"\0" + SHA256_INFO + digest
sig("bytes after the digest", spki, "RS256", by_hand(short + bytes(256 - len(short))), "bad")
sig("hash without DigestInfo", spki, "RS256", by_hand(padded(digest)), "bad")


def cube_root(x):
    low, high = 0, 1 << (x.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < x else (low, middle)
    return low


forged = cube_root(int.from_bytes(short + bytes(256 - len(short)), "big"))
assert (forged**3).to_bytes(256, "big").startswith(short)
sig("forged by a cube root (exponent 3)", spki_of(rsa3), "RS256", forged.to_bytes(256, "big"), "bad")

ORDER = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
    "P-521": int("01" + "f" * 64 + "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
}
for curve, alg, hash, size in (("P-256", "ES256", hashes.SHA256(), 32), ("P-384", "ES384", hashes.SHA384(), 48), ("P-521", "ES512", hashes.SHA512(), 66)):
    ec_key = serialization.load_pem_private_key(ec_keys[curve], None)
    spki = spki_of(ec_keys[curve])
    der = ec_key.sign(message, ec.ECDSA(hash))
    r, s = utils.decode_dss_signature(der)
    order = ORDER[curve]

    def raw_signature(r, s, width=size):
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")

    sig(alg, spki, alg, raw_signature(r, s), "good")
    sig(f"{alg} with the other s", spki, alg, raw_signature(r, order - s), "good")
    sig(f"{alg} as DER", spki, alg, der, "bad")
    sig(f"{alg} with wider halves", spki, alg, raw_signature(r, s, size + 1), "bad")
    sig(f"{alg} with a zero behind", spki, alg, raw_signature(r, s) + b"\0", "bad")
    sig(f"{alg} cut by one", spki, alg, raw_signature(r, s)[:-1], "bad")
    sig(f"{alg}, empty", spki, alg, b"", "bad")
    for r2 in (0, 1, order - 1, order):
        for s2 in (0, 1, order - 1, order):
            name = {0: "0", 1: "1", order - 1: "n-1", order: "n"}
            sig(f"{alg} with r={name[r2]} s={name[s2]}", spki, alg, raw_signature(r2, s2), "bad")
    if (s + order).bit_length() <= 8 * size:
        sig(f"{alg} with s+n", spki, alg, raw_signature(r, s + order), "bad")
    sig(f"{alg} by another hash", spki, alg, raw_signature(*utils.decode_dss_signature(ec_key.sign(message, ec.ECDSA(hashes.SHA1())))), "bad")
    other_alg = "ES384" if alg != "ES384" else "ES256"
    sig(f"{alg} taken for {other_alg}", spki, other_alg, raw_signature(r, s), "bad")

eddsa = seed.sign(message)
spki = spki_of(ed)
L = 2**252 + 27742317777372353535851937790883648493
sig("EdDSA", spki, "EdDSA", eddsa, "good")
sig("EdDSA with s+L", spki, "EdDSA", eddsa[:32] + (int.from_bytes(eddsa[32:], "little") + L).to_bytes(32, "little"), "bad")
sig("EdDSA of zeros", spki, "EdDSA", bytes(64), "bad")
sig("EdDSA with the identity", spki, "EdDSA", le(1) + bytes(32), "bad")
sig("EdDSA with a zero behind", spki, "EdDSA", eddsa + b"\0", "bad")
sig("EdDSA, empty", spki, "EdDSA", b"", "bad")

# --- certificates -----------------------------------------------------------------------------

certificates = []
start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
end = datetime.datetime(2036, 1, 1, tzinfo=datetime.timezone.utc)
ca_key = ec.generate_private_key(ec.SECP256R1())
leaf_key = p256


def name(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


ROOT = name((NameOID.COUNTRY_NAME, "CH"), (NameOID.ORGANIZATION_NAME, "Countersign"), (NameOID.COMMON_NAME, "Root"))
SUB = name((NameOID.COUNTRY_NAME, "CH"), (NameOID.ORGANIZATION_NAME, "Countersign"), (NameOID.COMMON_NAME, "Issuing"))
LEAF = name((NameOID.COUNTRY_NAME, "CH"), (NameOID.ORGANIZATION_NAME, "Countersign"), (NameOID.COMMON_NAME, "Corellian"))


def make(subject, issuer, *extensions, public_key=None, signer=ca_key, serial=0x1234567890, hash=hashes.SHA256()):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key or leaf_key.public_key())
    builder = builder.serial_number(serial).not_valid_before(start).not_valid_after(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hash).public_bytes(serialization.Encoding.DER)


def cert(title, der, expect):
    certificates.append({"name": title, "expect": expect, "der": b64(der)})


def usage(**on):
    bits = dict.fromkeys(["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
    return x509.KeyUsage(**{**bits, **on})


DS = (usage(digital_signature=True), True)
CLIENT = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
CA = (x509.BasicConstraints(ca=True, path_length=None), True)
NOT_CA = (x509.BasicConstraints(ca=False, path_length=None), True)
SAN = (x509.SubjectAlternativeName([x509.DNSName("corellian.example"), x509.RFC822Name("ops@corellian.example"), x509.UniformResourceIdentifier("spiffe://example/corellian")]), False)


def unknown(critical):
    return (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), critical)


cert("root", make(ROOT, ROOT, CA, (usage(key_cert_sign=True, crl_sign=True), True), public_key=ca_key.public_key()), "KeyUsage")
cert("issuing", make(SUB, ROOT, CA, (usage(key_cert_sign=True, digital_signature=True), True)), "CertificateAuthority")
cert("leaf", make(LEAF, SUB, NOT_CA, DS, CLIENT, SAN), "ok")
cert("leaf without extensions", make(LEAF, SUB), "ok")
cert("leaf for encryption only", make(LEAF, SUB, (usage(key_encipherment=True), True), CLIENT), "KeyUsage")
cert("leaf of a server", make(LEAF, SUB, DS, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)), "ExtendedKeyUsage")
cert("leaf of client and server", make(LEAF, SUB, DS, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), True)), "ok")
cert("self-signed authority, as openssl makes", make(LEAF, LEAF, CA, signer=leaf_key), "ok")
cert("authority of another used as a leaf", make(LEAF, ROOT, CA, DS, CLIENT), "CertificateAuthority")
cert("unknown extension", make(LEAF, SUB, DS, unknown(False)), "ok")
cert("unknown critical extension", make(LEAF, SUB, DS, unknown(True)), "UnknownCriticalExtension 1.3.6.1.4.1.55555.1")
cert("authority with critical name constraints", make(SUB, ROOT, CA, (x509.NameConstraints([x509.DNSName("example")], None), True)), "CertificateAuthority")
cert("serial of 20 bytes", make(LEAF, SUB, DS, serial=2**159 - 1), "ok")
cert("rsa 2048", make(LEAF, SUB, DS, public_key=rsa_key.public_key()), "ok")
cert("rsa 1024", make(LEAF, SUB, DS, public_key=rsa.generate_private_key(65537, 1024).public_key()), "UnsupportedKey")
cert("Ed25519", make(LEAF, LEAF, DS, public_key=seed.public_key(), signer=seed, hash=None), "ok")
cert("P-521", make(LEAF, SUB, DS, public_key=serialization.load_pem_private_key(ec_keys["P-521"], None).public_key()), "ok")
cert("authority that the leaf issued", make(SUB, LEAF, CA), "CertificateAuthority")
for number in (1, 2):
    cert(f"issuing with key identifier {number}", make(SUB, ROOT, CA, (x509.SubjectKeyIdentifier(bytes([number])), False)), "CertificateAuthority")
    cert(f"leaf that names key identifier {number}", make(LEAF, SUB, DS, (x509.AuthorityKeyIdentifier(bytes([number]), None, None), False)), "ok")
cert("without a subject", make(x509.Name([]), SUB, DS, (SAN[0], True)), "ok")

# What the tool refuses to make is made out of what it made. The signature is not looked at here.
leaf = base64.b64decode(certificates[3]["der"])


def body(der):
    """Splits one TLV into header length and content."""
    if der[1] < 0x80:
        return 2, der[2 : 2 + der[1]]
    size = der[1] & 0x7F
    length = int.from_bytes(der[2 : 2 + size], "big")
    return 2 + size, der[2 + size : 2 + size + length]


def split(content):
    parts = []
    while content:
        header, inner = body(content)
        parts.append(content[: header + len(inner)])
        content = content[header + len(inner) :]
    return parts


def remake(der, change):
    tbs, algorithm, signature = split(body(der)[1])
    fields = split(body(tbs)[1])
    return tlv(0x30, tlv(0x30, *change(fields)), algorithm, signature)


def with_field(der, at, value):
    return remake(der, lambda fields: [*fields[:at], value, *fields[at + 1 :]])


cert("version 1", remake(leaf, lambda fields: fields[1:7]), "Version")
cert("version 2", with_field(leaf, 0, tlv(0xA0, b"\2\1\1")), "Version")
cert("serial of 21 bytes", with_field(leaf, 1, tlv(2, b"\x7f" + bytes(20))), "SerialTooLong")
cert("serial of 20 bytes above 2^159", with_field(leaf, 1, tlv(2, b"\0\xff" + bytes(19))), "ok")
cert("other algorithm inside", with_field(leaf, 2, tlv(0x30, bytes.fromhex("06082a8648ce3d040303"))), "NotDer")
cert("without an issuer", with_field(leaf, 3, b"\x30\0"), "Name")
cert("off the curve", with_field(leaf, 6, ec_spki(P256, point[:-1] + bytes([point[-1] ^ 1]))), "UnsupportedKey")
cert("bytes behind", leaf + b"\0", "NotDer")
extensions = lambda *list: tlv(0xA3, tlv(0x30, *list))
usage_der = tlv(0x30, bytes.fromhex("0603551d0f"), tlv(4, bytes.fromhex("03020780")))
cert("the same extension twice", remake(leaf, lambda fields: [*fields[:7], extensions(usage_der, usage_der)]), "Extension 2.5.29.15")
cert("a malformed key usage", remake(leaf, lambda fields: [*fields[:7], extensions(tlv(0x30, bytes.fromhex("0603551d0f"), tlv(4, b"\4\1\x80")))]), "Extension 2.5.29.15")
cert("bytes behind a key usage", remake(leaf, lambda fields: [*fields[:7], extensions(tlv(0x30, bytes.fromhex("0603551d0f"), tlv(4, bytes.fromhex("0302078000"))))]), "Extension 2.5.29.15")

here = os.path.dirname(os.path.abspath(__file__))
for file, content in (("keys", {"private": keys, "public": public}), ("signatures", {"message": message.decode(), "signatures": signatures}), ("certificates", certificates)):
    with open(os.path.join(here, f"{file}.json"), "w") as out:
        json.dump(content, out, indent=1)
        out.write("\n")
