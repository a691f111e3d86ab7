import { type Answering, html, nothing, show } from './page.ts';

interface Form {
  action: string;
  xsrf: string;
}

/** Shows the page on which a person types the code of a device. `code` is the code of the link or the one typed before. */
export function showCodeInput(
  ctx: Answering,
  form: Form & { script: string; code: string; message?: string | undefined },
): void {
  const { action, xsrf, script, code, message } = form;
  show(ctx, {
    status: message === undefined ? 200 : 400,
    title: 'Connect a device',
    script,
    body: html`${message === undefined ? nothing : html`<p role="alert" id="fault">${message}</p>`}
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<label for="user_code">The code that your device shows</label>
<input id="user_code" name="user_code" value="${code}" required autofocus autocomplete="off" autocapitalize="characters"
 spellcheck="false" maxlength="16" aria-describedby="hint">
<p class="small" id="hint">Eight letters. Capitals and the hyphen do not matter.</p>
<button>Continue</button>
</form>`,
  });
}

/** Shows what the device will get before it gets it, so that a person can detect a device that another person started. */
export function showCodeConfirmation(
  ctx: Answering,
  form: Form & { code: string; client: string; requested_at: string; login: string | undefined },
): void {
  const { action, xsrf, code, client, requested_at, login } = form;
  show(ctx, {
    status: 200,
    title: 'Is this your device?',
    body: html`<dl>
<dt>Code</dt><dd><code>${code}</code></dd>
<dt>It wants to sign in</dt><dd>${client}</dd>
<dt>Asked for at</dt><dd><time datetime="${requested_at}">${formatTime(requested_at)}</time></dd>
${login === undefined ? nothing : html`<dt>It will act as</dt><dd>${login}</dd>`}
</dl>
<p>Continue only if you started this yourself, just now, and your device shows the same code. Support will never ask
you to do this.</p>
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<input type="hidden" name="user_code" value="${code}">
<button name="confirm" value="yes">Continue</button>
<button name="abort" value="yes" class="quiet">No, refuse it</button>
</form>`,
  });
}

export function showDeviceDone(ctx: Answering, client: string): void {
  show(ctx, {
    status: 200,
    title: 'Your device is connected',
    body: html`<p role="status">${client} is signed in. You can close this page and go back to it.</p>`,
  });
}

export function showDeviceRefused(ctx: Answering): void {
  show(ctx, {
    status: 200,
    title: 'The device was refused',
    body: html`<p role="status">The device was not signed in. You can close this page.</p>`,
  });
}

/** Formats `2026-11-21T02:52:00Z` as `2026-11-21 02:52 UTC`. */
function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

/** Inserts capitals and the hyphen during typing. Without the script the server does it. */
export const codeInputScript = `const input = document.getElementById('user_code');
input?.addEventListener('input', () => {
  const letters = input.value.toUpperCase().replace(/[^A-Z]/g, '').slice(0, 8);
  input.value = letters.length > 4 ? letters.slice(0, 4) + '-' + letters.slice(4) : letters;
});
`;
