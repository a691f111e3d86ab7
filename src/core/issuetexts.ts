/** An issue of a validator (the members of a Zod issue that its text needs). */
interface Issue {
  code?: string | undefined;
  input?: unknown;
  expected?: unknown;
  values?: unknown;
  origin?: unknown;
  minimum?: unknown;
  maximum?: unknown;
  inclusive?: unknown;
  format?: unknown;
  pattern?: unknown;
  divisor?: unknown;
  issues?: unknown;
  errors?: unknown;
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const formats: Readonly<Record<string, string>> = {
  datetime: 'a time such as 2026-11-21T13:00:00Z',
  date: 'a date such as 2026-11-21',
  url: 'a URL',
  email: 'an email address',
  safeint: 'a whole number',
};

/** Returns what a value must be, for an issue whose schema has no text of its own. It follows the name of the member. */
export function describeIssue(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const rule = `must be ${nouns[String(issue.expected)] ?? String(issue.expected)}`;
      return issue.input === undefined ? `is missing and ${rule}` : rule;
    }
    case 'invalid_value':
      return `must be ${listOf(issue.values, 'one of ')}`;
    case 'too_small':
      return describeSize(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return describeSize(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? `must match ${issue.pattern}`
        : `must be ${formats[String(issue.format)] ?? `in the format ${issue.format}`}`;
    case 'invalid_key':
    case 'invalid_element':
      return textsOf(issue.issues)[0] ?? 'is not valid';
    case 'invalid_union':
      return (Array.isArray(issue.errors) ? issue.errors : []).flatMap(textsOf).join(', or ') || 'is not valid';
    default:
      return 'is not valid';
  }
}

function describeSize(origin: unknown, bound: string, limit: unknown): string {
  if (origin === 'string') return `must have ${bound} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `must have ${bound} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  return `must be ${bound} ${limit}`;
}

function listOf(values: unknown, prefix: string): string {
  const all = Array.isArray(values) ? values : [values];
  return (all.length > 1 ? prefix : '') + all.map((value) => JSON.stringify(value)).join(', ');
}

/** Returns the texts of nested issues about the value itself. */
function textsOf(issues: unknown): string[] {
  const all = Array.isArray(issues) ? (issues as { path: unknown[]; message: string }[]) : [];
  return all.filter(({ path }) => path.length === 0).map(({ message }) => message);
}
