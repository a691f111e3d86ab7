import type { Refusal } from '../errors.ts';
import { type Answering, html, nothing, show } from './page.ts';

export interface Way {
  text: string;
  href: string;
}

/** What happened, what to do, and the id that the log and the audit have it under. */
export function showRefusal(ctx: Answering, refusal: Refusal, request_id: string, ways: readonly Way[] = []): void {
  const { page_status, message, advice, retry_after } = refusal;
  show(ctx, {
    status: page_status,
    title: page_status >= 500 ? 'This did not work' : 'This was refused',
    body: html`<p role="alert">${message}</p>
${advice === '' ? nothing : html`<p>${advice}</p>`}
${ways.map(({ text, href }) => html`<p><a href="${href}">${text}</a></p>`).reduce((all, one) => html`${all}${one}`, nothing)}
<p class="small">Request ${request_id}</p>`,
  });
  if (retry_after !== undefined) ctx.set('Retry-After', String(retry_after));
  if (page_status === 413) ctx.set('Connection', 'close');
}
