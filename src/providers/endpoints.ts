import { findIssuerFault, quoteUrl } from '../core/issuerurl.ts';
import type { Outbound } from '../outbound/outbound.ts';

/**
 * A setting of the operator for the endpoints to which tokens of a kind may be sent. A request never sets it (N29). `parse`
 * throws an Error whose message continues the name of the variable and shows a valid value.
 */
export interface EndpointSetting<Value extends string | readonly string[] = string | readonly string[]> {
  variable: `ARSIA_${string}`;
  meaning: string;
  default: string;
  parse(text: string): Value;
}

/** Values of endpoint settings, as an exchange gets them. */
export type EndpointValues<Settings extends Record<string, EndpointSetting>> = {
  readonly [Name in keyof Settings]: ReturnType<Settings[Name]['parse']>;
} & { readonly outbound: Outbound };

/** Returns a URL that is https, or http on loopback, without query, fragment or trailing slash. Throws an Error otherwise. */
export function endpointUrl(text: string): string {
  const fault = findIssuerFault(text);
  if (fault !== undefined) throw new Error(`${fault}, such as https://sts.example.com; it is ${quoteUrl(text)}`);
  return text;
}

/** Returns a parser of comma-separated values. */
export function parseList<Value>(parse: (text: string) => Value): (text: string) => Value[] {
  return (text) =>
    text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .map(parse);
}
