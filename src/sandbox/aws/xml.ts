import type { Answer } from '../listener.ts';
import type { Refusal } from '../refusal.ts';

/** The content of an element: text, or elements in order. Undefined members are omitted. */
export interface Elements {
  [name: string]: string | Elements | undefined;
}

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** Renders `<XResponse><XResult/><ResponseMetadata/></XResponse>` (cloud-facts.md 1.2). */
export function createResultAnswer(action: string, result: Elements, requestId: string): Answer {
  const body = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return createXmlAnswer(200, renderDocument(`${action}Response`, body), requestId);
}

/** Renders `<ErrorResponse><Error/><RequestId/></ErrorResponse>`. The type is Sender below status 500, Receiver from 500. */
export function createErrorAnswer(refusal: Refusal, requestId: string): Answer {
  const type = refusal.status < 500 ? 'Sender' : 'Receiver';
  const body = { Error: { Type: type, Code: refusal.code, Message: refusal.message }, RequestId: requestId };
  return { ...createXmlAnswer(refusal.status, renderDocument('ErrorResponse', body), requestId), code: refusal.code };
}

function createXmlAnswer(status: number, body: string, requestId: string): Answer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}

function renderDocument(root: string, content: Elements): string {
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

/** Escapes text for XML 1.0. Replaces control characters, which XML 1.0 cannot represent, by U+FFFD. */
function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\u{10FFFF}]|[\uFFFE\uFFFF]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (character) => entities[character]!);
}
