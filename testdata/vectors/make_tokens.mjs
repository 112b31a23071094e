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

const endpoint = "wss://id.example/login/socket";
const path = "AAECAwQFBgcICQoLDA0ODw";
const said = { name: "countersign", version: "0.1.0", os: "linux", host: "host-1", user: "anna" };
const messages = {
  hello: { versions: ["countersign.login.v1"], bind: ["loopback", "code"], loopback: { port: 49152, path },
    client: said, scope: "roles:read", login_hint: "anna" },
  resume: { sid: "b0Zq2k1xW8s3Jf5LhT7v9g", last_seq: 4 },
};
const logins = [];
async function login(message, name, expect, comment, header, claims, key = "p256") {
  const jwk = publicJwk("p256");
  logins.push({ name: `jose-${message}-${name}`, expect, comment, tool: "jose", message, now, nonce: "n-1",
    htu: endpoint, thumbprint: await jose.calculateJwkThumbprint(jwk),
    jws: await sign(key, defined({ alg: "ES256", typ: "countersign-login+jwt", jwk, ...header }),
      defined({ act: message, nonce: "n-1", htu: endpoint, iat: now, jti: "e1j3V_bKic8-LAEB", ...messages[message],
        ...claims })) });
}
for (const [message, other] of [["hello", "resume"], ["resume", "hello"]]) {
  for (const [name, expect, comment, header, claims] of [
    ["good", "accepted", "as the protocol demands", {}, {}],
    ["typ-long", "accepted", "the media type in full", { typ: "application/Countersign-Login+JWT" }, {}],
    ["later", "accepted", "a claim of a later version", {}, { later: { a: 1 } }],
    ["typ-absent", "Type", "typ is required", { typ: undefined }, {}],
    ["typ-jwt", "Type", "the typ that says nothing", { typ: "JWT" }, {}],
    ["typ-dpop", "Type", "a proof for a request", { typ: "dpop+jwt" }, {}],
    ["typ-assertion", "Type", "an assertion", { typ: "client-authentication+jwt" }, {}],
    ["jwk-absent", "Jwk", "jwk is required", { jwk: undefined }, {}],
    ["jwk-string", "Jwk", "jwk is an object", { jwk: "x" }, {}],
    ["jwk-private", "Jwk", "a private key in the header", { jwk: withPrivate }, {}],
    ["jwk-symmetric", "Jwk", "a symmetric key in the header", { jwk: { kty: "oct", k: "c2VjcmV0" } }, {}],
    ["jwk-curve", "Jwk", "a key on another curve", { jwk: publicJwk("p384") }, {}],
    ["jwk-other", "Jws", "another key than the one that signed", { jwk: publicJwk("other") }, {}],
    ["act-other", "Act", "the other message", {}, { act: other }],
    ["act-case", "Act", "names have case", {}, { act: message.toUpperCase() }],
    ["act-absent", "Claim", "act is required", {}, { act: undefined }],
    ["nonce-other", "Nonce", "the nonce of another connection", {}, { nonce: "n-0" }],
    ["nonce-absent", "Claim", "nonce is required", {}, { nonce: undefined }],
    ["nonce-number", "Claim", "a nonce is a string", {}, { nonce: 1 }],
    ["htu-host", "Uri", "another platform", {}, { htu: "wss://evil.example/login/socket" }],
    ["htu-scheme", "Uri", "the page instead of the socket", {}, { htu: "https://id.example/login/socket" }],
    ["htu-path", "Uri", "another endpoint", {}, { htu: "wss://id.example/login/socket/" }],
    ["htu-absent", "Claim", "htu is required", {}, { htu: undefined }],
    ["iat-absent", "Claim", "iat is required", {}, { iat: undefined }],
    ["iat-string", "Claim", "iat is a number", {}, { iat: "1700000000" }],
    ["iat-old", "TooOld", "301 s ago", {}, { iat: now - 301 }],
    ["iat-old-300", "accepted", "300 s ago", {}, { iat: now - 300 }],
    ["iat-ahead", "InFuture", "61 s ahead", {}, { iat: now + 61 }],
    ["iat-ahead-60", "accepted", "60 s ahead", {}, { iat: now + 60 }],
    ["jti-absent", "Claim", "jti is required", {}, { jti: undefined }],
    ["jti-short", "Claim", "7 characters", {}, { jti: "1234567" }],
    ["jti-control", "Claim", "a control character", {}, { jti: "12345678\u0007" }],
  ]) {
    await login(message, name, expect, comment, header, claims);
  }
  for (const [key, alg] of [["p384", "ES384"], ["p521", "ES512"], ["ed25519", "EdDSA"], ["rsa", "PS256"],
    ["rsa", "RS256"]]) {
    await login(message, `alg-${alg}`, "Jwk", "a proof key is on P-256", { alg, jwk: publicJwk(key) }, {}, key);
  }
}
for (const [name, expect, comment, claims] of [
  ["bare", "accepted", "nothing that may be left out", { bind: ["code"], loopback: undefined, client: undefined,
    scope: undefined, login_hint: undefined }],
  ["bind-later", "accepted", "a way of a later version beside one that is known", { bind: ["radio", "loopback"] }],
  ["versions-later", "accepted", "a later version beside this one",
    { versions: ["countersign.login.v2", "countersign.login.v1"] }],
  ["client-later", "accepted", "a member of a later version", { client: { ...said, terminal: "xterm" } }],
  ["versions-other", "Version", "only a later version", { versions: ["countersign.login.v2"] }],
  ["versions-string", "Claim", "versions are a list", { versions: "countersign.login.v1" }],
  ["versions-absent", "Claim", "versions are required", { versions: undefined }],
  ["versions-number", "Claim", "versions are strings", { versions: [1, "countersign.login.v1"] }],
  ["bind-none", "Claim", "no way is known", { bind: ["radio"], loopback: undefined }],
  ["bind-empty", "Claim", "no way at all", { bind: [], loopback: undefined }],
  ["bind-absent", "Claim", "bind is required", { bind: undefined }],
  ["loopback-absent", "Claim", "loopback without a place", { loopback: undefined }],
  ["loopback-unasked", "Claim", "a place without loopback", { bind: ["code"] }],
  ["loopback-string", "Claim", "loopback is an object", { loopback: "127.0.0.1:49152" }],
  ["loopback-port-string", "Claim", "a port is a number", { loopback: { port: "49152", path } }],
  ["loopback-port-large", "Claim", "65536 is no port", { loopback: { port: 65536, path } }],
  ["loopback-redis", "Loopback", "Redis", { loopback: { port: 6379, path } }],
  ["loopback-ssh", "Loopback", "below 1024", { loopback: { port: 22, path } }],
  ["loopback-http", "Loopback", "below 1024", { loopback: { port: 80, path } }],
  ["loopback-x11", "Loopback", "on the list of ports that browsers block", { loopback: { port: 6000, path } }],
  ["loopback-path", "Loopback", "a path that leads elsewhere", { loopback: { port: 49152, path: "../../../../../../../.." } }],
  ["client-string", "Claim", "client is an object", { client: "countersign" }],
  ["client-number", "Claim", "its members are strings", { client: { ...said, host: 1 } }],
  ["client-10-kB", "Jws", "a string of more than 4 KiB", { client: { ...said, host: "h".repeat(10240) } }],
  ["scope-list", "Claim", "scope is a string", { scope: ["a"] }],
  ["scope-quote", "Claim", "a character that no scope has", { scope: "a\"b" }],
  ["hint-control", "Claim", "a control character", { login_hint: "anna\u001b[2J" }],
  ["hint-bidi", "Claim", "text that turns around", { login_hint: "anna\u202e" }],
  ["hint-long", "Claim", "256 characters", { login_hint: "a".repeat(256) }],
]) {
  await login("hello", name, expect, comment, {}, claims);
}
for (const [name, expect, comment, claims] of [
  ["first", "accepted", "nothing has arrived", { last_seq: 0 }],
  ["sid-absent", "Claim", "sid is required", { sid: undefined }],
  ["sid-empty", "Claim", "sid names a login", { sid: "" }],
  ["sid-long", "Claim", "129 characters", { sid: "a".repeat(129) }],
  ["seq-absent", "Claim", "last_seq is required", { last_seq: undefined }],
  ["seq-negative", "Claim", "last_seq counts from 0", { last_seq: -1 }],
  ["seq-fraction", "Claim", "last_seq is whole", { last_seq: 1.5 }],
  ["seq-string", "Claim", "last_seq is a number", { last_seq: "4" }],
]) {
  await login("resume", name, expect, comment, {}, claims);
}
write("login-node.json", logins);
