import type { Refusal } from '../errors.ts';
import { type Answering, html, nothing, show } from './page.ts';

export interface PageLink {
  text: string;
  href: string;
}

/** Shows what happened, what to do, and the request id of the log and the audit. */
export function showRefusal(
  ctx: Answering,
  refusal: Refusal,
  request_id: string,
  links: readonly PageLink[] = [],
): void {
  const { page_status, message, advice, retry_after } = refusal;
  show(ctx, {
    status: page_status,
    title: page_status >= 500 ? 'This did not work' : 'This was refused',
    body: html`<p role="alert">${message}</p>
${advice === '' ? nothing : html`<p>${advice}</p>`}
${links.map(({ text, href }) => html`<p><a href="${href}">${text}</a></p>`).reduce((all, one) => html`${all}${one}`, nothing)}
<p class="small">Request ${request_id}</p>`,
  });
  if (retry_after !== undefined) ctx.set('Retry-After', String(retry_after));
  if (page_status === 413) ctx.set('Connection', 'close');
}
