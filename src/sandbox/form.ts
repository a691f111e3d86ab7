import { isObject } from '../core/json.ts';
import type { Request } from './listener.ts';

/** The parameters of a form body; empty when the body is no form. A name that comes twice keeps its first value. */
export function readForm(request: Request): Map<string, string> {
  return isForm(request) ? firstValues(new URLSearchParams(request.body.toString('utf8'))) : new Map();
}

export function firstValues(parameters: URLSearchParams): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!values.has(name)) values.set(name, value);
  }
  return values;
}

/** A JSON object body, or undefined for anything else. */
export function readJson(request: Request): Record<string, unknown> | undefined {
  return parseObject(request.body.toString('utf8'));
}

/** A pasted document or a body as a JSON object, or undefined for anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function mediaType(request: Request): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function isForm(request: Request): boolean {
  return mediaType(request) === 'application/x-www-form-urlencoded';
}
