// An authorization server (oidc-provider) on loopback, with the logins that mail needs: a code for
// another device, a redirect with PKCE, an application's own login by secret or by key, a service
// account's assertion, registration, and introspection for Dovecot.
//   server.mjs PORT APPLICATION_KEY.pem ACCOUNT_KEY.pem     (public keys; prints "ready")
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { exportJWK, jwtVerify } from 'jose';
import Provider from 'oidc-provider';

const [port, applicationKey, accountKey] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const MAIL = 'urn:ietf:params:oauth:scope:mail';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const publicKey = (path) => createPublicKey(readFileSync(path));

const alone = { redirect_uris: [], response_types: [] };
const application = { ...alone, grant_types: ['client_credentials'], scope: MAIL };
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'desk',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/'],
      grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
      token_endpoint_auth_method: 'none',
    },
    {
      ...application,
      client_id: 'application',
      client_secret: 'the-secret-of-the-application',
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...application,
      client_id: 'application-with-key',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      jwks: { keys: [{ ...(await exportJWK(publicKey(applicationKey))), alg: 'PS256', use: 'sig' }] },
    },
    { ...application, client_id: 'accounts', client_secret: 'unused' },
    {
      ...alone,
      client_id: 'dovecot',
      client_secret: 'introspects',
      grant_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  scopes: ['openid', 'offline_access', MAIL],
  features: {
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: { enabled: false },
  },
  clientBasedCORS: () => false,
  // One that was used is worth nothing afterwards, and takes the others with it.
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  // An application reads the mailbox that it names.
  extraTokenClaims: async (_ctx, token) => ({ username: token.accountId ?? 'security' }),
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, DeviceCode: 600 },
});

// Google's grant knows no client: the assertion says who asks, and for whom.
async function serviceAccount(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (form.get('grant_type') !== JWT_BEARER) return answer(400, { error: 'unsupported_grant_type' });
  try {
    const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey(accountKey), {
      issuer: 'desk@accounts.example',
      audience: `${issuer}/service`,
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'iat', 'exp', 'scope'],
    });
    const client = await provider.Client.find('accounts');
    const token = new provider.AccessToken({
      accountId: payload.sub,
      client,
      scope: payload.scope,
      extra: { username: payload.sub },
    });
    answer(200, { access_token: await token.save(), token_type: 'Bearer', expires_in: 3600 });
  } catch {
    answer(400, { error: 'invalid_grant' });
  }
}

const pages = provider.callback();
createServer((request, response) => {
  if (request.url === '/service') serviceAccount(request, response);
  else pages(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
