import { type Answering, html, nothing, show } from './page.ts';

/** Asks a person to confirm a command line: any program on the machine can impersonate it (RFC 8252 8.6). */
export function showLocalConfirmation(
  ctx: Answering,
  form: { action: string; client: string; login: string; destination: string },
): void {
  const { action, client, login, destination } = form;
  show(ctx, {
    status: 200,
    title: 'Sign in on this computer?',
    body: html`<dl>
<dt>Application</dt><dd>${client}</dd>
<dt>It will act as</dt><dd>${login}</dd>
<dt>It listens at</dt><dd>${destination}</dd>
</dl>
<p>Continue only if you started this yourself, just now, on this computer.</p>
<form method="post" action="${action}">
<button name="confirm" value="yes">Continue</button>
<button name="abort" value="yes" class="quiet">No, refuse it</button>
</form>`,
  });
}

export function showSignOut(ctx: Answering, form: { action: string; xsrf: string; login: string | undefined }): void {
  const { action, xsrf, login } = form;
  show(ctx, {
    status: 200,
    title: 'Sign out?',
    body: html`${login === undefined ? nothing : html`<p>You are signed in as ${login}.</p>`}
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<button name="logout" value="yes">Sign out</button>
</form>
<p class="small">To stay signed in, close this page.</p>`,
  });
}

export function showSignedOut(ctx: Answering): void {
  show(ctx, {
    status: 200,
    title: 'You are signed out',
    body: html`<p role="status">This browser is signed out of Arsia. Command lines that you connected stay signed in until you sign them
out.</p>`,
  });
}
