import type { Condition, ConditionValue } from './conditions.ts';
import type { JsonNode } from './json.ts';
import { type OperatorUse, parseOperator } from './operators.ts';
import { wildcards } from './patterns.ts';
import type { FaultKind } from './policy.ts';
import { parseTemplate } from './variables.ts';

export type ReportFault = (kind: FaultKind, offset: number, message: string, expected: string) => void;

/** A line of a Condition block before its values are read. */
interface Line {
  name: string;
  use: OperatorUse;
  key: string;
  hasVariables: boolean;
}

/** Reads the `Condition` element of a statement. An operator that IAM does not have is reported and left out. */
export function readConditions(
  node: JsonNode | undefined,
  place: string,
  hasVariables: boolean,
  report: ReportFault,
): Condition[] {
  if (node === undefined) return [];
  if (node.type !== 'object') {
    report('value', node.start, `has a \`${place}.Condition\` that is not an object`, 'an object of operators');
    return [];
  }
  return node.members.flatMap(({ name, nameStart, value }) => {
    const use = parseOperator(name);
    const title = JSON.stringify(name);
    if (use === undefined)
      report(
        'value',
        nameStart,
        `has the condition operator ${title}, which IAM does not have`,
        'an operator such as StringEquals, StringLike or Bool, in this case; before all but Null ForAnyValue: or ForAllValues:, after all but Null IfExists',
      );
    if (value.type === 'object' && use !== undefined)
      return value.members.map((member) =>
        readCondition({ name, use, key: member.name, hasVariables }, member.value, report),
      );
    if (value.type !== 'object')
      report('value', value.start, `has a condition ${title} that is not an object`, 'an object of condition keys');
    return [];
  });
}

function readCondition(line: Line, node: JsonNode, report: ReportFault): Condition {
  const { name, use, key } = line;
  // IAM stores an empty list, which no value matches (cases/aws-facts.md 41).
  const nodes = node.type === 'array' ? node.items : [node];
  const values = nodes.flatMap((one): ConditionValue[] => {
    if (one.type === 'string' || one.type === 'number' || one.type === 'boolean')
      return [readValue(line, String(one.value), one.start, report)];
    report('value', one.start, `has a value of ${name} ${key} that is not a string`, 'a string or a list of strings');
    return [];
  });
  return { ...use, name, key, values, offset: node.start };
}

function readValue(
  { name, use: { operator }, key, hasVariables }: Line,
  text: string,
  offset: number,
  report: ReportFault,
): ConditionValue {
  const template = parseTemplate(text, hasVariables);
  const isPlain = template.parts.every((part) => typeof part === 'string');
  const title = `${name} ${key}`;
  if (template.fault !== undefined)
    report(
      'unknown',
      offset,
      `has a value of ${title} that ${template.fault}`,
      'a condition key and, after a comma, a default in single quotes',
    );
  else if (!isPlain && operator?.hasVariables === false)
    report('unknown', offset, `has a policy variable in ${title}, which has none in IAM`, 'a value without variables');
  else if (isPlain && operator?.accepts?.({ text, pattern: wildcards(text) }) === false)
    report('value', offset, `has a value of ${title} that ${name} cannot compare`, operator.expected!);
  return { text, template, offset };
}
