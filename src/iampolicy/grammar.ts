import { type ReportFault, readConditions } from './conditiongrammar.ts';
import type { JsonNode, ObjectNode } from './json.ts';
import type { Fault, Policy, Principals, Statement, Values } from './policy.ts';

/** The elements that differ between kinds of policies: those of identities have no principals, trust policies no resources. */
export interface PolicyKind {
  principals: 'required' | 'forbidden';
  resources: 'required' | 'forbidden';
}

export interface ReadPolicy {
  policy: Policy;
  /** In the order of the text. Empty for a document that IAM stores. */
  faults: Fault[];
}

/** The members that IAM knows, by the object that has them. */
export const knownMembers = {
  policy: ['Version', 'Id', 'Statement'],
  statement: [
    'Sid',
    'Effect',
    'Principal',
    'NotPrincipal',
    'Action',
    'NotAction',
    'Resource',
    'NotResource',
    'Condition',
  ],
  principal: ['AWS', 'Federated', 'Service', 'CanonicalUser'],
} as const;

/**
 * Reads a policy document (cloud-facts.md 7.3). Never throws: a part with a fault is left out or read as far as it goes, and its
 * fault says why IAM does not store the document.
 */
export function readPolicy(root: JsonNode, kind: PolicyKind): ReadPolicy {
  const faults: Fault[] = [];
  const reader = new Reader(kind, faults);
  const policy = reader.policy(root);
  return { policy, faults: faults.sort((one, other) => one.offset - other.offset) };
}

type Elements = Map<string, { node: JsonNode; offset: number }>;

class Reader {
  private hasVariables = false;
  /** The index of the statement that is read. */
  private current: number | undefined;
  private readonly kind: PolicyKind;
  private readonly faults: Fault[];

  constructor(kind: PolicyKind, faults: Fault[]) {
    this.kind = kind;
    this.faults = faults;
  }

  policy(root: JsonNode): Policy {
    if (root.type !== 'object') {
      this.fault('value', root.start, 'is not a JSON object', 'an object with Version and Statement');
      return { version: '2008-10-17', statements: [] };
    }
    const elements = this.elements(root, knownMembers.policy, '');
    const version = this.version(elements.get('Version')?.node);
    this.hasVariables = version === '2012-10-17';
    const statement = elements.get('Statement')?.node;
    if (statement === undefined)
      this.fault('missing', root.start, 'has no Statement', 'a list of at least one statement');
    const nodes = statement === undefined ? [] : statement.type === 'array' ? statement.items : [statement];
    if (statement?.type === 'array' && nodes.length === 0)
      this.fault('missing', statement.start, 'has no statement', 'a list of at least one statement');
    const statements = nodes.flatMap((one, index) => {
      this.current = index;
      return this.statement(one, index) ?? [];
    });
    this.current = undefined;
    this.checkSids(statements);
    return { version, statements };
  }

  private version(node: JsonNode | undefined): Policy['version'] {
    if (node === undefined) return '2008-10-17';
    if (node.type === 'string' && (node.value === '2012-10-17' || node.value === '2008-10-17')) return node.value;
    this.fault('value', node.start, 'has an unknown Version', '"2012-10-17" or "2008-10-17"');
    return '2008-10-17';
  }

  private checkSids(statements: readonly Statement[]): void {
    const seen = new Set<string>();
    for (const { sid, offset } of statements) {
      if (sid !== '' && seen.has(sid))
        this.fault('value', offset, 'has a Sid twice', 'a Sid that no other statement has');
      seen.add(sid);
    }
  }

  private statement(node: JsonNode, index: number): Statement | undefined {
    const place = `Statement[${index}]`;
    if (node.type !== 'object') {
      this.fault('value', node.start, `has a \`${place}\` that is not an object`, 'an object with Effect and Action');
      return undefined;
    }
    const before = this.faults.length;
    const elements = this.elements(node, knownMembers.statement, `${place}.`);
    this.checkPresence(node, elements, place);
    const statement = {
      index,
      sid: this.sid(elements.get('Sid')?.node, place),
      offset: node.start,
      effect: this.effect(elements.get('Effect')?.node, place, node),
      action: this.values(elements, 'Action', place),
      resource: this.values(elements, 'Resource', place),
      principal: this.principals(elements, place),
      conditions: readConditions(elements.get('Condition')?.node, place, this.hasVariables, this.fault),
    };
    return { ...statement, fault: this.faults.slice(before).find((fault) => fault.kind === 'unknown') };
  }

  private checkPresence(node: ObjectNode, elements: Elements, place: string): void {
    const rules = [
      ['Principal', this.kind.principals],
      ['Action', 'required'],
      ['Resource', this.kind.resources],
    ] as const;
    const isUnknown = this.faults.some(
      (fault) => fault.kind === 'unknown' && fault.offset > node.start && fault.offset < node.end,
    );
    for (const [name, rule] of rules) {
      const present = [name, `Not${name}`].filter((one) => elements.has(one));
      const at = elements.get(present[0] ?? '')?.offset;
      if (rule === 'forbidden' && at !== undefined)
        this.fault(
          'unknown',
          at,
          `has a \`${place}.${present[0]}\`, which is not allowed in this kind of policy`,
          `no ${present[0]}`,
        );
      // A member that is unknown may be the misspelt one.
      if (rule === 'required' && present.length === 0 && !isUnknown)
        this.fault('missing', node.start, `has no \`${place}.${name}\``, `${name} or Not${name}`);
      if (present.length === 2)
        this.fault('value', at!, `has both \`${place}.${name}\` and \`${place}.Not${name}\``, 'one of the two');
    }
  }

  private sid(node: JsonNode | undefined, place: string): string {
    if (node === undefined) return '';
    if (node.type === 'string' && /^[A-Za-z0-9]*$/.test(node.value)) return node.value;
    this.fault('value', node.start, `has a \`${place}.Sid\` that is not of letters and digits`, 'letters and digits');
    return '';
  }

  private effect(node: JsonNode | undefined, place: string, statement: JsonNode): Statement['effect'] {
    if (node?.type === 'string' && (node.value === 'Allow' || node.value === 'Deny')) return node.value;
    const fault = node === undefined ? `has no \`${place}.Effect\`` : `has an unknown \`${place}.Effect\``;
    this.fault('value', node?.start ?? statement.start, fault, '"Allow" or "Deny"');
    return 'Deny';
  }

  private values(elements: Elements, name: 'Action' | 'Resource', place: string): Values | undefined {
    const isNegated = !elements.has(name);
    const element = elements.get(isNegated ? `Not${name}` : name);
    if (element === undefined) return undefined;
    const title = `${place}.${isNegated ? 'Not' : ''}${name}`;
    return {
      isNegated,
      offset: element.node.start,
      values: this.texts(element.node, title, 'a string or a list of strings'),
    };
  }

  private principals(elements: Elements, place: string): Principals | undefined {
    const isNegated = !elements.has('Principal');
    const element = elements.get(isNegated ? 'NotPrincipal' : 'Principal');
    if (element === undefined) return undefined;
    const title = `${place}.${isNegated ? 'Not' : ''}Principal`;
    const { node } = element;
    const offset = node.start;
    if (node.type === 'string' && node.value === '*')
      return { isNegated, offset, values: [{ kind: 'AWS', text: '*', offset }] };
    const expected = '"*" or an object with AWS, Federated, Service or CanonicalUser';
    if (node.type !== 'object' || node.members.length === 0) {
      this.fault('value', offset, `has no value in \`${title}\``, expected);
      return { isNegated, offset, values: [] };
    }
    const kinds = this.elements(node, knownMembers.principal, `${title}.`);
    const values = [...kinds].flatMap(([kind, value]) =>
      this.texts(value.node, `${title}.${kind}`, 'a string or a list of strings').map((one) => ({ kind, ...one })),
    );
    return { isNegated, offset, values };
  }

  private texts(node: JsonNode, title: string, expected: string): { text: string; offset: number }[] {
    const nodes = node.type === 'array' ? node.items : [node];
    const values = nodes.flatMap((one) => (one.type === 'string' ? [{ text: one.value, offset: one.start }] : []));
    if (values.length < nodes.length || nodes.length === 0)
      this.fault(
        nodes.length === 0 ? 'missing' : 'value',
        node.start,
        `has no \`${title}\`, or one that is not text`,
        expected,
      );
    return values;
  }

  private elements(node: ObjectNode, known: readonly string[], place: string): Elements {
    const elements: Elements = new Map();
    for (const { name, nameStart, value } of node.members) {
      if (known.includes(name)) elements.set(name, { node: value, offset: nameStart });
      else
        this.fault(
          'unknown',
          nameStart,
          `has \`${place}${name}\`, which IAM does not have`,
          known.map((one) => `\`${place}${one}\``).join(', '),
        );
    }
    return elements;
  }

  private readonly fault: ReportFault = (kind, offset, message, expected) => {
    this.faults.push({ kind, offset, message, expected, statement: this.current });
  };
}
