import { createHash } from 'node:crypto';

/** `Content-Security-Policy` of every answer that is not a page: a browser loads nothing for it, and never frames it. */
const answerPolicy = formatPolicy([], ['frame-ancestors']);

/** Headers of every answer. Documents and pages override some of them. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': answerPolicy,
  'strict-transport-security': 'max-age=31536000',
  'cache-control': 'no-store',
} as const;

/** `Content-Type` of JSON answers that are not problems. */
export const jsonType = 'application/json; charset=utf-8';

/** `Content-Type` of pages. */
export const htmlType = 'text/html; charset=utf-8';

/**
 * Returns the `Content-Security-Policy` of a page. Only the sources in `allowed`, each as `directive source`, load. A page
 * without forms also denies `form-action`, which `default-src` does not cover.
 */
export function pagePolicy(allowed: readonly string[], denied: readonly 'form-action'[] = []): string {
  return formatPolicy(allowed, ['frame-ancestors', 'base-uri', ...denied]);
}

/** Returns the source that allows exactly this inline script or style. */
export function inlineSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function formatPolicy(allowed: readonly string[], denied: readonly string[]): string {
  return ["default-src 'none'", ...allowed, ...denied.map((directive) => `${directive} 'none'`)].join('; ');
}
