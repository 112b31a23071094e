// Which vectors does node's jose make?
import * as jose from "jose";
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const work = process.argv[2];
const now = 1700000000;
const client = "app-1";
const issuer = "https://id.example";
const certificates = Object.fromEntries(
  JSON.parse(readFileSync(`${work}/identities.json`, "utf8")).map((vector) => [vector.name, vector]),
);
const write = (name, vectors) => writeFileSync(`${work}/${name}`, `${JSON.stringify(vectors, null, 1)}\n`);
const privateKey = (name) => createPrivateKey(certificates[name].key);
const publicJwk = (name) => createPublicKey(certificates[name].key).export({ format: "jwk" });
const defined = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
const encode = (value) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const sign = (key, header, claims) =>
  new jose.CompactSign(encode(claims)).setProtectedHeader(header).sign(privateKey(key));

const assertions = [];
for (const [key, alg] of [["rsa", "RS256"], ["rsa", "PS256"], ["p256", "ES256"], ["p384", "ES384"],
  ["p521", "ES512"], ["ed25519", "EdDSA"], ["ed25519", "Ed25519"]]) {
  const header = { alg, typ: "client-authentication+jwt", kid: certificates[key].sha1,
    x5t: certificates[key].x5t, "x5t#S256": certificates[key].x5t_s256 };
  const jws = await new jose.SignJWT({}).setProtectedHeader(header).setIssuer(client).setSubject(client)
    .setAudience(issuer).setIssuedAt(now).setNotBefore(now).setExpirationTime(now + 60)
    .setJti("b7a1f2c3-0d4e-4f5a-8b6c-7d8e9f0a1b2c").sign(privateKey(key));
  assertions.push({ name: `jose-${alg}`, expect: "accepted", comment: "as protocol demands", tool: "jose", key,
    purpose: "client", now, jws });
}
for (const [name, expect, comment, members] of [
  ["exp-string", "Claim", "exp is a number", { exp: "1700000060" }],
  ["nbf-string", "Claim", "nbf is never taken for absent", { nbf: "1700000000" }],
  ["iat-null", "Claim", "null is not absence", { iat: null }],
  ["nbf-fraction", "accepted", "a fraction is rounded up", { nbf: now + 59.5 }],
  ["nbf-fraction-late", "NotYetValid", "60.5 s ahead is rounded to 61", { nbf: now + 60.5 }],
]) {
  const claims = { iss: client, sub: client, aud: issuer, iat: now, nbf: now, exp: now + 60,
    jti: "b7a1f2c3-0d4e-4f5a-8b6c-7d8e9f0a1b2c", ...members };
  assertions.push({ name: `jose-${name}`, expect, comment, tool: "jose", key: "p256", purpose: "client", now,
    jws: await sign("p256", { alg: "ES256", typ: "client-authentication+jwt" }, claims) });
}
write("assertions-node.json", assertions);

const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const ath = createHash("sha256").update(token).digest("base64url");
const uri = "https://api.example/a%20b/c";
const proofs = [];
for (const [key, alg] of [["p256", "ES256"], ["p384", "ES384"], ["p521", "ES512"], ["ed25519", "EdDSA"],
  ["rsa", "PS256"], ["rsa", "RS256"]]) {
  const jwk = publicJwk(key);
  proofs.push({ name: `jose-${alg}`, expect: "accepted", comment: "as RFC 9449 demands", tool: "jose",
    thumbprint: await jose.calculateJwkThumbprint(jwk), now, method: "GET", uri, token, nonce: "n-1",
    jws: await sign(key, { alg, typ: "dpop+jwt", jwk },
      { jti: "e1j3V_bKic8-LAEB", htm: "GET", htu: uri, iat: now, ath, nonce: "n-1" }) });
}
const withPrivate = createPrivateKey(certificates.p256.key).export({ format: "jwk" });
for (const [name, expect, comment, header, claims] of [
  ["typ-absent", "Type", "typ is required", { typ: undefined }, {}],
  ["typ-jwt", "Type", "typ is dpop+jwt", { typ: "JWT" }, {}],
  ["typ-assertion", "Type", "an assertion is no proof", { typ: "client-authentication+jwt" }, {}],
  ["jwk-absent", "Jwk", "jwk is required", { jwk: undefined }, {}],
  ["jwk-string", "Jwk", "jwk is an object", { jwk: "x" }, {}],
  ["jwk-private", "Jwk", "a private key in the header", { jwk: withPrivate }, {}],
  ["jwk-symmetric", "Jwk", "a symmetric key in the header", { jwk: { kty: "oct", k: "c2VjcmV0" } }, {}],
  ["jwk-other", "Jws", "another key than the one that signed", { jwk: publicJwk("other") }, {}],
  ["jwk-curve", "Jws", "a key that does not sign by this algorithm", { jwk: publicJwk("p384") }, {}],
  ["jwk-alg", "Jwk", "the key is bound to another algorithm", { jwk: { ...publicJwk("p256"), alg: "ES384" } }, {}],
  ["jwk-enc", "Jwk", "the key is for encryption", { jwk: { ...publicJwk("p256"), use: "enc" } }, {}],
  ["htm-case", "Method", "methods have case", {}, { htm: "get" }],
  ["htm-other", "Method", "another method", {}, { htm: "POST" }],
  ["htm-absent", "Claim", "htm is required", {}, { htm: undefined }],
  ["htm-array", "Claim", "htm is a string", {}, { htm: ["GET"] }],
  ["htu-absent", "Claim", "htu is required", {}, { htu: undefined }],
  ["htu-host", "Uri", "another host", {}, { htu: "https://api.example.evil.example/a%20b/c" }],
  ["htu-scheme", "Uri", "another scheme", {}, { htu: "http://api.example/a%20b/c" }],
  ["htu-port", "Uri", "another port", {}, { htu: "https://api.example:8443/a%20b/c" }],
  ["htu-path", "Uri", "another path", {}, { htu: "https://api.example/a%20b/C" }],
  ["htu-slash", "Uri", "a slash more", {}, { htu: "https://api.example/a%20b/c/" }],
  ["htu-escaped-slash", "Uri", "an escaped slash is another path", {}, { htu: "https://api.example/a%20b%2fc" }],
  ["htu-userinfo", "Uri", "a user name", {}, { htu: "https://u@api.example/a%20b/c" }],
  ["htu-relative", "Uri", "not absolute", {}, { htu: "/a%20b/c" }],
  ["htu-space", "Uri", "a space before", {}, { htu: " https://api.example/a%20b/c" }],
  ["htu-backslash", "Uri", "a backslash for a slash", {}, { htu: "https:\\\\api.example/a%20b/c" }],
  ["htu-upper", "accepted", "scheme and host have no case", {}, { htu: "HTTPS://API.Example/a%20b/c" }],
  ["htu-default-port", "accepted", "the port of the scheme", {}, { htu: "https://api.example:443/a%20b/c" }],
  ["htu-unreserved", "accepted", "%61 is a", {}, { htu: "https://api.example/%61%20b/%63" }],
  ["htu-dots", "accepted", "dot segments", {}, { htu: "https://api.example/x/../a%20b/./c" }],
  ["htu-query", "accepted", "query and fragment are ignored", {}, { htu: "https://api.example/a%20b/c?x=1#y" }],
  ["iat-absent", "Claim", "iat is required", {}, { iat: undefined }],
  ["iat-string", "Claim", "iat is a number", {}, { iat: "1700000000" }],
  ["iat-old", "TooOld", "301 s ago", {}, { iat: now - 301 }],
  ["iat-old-300", "accepted", "300 s ago", {}, { iat: now - 300 }],
  ["iat-ahead", "InFuture", "61 s ahead", {}, { iat: now + 61 }],
  ["iat-ahead-60", "accepted", "60 s ahead", {}, { iat: now + 60 }],
  ["jti-absent", "Claim", "jti is required", {}, { jti: undefined }],
  ["jti-empty", "Claim", "jti is unique", {}, { jti: "" }],
  ["jti-long", "Claim", "129 characters", {}, { jti: "x".repeat(129) }],
  ["ath-absent", "AccessToken", "ath is required with a token", {}, { ath: undefined }],
  ["ath-other", "AccessToken", "of another token", {}, { ath: createHash("sha256").update("x").digest("base64url") }],
  ["ath-padded", "AccessToken", "base64 with padding", {}, { ath: createHash("sha256").update(token).digest("base64") }],
  ["nonce-absent", "NonceMissing", "the server wants its nonce", {}, { nonce: undefined }],
  ["nonce-other", "NonceWrong", "an old nonce", {}, { nonce: "n-0" }],
  ["nonce-number", "Claim", "a nonce is a string", {}, { nonce: 1 }],
]) {
  const jwk = publicJwk("p256");
  proofs.push({ name: `jose-${name}`, expect, comment, tool: "jose",
    thumbprint: await jose.calculateJwkThumbprint(jwk), now, method: "GET", uri, token, nonce: "n-1",
    jws: await sign("p256", defined({ alg: "ES256", typ: "dpop+jwt", jwk, ...header }),
      defined({ jti: "e1j3V_bKic8-LAEB", htm: "GET", htu: uri, iat: now, ath, nonce: "n-1", ...claims })) });
}
write("proofs-node.json", proofs);

const tokens = [];
const interactive = { iss: issuer, sub: "anna", aud: issuer, client_id: "countersign:cli", principal: "anna", type: 0,
  scope: "roles:read", roles: ["Reader"], iat: now, nbf: now, exp: now + 3600,
  jti: "0192f0c1-7f4e-7c3a-b1de-2f3a4b5c6d7e", sid: "02y8wh5AA93QMHbezCIFsU", binding: "loopback" };
for (const [name, expect, comment, claims] of [
  ["loopback", "accepted", "a token of a login", {}],
  ["code", "accepted", "a token of a login that was released by a code", { binding: "code" }],
  ["sid-absent", "Claim", "an interactive token names its session", { sid: undefined }],
  ["sid-number", "Claim", "sid is a string", { sid: 1 }],
  ["binding-absent", "Claim", "an interactive token says how it was released", { binding: undefined }],
  ["binding-unknown", "Claim", "a way that is not known here is not taken for another", { binding: "telephone" }],
  ["binding-case", "Claim", "names have case", { binding: "Loopback" }],
  ["binding-null", "Claim", "null is not absence", { binding: null }],
  ["kind-1", "Claim", "no session stands behind a token of kind 1", { type: 1 }],
  ["kind-2", "Claim", "nor behind one of kind 2", { type: 2 }],
  ["kind-1-sid", "Claim", "not even half of it", { type: 1, binding: undefined }],
  ["kind-1-binding", "Claim", "not even half of it", { type: 1, sid: undefined }],
  ["kind-1-sid-null", "Claim", "null is not absence", { type: 1, sid: null, binding: undefined }],
]) {
  tokens.push({ name: `jose-${name}`, expect, comment, tool: "jose", key: "p256", now,
    jws: await sign("p256", { alg: "ES256", typ: "at+jwt", kid: "issuer-key" }, defined({ ...interactive, ...claims })) });
}
write("access-tokens-node.json", tokens);
