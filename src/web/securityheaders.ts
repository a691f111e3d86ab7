import { createHash } from 'node:crypto';

/** `Content-Security-Policy` of every answer that is not a page: a browser that shows it loads nothing and frames it nowhere. */
const answerPolicy = policyOf([], ['frame-ancestors']);

/** Headers of every answer. Documents and pages replace those in which they differ. */
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
 * Returns the `Content-Security-Policy` of a page: nothing loads but what `allowed` lists, as `directive source`. A page
 * without forms denies `form-action` as well, which `default-src` does not cover.
 */
export function pagePolicy(allowed: readonly string[], denied: readonly 'form-action'[] = []): string {
  return policyOf(allowed, ['frame-ancestors', 'base-uri', ...denied]);
}

/** Returns the source that allows exactly this inline script or style. */
export function inlineSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function policyOf(allowed: readonly string[], denied: readonly string[]): string {
  return ["default-src 'none'", ...allowed, ...denied.map((directive) => `${directive} 'none'`)].join('; ');
}
