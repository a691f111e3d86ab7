import type { Answer } from '../listener.ts';
import type { Refusal } from '../refusal.ts';

/** An element's content: text, or elements in order. Members that are undefined are left out. */
export interface Elements {
  [name: string]: string | Elements | undefined;
}

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** `<XResponse><XResult/><ResponseMetadata/></XResponse>` (cloud-facts.md 1.2). */
export function resultAnswer(action: string, result: Elements, requestId: string): Answer {
  const body = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return xmlAnswer(200, document(`${action}Response`, body), requestId);
}

/** `<ErrorResponse><Error/><RequestId/></ErrorResponse>`: the sender's fault below 500, the receiver's from there on. */
export function errorAnswer(refusal: Refusal, requestId: string): Answer {
  const type = refusal.status < 500 ? 'Sender' : 'Receiver';
  const body = { Error: { Type: type, Code: refusal.code, Message: refusal.message }, RequestId: requestId };
  return { ...xmlAnswer(refusal.status, document('ErrorResponse', body), requestId), code: refusal.code };
}

function xmlAnswer(status: number, body: string, requestId: string): Answer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}

function document(root: string, content: Elements): string {
  return `<${root} xmlns="${namespace}">${render(content)}</${root}>\n`;
}

function render(elements: Elements): string {
  return Object.entries(elements)
    .filter(([, content]) => content !== undefined)
    .map(
      ([name, content]) => `<${name}>${typeof content === 'object' ? render(content) : escapeText(content!)}</${name}>`,
    )
    .join('');
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for XML 1.0, which cannot carry control characters at all: they come out as U+FFFD. */
function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\u{10FFFF}]|[\uFFFE\uFFFF]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (character) => entities[character]!);
}
