// What does an implementation that nobody here wrote (panva's jose) sign, believe and call a key?
//
//   node jwt-peer.mjs NOW < LINES
//
// Each line of stdin is {"do": "sign", "alg", "key", "header", "claims"}, {"do": "verify", "alg", "key", "jwt"},
// {"do": "thumbprint", "key"} or {"do": "generate", "alg"}. A key is
// {"form": "pem" | "pkcs8" | "spki" | "x509" | "jwk" | "jwks" | "hex", "text"}.
// Prints for each line one JSON line: {"jwt"}, {"header", "claims"}, {"thumbprint"}, {"forms"}, or {"error"}.
import { createPrivateKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import {
  SignJWT, calculateJwkThumbprint, createLocalJWKSet, exportJWK, exportPKCS8, exportSPKI, generateKeyPair, generateSecret,
  importJWK, importPKCS8, importSPKI, importX509, jwtVerify,
} from 'jose';

const now = new Date(Number(process.argv[2]) * 1000);
const read = {
  pem: (text) => createPrivateKey(text),
  pkcs8: importPKCS8,
  spki: importSPKI,
  x509: importX509,
  jwk: (text, alg) => importJWK(JSON.parse(text), alg),
  jwks: (text) => createLocalJWKSet(JSON.parse(text)),
  hex: (text) => Buffer.from(text, 'hex'),
};
const answer = {
  async sign({ alg, key, header, claims }) {
    const signer = new SignJWT(claims).setProtectedHeader({ ...header, alg });
    return { jwt: await signer.sign(await read[key.form](key.text, alg)) };
  },
  async verify({ alg, key, jwt }) {
    const { payload, protectedHeader } = await jwtVerify(jwt, await read[key.form](key.text, alg), {
      algorithms: [alg],
      currentDate: now,
      requiredClaims: ['exp', 'iat', 'nbf'],
    });
    return { header: protectedHeader, claims: payload };
  },
  async thumbprint({ key }) {
    return { thumbprint: await calculateJwkThumbprint(JSON.parse(key.text), 'sha256') };
  },
  async generate({ alg }) {
    if (alg.startsWith('HS')) {
      return { forms: { secret: await exportJWK(await generateSecret(alg, { extractable: true })) } };
    }
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const forms = {
      pkcs8: await exportPKCS8(privateKey),
      private: await exportJWK(privateKey),
      spki: await exportSPKI(publicKey),
      public: await exportJWK(publicKey),
    };
    return { forms: { ...forms, set: { keys: [{ ...forms.public, kid: 'theirs', use: 'sig', alg }] } } };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    console.log(JSON.stringify(await answer[asked.do](asked)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
