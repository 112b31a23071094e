// Does a certified client that nobody here wrote get a token from this issuer, by its strict rules?
//
//   node openid-client.mjs openid-client|oauth4webapi ISSUER CLIENT_ID PKCS8_FILE ALGORITHM KID [SCOPE]
//
// Prints the token response as one JSON line, or the refusal: {"error": ..., "reason": ...}.
import { readFileSync } from 'node:fs';
import { importPKCS8 } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';

const [library, issuer, clientId, keyFile, algorithm, kid, scope] = process.argv.slice(2);
const key = { key: await importPKCS8(readFileSync(keyFile, 'utf8'), algorithm), kid };
const parameters = scope ? { scope } : {};

const libraries = {
  'openid-client': async () => {
    const server = await openid.discovery(new URL(issuer), clientId, undefined, openid.PrivateKeyJwt(key), {
      algorithm: 'oauth2',
      execute: [openid.allowInsecureRequests],
    });
    return openid.clientCredentialsGrant(server, parameters);
  },
  oauth4webapi: async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const at = new URL(issuer);
    const server = await oauth.processDiscoveryResponse(
      at,
      await oauth.discoveryRequest(at, { algorithm: 'oauth2', ...insecure }),
    );
    const client = { client_id: clientId };
    const answer = await oauth.clientCredentialsGrantRequest(
      server, client, oauth.PrivateKeyJwt(key), new URLSearchParams(parameters), insecure,
    );
    return oauth.processClientCredentialsResponse(server, client, answer);
  },
};

try {
  console.log(JSON.stringify(await libraries[library]()));
} catch (error) {
  console.log(JSON.stringify({
    error: error.error ?? error.code ?? error.name,
    reason: error.cause?.reason ?? null,
    description: error.error_description ?? String(error),
  }));
}
