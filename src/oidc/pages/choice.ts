import type { OfferedInvitation, SignInOptions } from '../../services/people/signinoptions.ts';
import type { OfferedTie } from '../../services/people/signinties.ts';
import { type Answering, html, type Markup, nothing, show } from './page.ts';

/** Shows the page on which a person chooses a user and answers invitations. Every button names its organisation. */
export function showChoices(ctx: Answering, form: SignInOptions & { action: string; email: string | null }): void {
  const { action, email, users, invitations, ties, joinable, namesake } = form;
  show(ctx, {
    status: 200,
    title: 'Where do you want to sign in?',
    body: html`${email === null ? nothing : html`<p>Your identity provider says that you are ${email}.</p>`}
<form method="post" action="${action}">
${users.length === 0 && joinable === null ? nothing : html`<h2>Your organisations</h2>`}
${all(
  users.map(
    ({ id, login, organization }) =>
      html`<p><button name="choice" value="user:${id}">Continue as ${login}${organization === null ? nothing : html` in ${organization}`}</button></p>
`,
  ),
)}${namesake === null ? nothing : namesakePart(namesake, joinable!)}${joinable === null ? nothing : html`<p><button name="choice" value="join">Join ${joinable}</button></p>`}
${all(ties.map(tiePart))}${all(invitations.map(invitationPart))}
<p><button name="choice" value="other" class="quiet">Sign in as another person</button></p>
</form>`,
  });
}

/** Says that an owner created a user for this address whom nobody signs in as: the person would join without its roles. */
function namesakePart(login: string, organization: string): Markup {
  return html`<p>The owners of ${organization} have created the user ${login}, and have not tied it to you. If you join now, you
become another user, without its roles. Ask an owner first to tie the user to you, or to merge both users later.</p>
`;
}

function tiePart({ id, login, organization, created_by }: OfferedTie): Markup {
  return html`<h2>Your user in ${organization}</h2>
<dl>
<dt>You sign in as</dt><dd>${login}</dd>
<dt>Prepared by</dt><dd>${created_by} of ${organization}</dd>
</dl>
<p class="small">Accept only what you expect. The owners of ${organization} can deactivate your user there. Your users in other organisations
are not affected, and you can leave.</p>
<p><button name="choice" value="tie:${id}">Become ${login} in ${organization}</button>
<button name="choice" value="untie:${id}" class="quiet">Decline ${login} in ${organization}</button></p>
`;
}

function invitationPart({ id, organization, role, namespace, invited_by }: OfferedInvitation): Markup {
  return html`<h2>Invitation to ${organization}</h2>
<dl>
<dt>You become</dt><dd>${role === null || namespace === null ? 'a user without a role' : `${role} in ${namespace}`}</dd>
<dt>Invited by</dt><dd>${invited_by} of ${organization}</dd>
</dl>
<p class="small">Accept only an invitation that you expect. The owners of ${organization} can deactivate your user there. Your users in other
organisations are not affected, and you can leave.</p>
<p><button name="choice" value="accept:${id}">Accept the invitation to ${organization}</button>
<button name="choice" value="decline:${id}" class="quiet">Decline the invitation to ${organization}</button></p>
`;
}

function all(parts: readonly Markup[]): Markup {
  return parts.reduce((text, part) => html`${text}${part}`, nothing);
}
