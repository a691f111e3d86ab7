import { isIP } from 'node:net';
import { findForeignIssuerFault, findIssuerFault, quoteUrl } from '../../core/issuerurl.ts';
import { parseList } from '../../providers/endpoints.ts';

/** Parsers of settings. Each throws an Error whose message continues the name of the variable and shows a valid value. */

export function text(value: string): string {
  if (value.trim() === '') throw new Error('is empty');
  return value;
}

export function issuer(value: string): string {
  const fault = findIssuerFault(value);
  if (fault !== undefined) throw new Error(`${fault}, such as https://arsia.example.com; it is ${quoteUrl(value)}`);
  return value;
}

export function address(value: string): { host: string; port: number } {
  const match = /^(\[[0-9a-f:]+\]|[^:\s]+):(\d{1,5})$/i.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65535)
    throw new Error(`must be host:port, such as 0.0.0.0:8080; it is ${JSON.stringify(value)}`);
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}

export function databaseUrl(value: string): string {
  // The value may hold a password: the message does not repeat it.
  if (!/^postgres(?:ql)?:$/.test(URL.parse(value)?.protocol ?? ''))
    throw new Error('must be a PostgreSQL URL, such as postgresql://arsia@db.example.com/arsia');
  return value;
}

export function signInIssuer(value: string): string {
  const fault = findForeignIssuerFault(value);
  if (fault !== undefined) throw new Error(`${fault}, such as https://id.example.com; it is ${quoteUrl(value)}`);
  return value;
}

export function proxyUrl(value: string): string {
  const url = URL.parse(value);
  // The value may hold a password: the message does not repeat it.
  if (
    url?.protocol !== 'http:' ||
    url.hostname === '' ||
    url.pathname !== '/' ||
    /[?#\s]/.test(value) ||
    !isDecodable(url.username + url.password)
  )
    throw new Error('must be http:// with the host and port of a proxy, such as http://proxy.example.com:3128');
  return value;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export function scopes(value: string): string {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(value) || !value.split(' ').includes('openid'))
    throw new Error(`must be scopes with spaces between, openid among them; it is ${JSON.stringify(value)}`);
  return value;
}

export function proxies(value: string): number | string[] {
  if (/^\d{1,2}$/.test(value)) return Number(value);
  return parseList(network)(value);
}

function network(value: string): string {
  const [address = '', length] = value.split('/');
  const family = isIP(address);
  const isRight =
    family !== 0 && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)));
  if (!isRight) throw new Error(`must be a number, or addresses such as 10.0.0.0/8; it is ${JSON.stringify(value)}`);
  return value;
}

export function oneOf<const Choices extends readonly string[]>(...choices: Choices): (text: string) => Choices[number] {
  return (value) => {
    if (!choices.includes(value))
      throw new Error(`must be one of ${choices.join(', ')}; it is ${JSON.stringify(value)}`);
    return value;
  };
}

export function trueOrFalse(value: string): boolean {
  return oneOf('true', 'false')(value) === 'true';
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most)
      throw new Error(`must be a whole number from ${least} to ${most}; it is ${JSON.stringify(value)}`);
    return number;
  };
}
