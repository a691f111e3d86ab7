import { htmlType, inlineSource, pagePolicy } from '../../web/securityheaders.ts';
import type { Readables } from './document.ts';

/**
 * The page of the links that `arsia server admin link` and `arsia server admin recover` print. The token is in the fragment, which
 * browsers never send, so it reaches no log and no proxy. The page posts it once and shows the access token of the operator
 * or owner.
 */
const script = `
const [state, out] = ['state', 'token'].map((id) => document.getElementById(id));
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const base = location.pathname.replace(/\\/link$/, '');
// If sign-in is configured, the link also signs the person in with this browser.
let answer = await fetch(base + '/oauth2/link', { method: 'POST', body: new URLSearchParams({ token }) });
const isSignedIn = answer.ok;
if (answer.status === 404)
  answer = await fetch(base + '/api/v1/admin-links/redeem', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }),
  });
const body = await answer.json();
state.textContent = answer.ok
  ? 'You are ' + body.login + (body.organization ? ' in ' + body.organization : ', an operator') + (isSignedIn ? ', and signed in with this browser' : '')
    + '. This access token is yours until ' + body.expires_at + ':'
  : body.detail + ' ' + body.advice;
if (answer.ok) out.textContent = body.access_token;
`;

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>One-time link - Arsia</title><meta name="viewport" content="width=device-width">
<main><h1>Arsia</h1><p id="state" role="status">Opening the link.</p><pre><code id="token"></code></pre></main>
<script type="module">${script}</script></html>
`;

const policy = pagePolicy(["connect-src 'self'", `script-src ${inlineSource(script)}`]);

export const linkPages: Readables = {
  '/link': async ({ headers }) => {
    headers['content-security-policy'] = policy;
    headers['content-type'] = htmlType;
    return { status: 200, body: page };
  },
};
