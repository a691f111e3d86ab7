import { createHash } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';

/** HTML text. Values are escaped when they are inserted; a page contains no other text. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export const nothing = new Markup('');

/** Builds markup from a template. Escapes text and inserts markup unchanged. */
export function html(parts: TemplateStringsArray, ...values: (string | Markup)[]): Markup {
  const written = values.map((value) => (value instanceof Markup ? value.text : escapeHtml(value)));
  return new Markup(parts.reduce((text, part, index) => text + written[index - 1] + part));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 32rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.125rem; line-height: 1.25; margin: 2rem 0 .5rem; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input, button, a.button { font: inherit; min-height: 2.75rem; box-sizing: border-box; border-radius: .375rem; padding: .5rem 1rem; }
input { width: 100%; border: 1px solid GrayText; font-size: 1.25rem; letter-spacing: .15em; text-transform: uppercase; }
button { border: 1px solid CanvasText; background: CanvasText; color: Canvas; cursor: pointer; margin: 1rem .5rem 0 0; }
button.quiet { background: Canvas; color: CanvasText; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
code { font-size: 1.25rem; letter-spacing: .15em; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
.small { font-size: .875rem; }
`;

/**
 * Allows no inline script, no frame and nothing of another origin. Has no `form-action`: browsers apply it also to the
 * redirects after a form, and those lead to the identity provider and back to the client.
 */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "script-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: browsers would then send `Origin: null` with our own forms, as with forms of other sites.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The members of a koa context that a page sets. */
export type Answering = Pick<KoaContextWithOIDC, 'status' | 'type' | 'body' | 'set'>;

export interface Page {
  status: number;
  /** Also the heading. */
  title: string;
  body: Markup;
  /** URL of a script of this server. */
  script?: string;
}

/** Renders a page into the response. */
export function show(ctx: Answering, { status, title, body, script }: Page): void {
  ctx.status = status;
  ctx.set(headers);
  ctx.type = 'text/html; charset=utf-8';
  const scripts = script === undefined ? nothing : html`<script type="module" src="${script}"></script>`;
  ctx.body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - Arsia</title>
<style>${new Markup(style)}</style>
${scripts}
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}
