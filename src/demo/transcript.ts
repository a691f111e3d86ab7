import { styleText } from 'node:util';

/** Prints the demo, and records whether every check passed. */
export interface Transcript {
  title(text: string): void;
  line(text: string): void;
  /** Prints `label  value` in columns. */
  fact(label: string, value: string): void;
  /** Prints a check, and records it when it fails. */
  check(holds: boolean, text: string): void;
  held(): boolean;
}

export function createTranscript(write: (text: string) => void): Transcript {
  let hasFailed = false;
  const writeLine = (text: string) => write(`${text}\n`);
  return {
    title: (text) => writeLine(`\n${styleText('bold', text)}`),
    line: (text) => writeLine(`  ${text}`),
    fact: (label, value) => writeLine(`  ${label.padEnd(14)} ${value}`),
    check(holds, text) {
      hasFailed ||= !holds;
      writeLine(`  ${holds ? styleText('green', 'ok') : styleText('red', 'NO')}  ${text}`);
    },
    held: () => !hasFailed,
  };
}
