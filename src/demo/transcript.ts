import { styleText } from 'node:util';

/** What the demo prints, and whether everything held. */
export interface Transcript {
  title(text: string): void;
  line(text: string): void;
  /** `label  value` in columns. */
  fact(label: string, value: string): void;
  /** One thing that must hold. */
  check(holds: boolean, text: string): void;
  held(): boolean;
}

export function createTranscript(write: (text: string) => void): Transcript {
  let hasFailed = false;
  const say = (text: string) => write(`${text}\n`);
  return {
    title: (text) => say(`\n${styleText('bold', text)}`),
    line: (text) => say(`  ${text}`),
    fact: (label, value) => say(`  ${label.padEnd(14)} ${value}`),
    check(holds, text) {
      hasFailed ||= !holds;
      say(`  ${holds ? styleText('green', 'ok') : styleText('red', 'NO')}  ${text}`);
    },
    held: () => !hasFailed,
  };
}
