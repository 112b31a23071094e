// How does a real OpenID provider that nobody here wrote (panva's oidc-provider) run on loopback?
//
//   node idp.mjs [--profile default|fapi2] [--jwt] [--ttl SECONDS] [--tls CERTIFICATE KEY] --certificate FILE...
//
// --jwt issues access tokens as JWTs signed by ES256 (RFC 9068) instead of opaque ones.
// Prints one JSON line when it listens: {"issuer", "clients", "introspection", ...}. Prints one JSON
// line on stderr for every refusal, with its true reason. SIGTERM and the end of stdin stop it.
//
// Clients, all with private_key_jwt and keys taken from the certificates only. The `kid` of a key is
// the certificate's SHA-1 in upper-case hex, as a provider that was given the certificate would list it.
//   service            any algorithm
//   service-rs256, service-ps256, service-es256   one algorithm
//   service-dpop       wants DPoP-bound tokens
// and `resource` with the secret `resource-secret`, which may only introspect.
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Provider } from 'oidc-provider';

const args = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? otherwise : args[at + 1];
};
const all = (name) => args.flatMap((arg, at) => (arg === `--${name}` ? [args[at + 1]] : []));

const fapi2 = option('profile', 'default') === 'fapi2';
const jwt = args.includes('--jwt');
const ttl = Number(option('ttl', 600));
const tlsAt = args.indexOf('--tls');
const tls = tlsAt < 0 ? null : { cert: readFileSync(args[tlsAt + 1]), key: readFileSync(args[tlsAt + 2]) };

const jwks = {
  keys: all('certificate').map((file) => {
    const certificate = new X509Certificate(readFileSync(file));
    return {
      ...certificate.publicKey.export({ format: 'jwk' }),
      use: 'sig',
      kid: createHash('sha1').update(certificate.raw).digest('hex').toUpperCase(),
    };
  }),
};

const service = (client_id, extra = {}) => ({
  client_id,
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  jwks,
  ...extra,
});
const clients = [
  service('service'),
  service('service-rs256', { token_endpoint_auth_signing_alg: 'RS256' }),
  service('service-ps256', { token_endpoint_auth_signing_alg: 'PS256' }),
  service('service-es256', { token_endpoint_auth_signing_alg: 'ES256' }),
  service('service-dpop', { dpop_bound_access_tokens: true }),
  {
    client_id: 'resource',
    client_secret: 'resource-secret',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [],
    redirect_uris: [],
    response_types: [],
  },
].filter(({ client_id }) => !fapi2 || client_id !== 'service-rs256');

let handler = (_request, response) => {
  response.statusCode = 503;
  response.end();
};
const server = tls
  ? createTlsServer(tls, (request, response) => handler(request, response))
  : createServer((request, response) => handler(request, response));

server.listen(0, '127.0.0.1', () => {
  const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    ...(jwt ? { jwks: { keys: [signingKey()] }, clientDefaults: { id_token_signed_response_alg: 'ES256' } } : {}),
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic'],
    enabledJWA: {
      clientAuthSigningAlgValues: fapi2
        ? ['PS256', 'ES256', 'Ed25519', 'EdDSA']
        : ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'],
    },
    scopes: ['api:read', 'api:write'],
    ttl: { ClientCredentials: ttl },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async (_ctx, client) => client.clientId === 'resource' },
      revocation: { enabled: true },
      dPoP: {
        enabled: true,
        nonceSecret: Buffer.alloc(32, 7),
        requireNonce: () => fapi2,
      },
      ...(jwt ? {
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'https://api.example',
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            audience: 'https://api.example',
            scope: 'api:read api:write',
            accessTokenFormat: 'jwt',
            accessTokenTTL: ttl,
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      } : {}),
      ...(fapi2 ? { fapi: { enabled: true, profile: '2.0' }, pushedAuthorizationRequests: { enabled: true } } : {}),
    },
  });

  const reason = (error) => {
    const said = [error.error, error.error_description, error.error_detail];
    for (let cause = error.cause; cause; cause = cause.cause) said.push(cause.error_description ?? cause.message);
    return said.filter(Boolean).join(' | ');
  };
  for (const event of ['grant.error', 'introspection.error', 'revocation.error']) {
    provider.on(event, (_ctx, error) => console.error(JSON.stringify({ event, reason: reason(error) })));
  }
  provider.on('server_error', (_ctx, error) => console.error(JSON.stringify({ event: 'server_error', reason: String(error) })));

  handler = provider.callback();
  console.log(JSON.stringify({
    issuer,
    introspection: `${issuer}/token/introspection`,
    token: `${issuer}/token`,
    clients: clients.map(({ client_id }) => client_id),
    kids: jwks.keys.map(({ kid }) => kid),
  }));
});

function signingKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'issuer' };
}

const stop = () => process.exit(0);
process.on('SIGTERM', stop);
// Whoever started this holds its stdin: when that one dies, this ends too.
process.stdin.on('end', stop).resume();
