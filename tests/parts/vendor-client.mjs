// What do the providers' own clients for node, and a certified one, ask for a token?
//
//   node vendor-client.mjs msal-node|okta-sdk|openid-client ISSUER CLIENT_ID KEY CERTIFICATE SCOPE ENDPOINT [NAME=VALUE]
//
// Each believes to talk to ISSUER: what it posts to a token endpoint goes to ENDPOINT, a recorder on loopback. NAME=VALUE
// is one more parameter. Prints what it makes of the answer.
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [library, issuer, clientId, keyFile, certificateFile, scope, endpoint, parameter] = process.argv.slice(2);
const key = readFileSync(keyFile, 'utf8');
const certificate = readFileSync(certificateFile, 'utf8');
const x509 = new X509Certificate(certificate);

const post = async (body, headers) => {
  const answer = await fetch(endpoint, { method: 'POST', body, headers });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.json() };
};

const CLIENTS = {
  async 'msal-node'() {
    const { ConfidentialClientApplication } = await import('@azure/msal-node');
    const root = issuer.replace(/\/v2\.0$/, '');
    const client = new ConfidentialClientApplication({
      auth: {
        clientId,
        authority: root,
        clientCertificate: { thumbprintSha256: x509.fingerprint256.replaceAll(':', ''), privateKey: key },
        authorityMetadata: JSON.stringify({
          issuer,
          token_endpoint: `${root}/oauth2/v2.0/token`,
          authorization_endpoint: `${root}/oauth2/v2.0/authorize`,
          jwks_uri: `${root}/discovery/v2.0/keys`,
        }),
        cloudDiscoveryMetadata: JSON.stringify({
          tenant_discovery_endpoint: `${issuer}/.well-known/openid-configuration`,
          'api-version': '1.1',
          metadata: [{
            preferred_network: 'login.microsoftonline.com',
            preferred_cache: 'login.windows.net',
            aliases: ['login.microsoftonline.com'],
          }],
        }),
      },
      system: {
        networkClient: {
          sendGetRequestAsync: async (url) => { throw new Error(`nobody answers ${url}`); },
          sendPostRequestAsync: (_url, options) => post(options.body, options.headers),
        },
      },
    });
    return (await client.acquireTokenByClientCredential({ scopes: [scope] })).accessToken;
  },

  async 'okta-sdk'() {
    const { Client, RequestExecutor } = require('@okta/okta-sdk-nodejs');
    class Wire extends RequestExecutor {
      async fetch(request) {
        const headers = Object.fromEntries(Object.entries(request.headers).filter(([, value]) => value));
        return fetch(endpoint, { method: 'POST', body: request.body, headers });
      }
    }
    const client = new Client({
      orgUrl: issuer,
      authorizationMode: 'PrivateKey',
      clientId,
      scopes: scope.split(' '),
      privateKey: key,
      // RFC 7638, as the key would be registered.
      keyId: jwkThumbprint(),
      requestExecutor: new Wire(),
    });
    return (await client.oauth.getAccessToken()).access_token;
  },

  async 'openid-client'() {
    const { Configuration, PrivateKeyJwt, clientCredentialsGrant, customFetch } = await import('openid-client');
    const rsa = x509.publicKey.asymmetricKeyType === 'rsa';
    const algorithm = rsa ? { name: 'RSA-PSS', hash: 'SHA-256' } : { name: 'ECDSA', namedCurve: 'P-256' };
    const pkcs8 = createPrivateKey(key).export({ format: 'der', type: 'pkcs8' });
    const private_key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
    const spki = createHash('sha256').update(x509.publicKey.export({ format: 'der', type: 'spki' })).digest('base64url');
    const server = { issuer, token_endpoint: `${issuer}/protocol/openid-connect/token` };
    const auth = PrivateKeyJwt({ key: private_key, kid: spki });
    const config = new Configuration(server, clientId, undefined, auth);
    config[customFetch] = (_url, options) => fetch(endpoint, options);
    const more = parameter ? Object.fromEntries([parameter.split('=')]) : {};
    return (await clientCredentialsGrant(config, { ...(scope ? { scope } : {}), ...more })).access_token;
  },
};

function jwkThumbprint() {
  const { kty, n, e, crv, x, y } = x509.publicKey.export({ format: 'jwk' });
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

console.log(JSON.stringify({ access_token: await CLIENTS[library]() }));
