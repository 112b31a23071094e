// Does an implementation that nobody here wrote believe these assertions?
//
//   node jose-verify.mjs ISSUER NOW < LINES
//
// Each line of stdin is {"certificate": PEM, "jwt": ..., "client_id": ...}. Prints for each line one
// JSON line: the protected header and claims as jose read them, or {"error": ...}. NOW: seconds since 1970.
import { createInterface } from 'node:readline';
import { importX509, jwtVerify, decodeProtectedHeader } from 'jose';

const [issuer, now] = process.argv.slice(2);
for await (const line of createInterface({ input: process.stdin })) {
  const { certificate, jwt, client_id } = JSON.parse(line);
  try {
    const key = await importX509(certificate, decodeProtectedHeader(jwt).alg);
    const { payload, protectedHeader } = await jwtVerify(jwt, key, {
      issuer: client_id,
      subject: client_id,
      audience: issuer,
      typ: 'client-authentication+jwt',
      currentDate: new Date(Number(now) * 1000),
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'],
    });
    console.log(JSON.stringify({ header: protectedHeader, claims: payload }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
