// How does a certified OAuth server that nobody here wrote (panva's oidc-provider) stand in for one of another make?
//
//   node provider-stand-in.mjs entra-id|okta|okta-custom|keycloak|hydra --app-id ID --registered FILE
//
// It takes what the documents of that make say it takes, and nothing else: the audience, the header and the life of an
// assertion, the form, the scope. Each rule stands below with what the make's documents call it; the pages of
// docs/providers cite them. Its issuer, its metadata and its refusals are shaped and worded like theirs.
//
// FILE is what was registered for the application: a certificate (entra-id, keycloak) or a JWKS (okta, hydra). It is read
// when somebody asks, so it may come to be later.
// Prints one JSON line when it listens: {"origin", "issuer"}. Prints one JSON line on stderr for every refusal, with its
// true reason. SIGTERM and the end of stdin stop it.
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { errors, Provider } from 'oidc-provider';

const [make, ...args] = process.argv.slice(2);
const option = (name) => args[args.indexOf(`--${name}`) + 1];
const [appId, registered] = [option('app-id'), option('registered')];

const must = (holds, reason) => {
  if (!holds) throw new errors.InvalidClientAuth(reason);
};
const same = (found, wanted) => JSON.stringify(found) === JSON.stringify(wanted);
const hash = (algorithm, bytes) => createHash(algorithm).update(bytes).digest('base64url');
const certificate = () => new X509Certificate(readFileSync(registered));
const keyOf = (it) => it.publicKey.export({ format: 'jwk' });
const spki = (it) => it.publicKey.export({ format: 'der', type: 'spki' });
const uploaded = () => [{ ...keyOf(certificate()), use: 'sig' }];
const jwks = () => JSON.parse(readFileSync(registered)).keys;

const TENANT = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';
const invalidClient = (description) => ({ status: 401, error: 'invalid_client', error_description: description });

const MAKES = {
  'entra-id': {
    mount: `/${TENANT}`, issuer: '/v2.0', token: '/oauth2/v2.0/token', format: 'jwt', ttl: 3599,
    algorithms: ['PS256', 'RS256'], listed: undefined, scopes: ['api://inventory/.default', 'https://graph.microsoft.com/.default'],
    keys: uploaded,
    assertion({ aud, exp, nbf }, header, { token }) {
      must(same(Object.keys(header).sort(), ['alg', 'typ', 'x5t#S256']), 'header');
      must(header.typ === 'JWT', 'typ');
      must(header['x5t#S256'] === hash('sha256', certificate().raw), 'key');
      must(aud === token, 'audience');
      must(exp - nbf <= 600, 'life');
    },
    form: ({ client_id, scope }) => must(client_id === appId && scope?.endsWith('/.default'), 'form'),
    says: {
      key: invalidClient(`AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]`),
    },
  },
  okta: {
    mount: '', issuer: '', token: '/oauth2/v1/token', format: 'opaque', ttl: 3600,
    algorithms: ['RS256', 'ES256', 'ES384', 'ES512'], listed: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
    scopes: ['okta.users.read', 'okta.groups.read'],
    keys: jwks,
    assertion({ aud, exp }, header, { token, now }) {
      must(same(Object.keys(header).sort(), ['alg', 'kid', 'typ']), 'header');
      must(aud === token, 'audience');
      must(exp - now <= 3600, 'life');
    },
    form: (form) => must(!('client_id' in form) && form.scope, 'form'),
    says: {
      key: invalidClient('The client_assertion JWT kid is invalid.'),
      audience: invalidClient('The audience claim for client_assertion must be the endpoint invoked for the request.'),
    },
  },
  keycloak: {
    mount: '/realms/acme', issuer: '', token: '/protocol/openid-connect/token', format: 'jwt', ttl: 300,
    algorithms: ['PS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'], listed: ['PS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'],
    scopes: ['openid', 'inventory'],
    keys: () => [{ ...keyOf(certificate()), use: 'sig', kid: hash('sha256', spki(certificate())) }],
    assertion({ aud, exp, iat }, header, { issuer, now }) {
      must(typeof header.kid === 'string', 'key');
      must(aud === issuer, 'audience');
      must(iat - 15 <= now && now <= iat + 60 && exp > now, 'life');
    },
    form: ({ client_id }) => must(client_id === undefined || client_id === appId, 'form'),
    says: {
      key: { status: 400, error: 'invalid_client', error_description: 'Unable to load public key' },
    },
  },
  hydra: {
    mount: '', issuer: '/', token: '/oauth2/token', format: 'opaque', ttl: 3600,
    algorithms: ['RS256'], listed: undefined, enforced: 'RS256', scopes: ['stock:read', 'stock:write'],
    keys: () => jwks().filter(({ use }) => use === 'sig'),
    assertion({ aud }, header, { token }) {
      must(aud === token, 'audience');
    },
    form: ({ audience }) => must(audience === undefined || audience === 'https://stock.example', 'whitelist'),
    says: {
      key: { status: 400, error: 'invalid_request', error_description: "The JSON Web Token uses signing key with kid '', which could not be found." },
      whitelist: { status: 400, error: 'invalid_request', error_description: 'Requested audience has not been whitelisted by the OAuth 2.0 Client.' },
    },
  },
};
MAKES['okta-custom'] = {
  ...MAKES.okta, mount: '/oauth2/default', token: '/v1/token', format: 'jwt', scopes: ['stock:read'],
};
const rules = MAKES[make];

// Everything but clients is kept as it comes; clients are made of what is registered now.
class Adapter {
  static kept = new Map();

  constructor(model) { this.model = model; }

  async find(id) {
    if (this.model !== 'Client') return Adapter.kept.get(`${this.model}:${id}`);
    if (id !== appId) return undefined;
    return {
      client_id: appId,
      token_endpoint_auth_method: 'private_key_jwt',
      ...(rules.enforced ? { token_endpoint_auth_signing_alg: rules.enforced } : {}),
      ...(rules.format === 'jwt' ? { id_token_signed_response_alg: 'ES256' } : {}),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      jwks: { keys: rules.keys().map(({ x5c, x5t, ...key }) => key) },
    };
  }

  async upsert(id, payload) { Adapter.kept.set(`${this.model}:${id}`, payload); }

  async destroy(id) { Adapter.kept.delete(`${this.model}:${id}`); }

  async consume() {}

  async revokeByGrantId() {}
}

let handler = (_request, response) => {
  response.statusCode = 503;
  response.end();
};
const server = createServer((request, response) => handler(request, response));

server.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  const issuer = `${origin}${rules.mount}${rules.issuer}`;
  const token = `${origin}${rules.mount}${rules.token}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const provider = new Provider(issuer, {
    adapter: Adapter,
    clients: [],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'stand-in', alg: 'ES256' }] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: rules.algorithms },
    scopes: rules.scopes,
    routes: { token: rules.token },
    ttl: { ClientCredentials: rules.ttl },
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header) => {
      const now = Math.floor(Date.now() / 1000);
      rules.assertion(claims, header, { issuer, token, now });
      rules.form(ctx.oidc.body);
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      ...(rules.format === 'jwt' ? {
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'https://stock.example',
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: rules.scopes.join(' '),
            accessTokenTTL: rules.ttl,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      } : {}),
    },
  });
  // The hook's reasons are one word each; whatever else is wrong with a signature or a kid is the key's.
  provider.on('grant.error', (ctx, error) => {
    const said = [error.error_detail, error.cause?.error_description, error.cause?.message];
    const reason = said.filter(Boolean).join(' | ') || error.error;
    console.error(JSON.stringify({ make, reason }));
    const word = rules.says[error.error_detail] ? error.error_detail : 'key';
    if (error.error === 'invalid_client') ctx.refusal = rules.says[word];
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path.endsWith('/.well-known/openid-configuration')) {
      ctx.body.token_endpoint_auth_signing_alg_values_supported = rules.listed;
    }
    if (!ctx.refusal) return;
    const { status, ...body } = ctx.refusal;
    ctx.status = status;
    ctx.body = body;
  });

  const answer = provider.callback();
  handler = (request, response) => {
    const inserted = `/.well-known/oauth-authorization-server`;
    // None of them has the document of RFC 8414 §3.1 where it belongs when the issuer has a path.
    const [path] = request.url.split('?');
    if (!path.startsWith(rules.mount) || path.startsWith(inserted)) {
      response.statusCode = 404;
      return response.end();
    }
    request.originalUrl = `${rules.mount}${request.url.slice(rules.mount.length)}`;
    request.url = request.url.slice(rules.mount.length);
    if (rules.issuer === '/v2.0') request.url = request.url.replace(/^\/v2\.0(?=\/\.well-known)/, '');
    if (request.url !== request.originalUrl.slice(rules.mount.length)) request.originalUrl = `${rules.mount}${request.url}`;
    return answer(request, response);
  };
  console.log(JSON.stringify({ origin, issuer }));
});

const stop = () => process.exit(0);
process.on('SIGTERM', stop);
// Whoever started this holds its stdin: when that one dies, this ends too.
process.stdin.on('end', stop).resume();
