// How does a real OpenID provider that nobody here wrote (panva's oidc-provider) run on loopback?
//
//   node idp.mjs [--profile default|fapi2] [--jwt] [--ttl SECONDS] [--tls CERTIFICATE KEY] --certificate FILE...
//                [--keys NAME] [--redirect-uri URI] [--deny] [--slow MILLISECONDS] [--listen PORT] [--host NAME]
//
// --jwt issues access tokens as JWTs signed by ES256 (RFC 9068) for https://api.example instead of opaque ones. Whoever
// asks for another `resource` gets a token for its origin: signed by ALGORITHM for https://HOST/ALGORITHM, opaque for
// https://HOST/opaque. --keys names the keys that sign: each start makes new ones.
// --redirect-uri lets people sign in who come from there, with the clients
//   platform           public, PKCE alone
//   platform-jwt       private_key_jwt, the certificates' keys
//   platform-secret    the secret `platform-secret`
// on one page with the fields `login` and `password` (anything will do) and the buttons `sign-in` and `deny`.
// Somebody called `anna` has the claims sub `anna`, name `Anna Example`, preferred_username `anna`, email
// `anna@example.com`, email_verified true; of `unverified` the email is not verified.
// --deny says no to everybody who comes. --slow waits before the token endpoint answers.
// --listen takes a port that is known beforehand, for a provider that goes away and comes back.
// --host is the name under which it is reached: `localhost` is another site to a browser than 127.0.0.1.
// Prints one JSON line when it listens: {"issuer", "clients", "introspection", ...}. Prints one JSON
// line on stderr for every refusal, with its true reason. SIGTERM and the end of stdin stop it.
//
// Clients, all with private_key_jwt and keys taken from the certificates only. The `kid` of a key is
// the certificate's SHA-1 in upper-case hex, as a provider that was given the certificate would list it.
//   service            any algorithm
//   service-rs256, service-ps256, service-es256   one algorithm
//   service-dpop       wants DPoP-bound tokens
//   guard              may introspect as well
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
const redirectUri = option('redirect-uri', null);
const deny = args.includes('--deny');
const slow = Number(option('slow', 0));
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
const browser = (client_id, extra) => ({
  client_id,
  grant_types: ['authorization_code'],
  redirect_uris: [redirectUri],
  response_types: ['code'],
  ...(jwt ? { id_token_signed_response_alg: 'ES256' } : {}),
  ...extra,
});
const browsers = redirectUri ? [
  browser('platform', { token_endpoint_auth_method: 'none' }),
  browser('platform-jwt', { token_endpoint_auth_method: 'private_key_jwt', jwks }),
  browser('platform-secret', { token_endpoint_auth_method: 'client_secret_basic', client_secret: 'platform-secret' }),
] : [];
const clients = [
  ...browsers,
  service('service'),
  service('service-rs256', { token_endpoint_auth_signing_alg: 'RS256' }),
  service('service-ps256', { token_endpoint_auth_signing_alg: 'PS256' }),
  service('service-es256', { token_endpoint_auth_signing_alg: 'ES256' }),
  service('service-dpop', { dpop_bound_access_tokens: true }),
  service('guard'),
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

server.listen(Number(option('listen', 0)), '127.0.0.1', () => {
  const issuer = `${tls ? 'https' : 'http'}://${option('host', '127.0.0.1')}:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    ...(jwt ? { jwks: { keys: signingKeys() }, clientDefaults: { id_token_signed_response_alg: 'ES256' } } : {}),
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic', ...(redirectUri ? ['none'] : [])],
    enabledJWA: {
      clientAuthSigningAlgValues: fapi2
        ? ['PS256', 'ES256', 'Ed25519', 'EdDSA']
        : ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'],
    },
    scopes: ['api:read', 'api:write', ...(redirectUri ? ['openid', 'profile', 'email'] : [])],
    ...(redirectUri ? people() : {}),
    ttl: { ClientCredentials: ttl },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async (_ctx, client) => ['resource', 'guard'].includes(client.clientId) },
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
          getResourceServerInfo: (_ctx, resource) => {
            const { origin, pathname } = new URL(resource);
            const form = pathname.slice(1) || 'ES256';
            return {
              audience: origin,
              scope: 'api:read api:write',
              accessTokenTTL: ttl,
              accessTokenFormat: form === 'opaque' ? 'opaque' : 'jwt',
              ...(form === 'opaque' ? {} : { jwt: { sign: { alg: form } } }),
            };
          },
        },
      } : {}),
      ...(fapi2 ? { fapi: { enabled: true, profile: '2.0' }, pushedAuthorizationRequests: { enabled: true } } : {}),
    },
  });

  for (const event of ['authorization.error', 'grant.error', 'introspection.error', 'revocation.error']) {
    provider.on(event, (_ctx, error) => console.error(JSON.stringify({ event, reason: reason(error) })));
  }
  provider.on('server_error', (_ctx, error) => console.error(JSON.stringify({ event: 'server_error', reason: String(error) })));

  const answer = provider.callback();
  handler = async (request, response) => {
    if (slow && request.url === '/token') await new Promise((done) => setTimeout(done, slow));
    if (redirectUri && request.url.startsWith('/interaction/')) return interaction(provider, request, response);
    return answer(request, response);
  };
  console.log(JSON.stringify({
    issuer,
    introspection: `${issuer}/token/introspection`,
    token: `${issuer}/token`,
    clients: clients.map(({ client_id }) => client_id),
    kids: jwks.keys.map(({ kid }) => kid),
  }));
});

// Everybody is somebody, and everything that is asked for is granted.
function people() {
  return {
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['the cookies of a test'] },
    pkce: { required: () => true },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `${id.charAt(0).toUpperCase()}${id.slice(1)} Example`,
        preferred_username: id,
        email: `${id}@example.com`,
        email_verified: id !== 'unverified',
      }),
    }),
    loadExistingGrant: async (ctx) => {
      const { client, session, provider } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
}

async function interaction(provider, request, response) {
  try {
    if (request.method === 'POST' || deny) {
      const form = new URLSearchParams(await body(request));
      const denied = { error: 'access_denied', error_description: 'the person said no' };
      const result = deny || form.has('deny') ? denied : { login: { accountId: form.get('login') } };
      return await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const { params } = await provider.interactionDetails(request, response);
    const hint = String(params.login_hint ?? '').replace(/[^a-z0-9]/g, '');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><html lang="en"><title>Sign in with the provider</title><h1>The provider</h1>
      <form method="post"><label>Name <input name="login" id="login" value="${hint}" autofocus></label>
      <label>Password <input name="password" id="password" type="password"></label>
      <button id="sign-in">Sign in</button> <button id="deny" name="deny" value="yes">Deny</button></form></html>`);
  } catch (error) {
    console.error(JSON.stringify({ event: 'interaction', reason: reason(error) }));
    response.statusCode = 400;
    response.end('this sign-in is over');
  }
}

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

function reason(error) {
  const said = [error.error, error.error_description, error.error_detail];
  for (let cause = error.cause; cause; cause = cause.cause) said.push(cause.error_description ?? cause.message);
  return said.filter(Boolean).join(' | ');
}

function signingKeys() {
  const name = option('keys', 'issuer');
  const made = (kid, alg, ...what) => {
    const { privateKey } = generateKeyPairSync(...what);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', kid, ...alg };
  };
  return [
    made(name, { alg: 'ES256' }, 'ec', { namedCurve: 'P-256' }),
    made(`${name}-rsa`, {}, 'rsa', { modulusLength: 2048 }),
    made(`${name}-ed25519`, {}, 'ed25519'),
  ];
}

const stop = () => process.exit(0);
process.on('SIGTERM', stop);
// Whoever started this holds its stdin: when that one dies, this ends too.
process.stdin.on('end', stop).resume();
