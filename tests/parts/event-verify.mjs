// Does an implementation that nobody here wrote believe these deliveries of events, as
// docs/events.md says that a receiver does?
//
//   node event-verify.mjs ISSUER RECEIVER NOW JWKS < LINES
//
// Each line of stdin is {"body": base64url, "signature": ...}. Prints for each line one JSON line: the
// event, or {"error": ...}. NOW: seconds since 1970.
import { createInterface } from 'node:readline';
import { createLocalJWKSet, flattenedVerify } from 'jose';

const [issuer, receiver, now, jwks] = process.argv.slice(2);
const keys = createLocalJWKSet(JSON.parse(jwks));
const seen = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  const { body, signature } = JSON.parse(line);
  try {
    const [header64, none, value, ...more] = signature.split('.');
    if (none !== '' || more.length !== 0) throw new Error('the payload is not detached');
    const jws = { protected: header64, payload: body, signature: value };
    const { protectedHeader: header } = await flattenedVerify(jws, keys, { algorithms: ['ES256'] });
    if (header.typ !== 'event+jws') throw new Error('not an event');
    if (header.iss !== issuer) throw new Error('not from our platform');
    if (header.aud !== receiver) throw new Error('not for us');
    if (Math.abs(Number(now) - header.iat) > 300) throw new Error('too old');
    const event = JSON.parse(Buffer.from(body, 'base64url').toString());
    if (event.id !== header.jti) throw new Error('another event was signed');
    if (seen.has(event.id)) throw new Error('seen before');
    seen.add(event.id);
    console.log(JSON.stringify(event));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message ?? String(error) }));
  }
}
