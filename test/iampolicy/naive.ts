/**
 * A second evaluator of IAM policies, written from cloud-facts.md 7.3 to 7.5 and cases/aws-facts.md 28 to 38 without the engine's code: regular
 * expressions, BigInt and Date.parse in place of its matchers. It is slow, has no reasons, and reads documents that IAM stores only.
 */
export interface NaiveRequest {
  action: string;
  resource?: string;
  principal?: { kind: string; names: string[] };
  facts: Record<string, string | string[]>;
}

interface Statement {
  Effect: string;
  [member: string]: unknown;
}

const list = (value: unknown): string[] => [value].flat().map(String);
const escapeText = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
/** Marks characters that a variable stands for, so that they are no wildcards: a private code point before each. */
const quote = '\ue000';
const quoted = (text: string) => [...text].map((c) => quote + c).join('');
const plain = (text: string) => text.replaceAll(quote, '');

function like(pattern: string, text: string): boolean {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === quote) source += escapeText(pattern[++i]!);
    else source += c === '*' ? '[\\s\\S]*' : c === '?' ? '[\\s\\S]' : escapeText(c);
  }
  return new RegExp(`^${source}$`).test(text);
}

function arnLike(pattern: string, arn: string): boolean {
  if (pattern === '*') return true;
  const split = (text: string) => {
    const parts = text.replaceAll(`${quote}:`, ':').split(':');
    return [...parts.slice(0, 5), parts.slice(5).join(':')];
  };
  const [expected, actual] = [split(pattern), split(arn)];
  return expected.every((part, index) => like(part, actual[index]!));
}

const isNumber = (text: string) =>
  text.trim() === text && text !== '' && /^[-+.\deE]+$/.test(text) && Number.isFinite(Number(text));
const isEpoch = (text: string) => /^-?\d+$/.test(text);
// Date.parse alone takes text such as 2.5, too.
const isDate = (text: string) => isEpoch(text) || (/^\d{4}-\d\d/.test(text) && !Number.isNaN(Date.parse(text)));
const dateOf = (text: string) => (isEpoch(text) ? Number(text) * 1000 : Date.parse(text));

function ip(text: string): { bits: bigint; size: number } | undefined {
  if (/^\d+(\.\d+){3}$/.test(text)) {
    const parts = text.split('.').map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { bits: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n), size: 32 };
  }
  if (!text.includes(':') || !/^[0-9a-f:]+$/i.test(text)) return undefined;
  const [head = '', tail] = text.split('::');
  const groups = (side: string) => (side === '' ? [] : side.split(':'));
  const missing = 8 - groups(head).length - groups(tail ?? '').length;
  const all = tail === undefined ? groups(head) : [...groups(head), ...Array(missing).fill('0'), ...groups(tail)];
  return all.length === 8
    ? { bits: all.reduce((sum, one) => sum * 65536n + BigInt(`0x${one}`), 0n), size: 128 }
    : undefined;
}

function inRange(range: string, address: string): boolean {
  const [base = '', digits] = range.split('/');
  const [network, host] = [ip(base)!, ip(address)!];
  if (network.size !== host.size) return false;
  const shift = BigInt(network.size - Number(digits ?? network.size));
  return network.bits >> shift === host.bits >> shift;
}

/** Whether the operator without "Not" says that the values match; undefined where the value of the request is of another type. */
function compare(operator: string, expected: string, actual: string): boolean | undefined {
  if (operator.startsWith('Numeric') || operator.startsWith('Date')) {
    const isType = operator.startsWith('Numeric') ? isNumber : isDate;
    const convert = operator.startsWith('Numeric') ? Number : dateOf;
    if (!isType(actual)) return false;
    const [a, e] = [convert(actual), convert(expected)];
    const relation = operator.replace(/^(Numeric|Date)/, '');
    if (relation === 'Equals') return a === e;
    if (relation === 'LessThan') return a < e;
    if (relation === 'LessThanEquals') return a <= e;
    return relation === 'GreaterThan' ? a > e : a >= e;
  }
  switch (operator) {
    case 'StringEquals':
      return plain(expected) === actual;
    case 'StringEqualsIgnoreCase':
      return plain(expected).toLowerCase() === actual.toLowerCase();
    case 'StringLike':
      return like(expected, actual);
    case 'Bool':
      return (plain(expected).toLowerCase() === 'true') === (actual.toLowerCase() === 'true');
    case 'BinaryEquals':
      return expected === actual;
    case 'IpAddress':
      return ip(actual) === undefined ? undefined : inRange(expected, actual);
    case 'ArnLike':
    case 'ArnEquals':
      return /^arn:([^:]*:){4}/.test(actual) ? arnLike(expected, actual) : undefined;
    default:
      throw new Error(operator);
  }
}

function factOf(facts: NaiveRequest['facts'], key: string): string | string[] | undefined {
  return Object.entries(facts).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
}

/** Returns the text with its variables replaced; undefined where one has no value. */
function substitute(text: string, facts: NaiveRequest['facts'], version: unknown): string | undefined {
  if (version !== '2012-10-17') return text;
  let isMissing = false;
  const result = text.replace(/\$\{([^},]*)(?:, *'([^']*)')?\}/g, (_all, key: string, fallback?: string) => {
    if (key === '*' || key === '?' || key === '$') return quoted(key);
    const value = factOf(facts, key);
    if (typeof value === 'string') return quoted(value);
    if (value === undefined && fallback !== undefined) return quoted(fallback);
    isMissing = true;
    return '';
  });
  return isMissing ? undefined : result;
}

function conditionHolds(name: string, key: string, values: string[], request: NaiveRequest, version: unknown): boolean {
  const fact = factOf(request.facts, key);
  if (name === 'Null') return values.some((value) => (value.toLowerCase() === 'true') === (fact === undefined));
  const set = /^(ForAnyValue|ForAllValues):/.exec(name)?.[1];
  const ifExists = name.endsWith('IfExists');
  const base = name.replace(/^.*:/, '').replace(/IfExists$/, '');
  const isNegated = base.includes('Not');
  const operator = base.replace('Not', '');
  if (fact === undefined) {
    if (ifExists || set === 'ForAllValues') return true;
    return set === undefined && isNegated;
  }
  if (Array.isArray(fact) && set === undefined) return false;
  const expected = values
    .map((value) => substitute(value, request.facts, version))
    .filter((value) => value !== undefined);
  const one = (actual: string): boolean => {
    if (expected.length === 0 && ['IpAddress', 'ArnLike', 'ArnEquals'].includes(operator))
      return isNegated && compare(operator, operator === 'IpAddress' ? '::' : '*', actual) !== undefined;
    const results = expected.map((value) => compare(operator, value, actual));
    if (results.includes(undefined)) return false;
    return isNegated ? !results.includes(true) : results.includes(true);
  };
  return set === 'ForAnyValue' ? list(fact).some(one) : list(fact).every(one);
}

function actionMatches(pattern: string, action: string): boolean {
  if (pattern === '*') return true;
  const [service, name] = pattern.toLowerCase().split(':');
  const [askedService, askedName] = action.toLowerCase().split(':');
  return (service === '*' || service === askedService) && like(name ?? '', askedName!);
}

function applies(statement: Statement, request: NaiveRequest, version: unknown): boolean {
  const actions = list(statement.Action ?? statement.NotAction);
  if (actions.some((one) => actionMatches(one, request.action)) !== 'Action' in statement) return false;
  const resources = statement.Resource ?? statement.NotResource;
  if (request.resource !== undefined && resources !== undefined) {
    const isListed = list(resources).some((one) => {
      const pattern = substitute(one, request.facts, version);
      return pattern !== undefined && arnLike(pattern, request.resource!);
    });
    if (isListed !== 'Resource' in statement) return false;
  }
  const principal = (statement.Principal ?? statement.NotPrincipal) as string | Record<string, unknown> | undefined;
  if (request.principal !== undefined && principal !== undefined) {
    const isNot = 'NotPrincipal' in statement;
    const pairs =
      typeof principal === 'string'
        ? [['AWS', principal]]
        : Object.entries(principal).flatMap(([kind, names]) => list(names).map((name) => [kind, name]));
    const isListed = pairs.some(([kind, name]) =>
      name === '*'
        ? ['AWS', 'Federated'].includes(kind!) && (isNot || statement.Effect === 'Deny')
        : kind === request.principal!.kind && request.principal!.names.includes(name!),
    );
    if (isListed === isNot) return false;
  }
  return Object.entries((statement.Condition ?? {}) as Record<string, Record<string, unknown>>).every(([name, block]) =>
    Object.entries(block).every(([key, values]) => conditionHolds(name, key, list(values), request, version)),
  );
}

export function evaluateNaively(policy: { Version?: string; Statement: unknown }, request: NaiveRequest): string {
  const statements = ([policy.Statement].flat() as Statement[]).filter((one) => applies(one, request, policy.Version));
  if (statements.some(({ Effect }) => Effect === 'Deny')) return 'explicit_deny';
  return statements.length > 0 ? 'allow' : 'implicit_deny';
}
