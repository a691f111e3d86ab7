import { isObject } from '../core/json.ts';
import type { Request } from './listener.ts';

/** Reads the parameters of a form body; returns none when the body is not a form. The first value of a repeated name counts. */
export function readForm(request: Request): Map<string, string> {
  return isForm(request) ? readFirstValues(new URLSearchParams(request.body.toString('utf8'))) : new Map();
}

export function readFirstValues(parameters: URLSearchParams): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!values.has(name)) values.set(name, value);
  }
  return values;
}

/** Reads a JSON object body. Returns undefined for any other body. */
export function readJson(request: Request): Record<string, unknown> | undefined {
  return parseObject(request.body.toString('utf8'));
}

/** Parses a JSON object. Returns undefined for any other text. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function getMediaType(request: Request): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function isForm(request: Request): boolean {
  return getMediaType(request) === 'application/x-www-form-urlencoded';
}
