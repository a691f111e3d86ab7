import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { estimateHeapBytes } from '../../src/core/heapsize.ts';

const repeat = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));
const id = (index: number) => `rule_${String(index).padStart(26, '0')}`;

/** Values like those that facts hold, each as text of 20 to 200 KB. */
const shapes: Record<string, unknown> = {
  'access rules with many values': repeat(50, (rule) => ({
    id: id(rule),
    kind: 'user',
    values: repeat(100, (value) => id(rule * 100 + value)),
  })),
  'rights with labels of many keys': repeat(100, (right) => ({
    namespace_id: id(right),
    users: ['*'],
    stages: ['*'],
    labels: Object.fromEntries(repeat(32, (label) => [`label-${right}-${label}`, '*'])),
  })),
  memberships: repeat(500, (index) => ({ namespace_id: id(index), role: 'deployer' })),
  'long texts beyond Latin-1': repeat(20, (index) => `${index}${'ж'.repeat(2_000)}`),
  'settings that nest': repeat(100, (index) => ({ a: { b: [{ c: index }, null, true, 1_800_000_000_000] } })),
};

test.each(Object.entries(shapes))(
  'N67 estimates at least what V8 uses, and at most three times as much: %s',
  (_, shape) => {
    const text = JSON.stringify(shape);
    // Runs in a child process, whose heap holds nothing else that grows.
    const script = `
    const text = require('node:fs').readFileSync(0, 'utf8');
    const kept = [JSON.parse(text)];
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 100; count++) kept.push(JSON.parse(text.replaceAll('label-', 'label-' + count)));
    gc();
    console.log((process.memoryUsage().heapUsed - before) / (kept.length - 1));`;
    const used = Number(
      execFileSync(process.execPath, ['--expose-gc', '-e', script], { encoding: 'utf8', input: text }),
    );
    const estimated = estimateHeapBytes(shape);
    expect(estimated).toBeGreaterThan(used * 0.9);
    expect(estimated).toBeLessThan(used * 3);
  },
);
