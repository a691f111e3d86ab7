/** A JSON value with its place in the text. Offsets count UTF-16 code units from the start of the text. */
export type JsonNode =
  | ObjectNode
  | ArrayNode
  | (Span & { type: 'string'; value: string })
  | (Span & { type: 'number'; value: number })
  | (Span & { type: 'boolean'; value: boolean })
  | (Span & { type: 'null'; value: null });

export interface Span {
  start: number;
  /** The offset after the last character. */
  end: number;
}

export interface ObjectNode extends Span {
  type: 'object';
  members: MemberNode[];
}

export interface ArrayNode extends Span {
  type: 'array';
  items: JsonNode[];
}

export interface MemberNode {
  name: string;
  nameStart: number;
  value: JsonNode;
}

export interface Position {
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 code units, as editors count. */
  column: number;
}

/** A fault of the text. It says what was expected, and never quotes the text, which may hold a secret. */
export interface TextFault {
  offset: number;
  message: string;
}

export interface TextLimits {
  /** Characters. */
  length: number;
  depth: number;
}

/** The longest policy document that an operation of IAM accepts. */
export const defaultLimits: TextLimits = { length: 131_072, depth: 64 };

class Fault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Parses a JSON text (RFC 8259) in linear time. Refuses a member that an object has twice, since readers disagree about which
 * one counts. `from` is the offset at which the JSON begins.
 */
export function parseJson(text: string, limits = defaultLimits, from = 0): JsonNode | { fault: TextFault } {
  if (text.length > limits.length)
    return { fault: { offset: limits.length, message: `is longer than ${limits.length} characters` } };
  try {
    return new Parser(text, limits.depth, from).parse();
  } catch (thrown) {
    if (thrown instanceof Fault) return { fault: { offset: thrown.offset, message: thrown.message } };
    throw thrown;
  }
}

export function locate(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lines = before.split(/\r\n|\n|\r/);
  return { line: lines.length, column: lines.at(-1)!.length + 1 };
}

/** Returns the value as `JSON.parse` does. */
export function toValue(node: JsonNode): unknown {
  if (node.type === 'array') return node.items.map(toValue);
  if (node.type === 'object') return Object.fromEntries(node.members.map(({ name, value }) => [name, toValue(value)]));
  return node.value;
}

export function findMember(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.find((member) => member.name === name)?.value : undefined;
}

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const words = { true: true, false: false, null: null } as const;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  private at: number;
  private depth = 0;
  private readonly text: string;
  private readonly maximumDepth: number;

  constructor(text: string, maximumDepth: number, from: number) {
    this.text = text;
    this.at = from;
    this.maximumDepth = maximumDepth;
  }

  parse(): JsonNode {
    if (this.text.startsWith('\ufeff', this.at)) this.at++;
    const value = this.value();
    this.skipSpace();
    if (this.at < this.text.length) throw new Fault(this.at, 'is not JSON: expected the end of the text');
    return value;
  }

  private value(): JsonNode {
    this.skipSpace();
    const start = this.at;
    switch (this.text[start]) {
      case '{':
        return this.nested(() => this.object(start));
      case '[':
        return this.nested(() => this.array(start));
      case '"': {
        const value = this.string();
        return { type: 'string', value, start, end: this.at };
      }
    }
    return this.word(start) ?? this.number(start);
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > this.maximumDepth) throw new Fault(this.at, `nests deeper than ${this.maximumDepth}`);
    const value = read();
    this.depth--;
    return value;
  }

  private object(start: number): ObjectNode {
    this.at++;
    const members: MemberNode[] = [];
    const names = new Set<string>();
    for (;;) {
      this.skipSpace();
      if (members.length === 0 && this.take('}')) break;
      const nameStart = this.at;
      if (this.text[nameStart] !== '"') throw new Fault(nameStart, 'is not JSON: expected a member name in quotes');
      const name = this.string();
      if (names.has(name)) throw new Fault(nameStart, `has the member ${JSON.stringify(name)} twice in one object`);
      names.add(name);
      this.skipSpace();
      if (!this.take(':')) throw new Fault(this.at, 'is not JSON: expected a colon after the member name');
      members.push({ name, nameStart, value: this.value() });
      this.skipSpace();
      if (this.take('}')) break;
      if (!this.take(',')) throw new Fault(this.at, 'is not JSON: expected a comma or the end of the object');
    }
    return { type: 'object', members, start, end: this.at };
  }

  private array(start: number): ArrayNode {
    this.at++;
    const items: JsonNode[] = [];
    for (;;) {
      this.skipSpace();
      if (items.length === 0 && this.take(']')) break;
      items.push(this.value());
      this.skipSpace();
      if (this.take(']')) break;
      if (!this.take(',')) throw new Fault(this.at, 'is not JSON: expected a comma or the end of the list');
    }
    return { type: 'array', items, start, end: this.at };
  }

  private string(): string {
    const start = this.at++;
    const parts: string[] = [];
    for (let from = this.at; ; ) {
      const code = this.text.charCodeAt(this.at);
      if (Number.isNaN(code)) throw new Fault(start, 'is not JSON: a string does not end');
      if (code < 0x20) throw new Fault(this.at, 'is not JSON: expected no control character in a string');
      if (code !== 0x22 && code !== 0x5c) this.at++;
      else {
        parts.push(this.text.slice(from, this.at));
        if (code === 0x22) break;
        parts.push(this.escape());
        from = this.at;
      }
    }
    this.at++;
    return parts.join('');
  }

  private escape(): string {
    const character = this.text[this.at + 1] ?? '';
    if (character === 'u') {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Fault(this.at, 'is not JSON: expected four digits after \\u');
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meaning = Object.hasOwn(escapes, character) ? escapes[character] : undefined;
    if (meaning === undefined) throw new Fault(this.at, 'is not JSON: expected an escape sequence of JSON');
    this.at += 2;
    return meaning;
  }

  private number(start: number): JsonNode {
    numberPattern.lastIndex = start;
    const [digits] = numberPattern.exec(this.text) ?? [];
    if (digits === undefined) throw new Fault(start, 'is not JSON: expected a value');
    this.at += digits.length;
    return { type: 'number', value: Number(digits), start, end: this.at };
  }

  private word(start: number): JsonNode | undefined {
    for (const [word, value] of Object.entries(words))
      if (this.text.startsWith(word, start)) {
        this.at += word.length;
        return { type: value === null ? 'null' : 'boolean', value, start, end: this.at } as JsonNode;
      }
    return undefined;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    while (' \t\n\r'.includes(this.text[this.at] ?? 'x')) this.at++;
  }
}
