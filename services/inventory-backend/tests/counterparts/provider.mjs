// An OpenID provider on loopback: `node provider.mjs PORT CLIENT_ID CLIENT_SECRET BASE_OF_THE_CALLBACKS`.
import { Provider } from 'oidc-provider';

const [port, clientId, clientSecret, base] = process.argv.slice(2);
const groups = { ada: ['pickers'], bob: [] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [`${base}/callback`],
    backchannel_logout_uri: `${base}/backchannel-logout`,
    backchannel_logout_session_required: true,
  }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['of this run'] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  // Its own guard against calling private addresses: here everything is on loopback.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} elsewhere`, preferred_username: `${id}.elsewhere`, groups: groups[id] ?? [] }),
  }),
});
provider.on('backchannel.error', (_, error) => console.error(error.message, error.cause ?? ''));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
