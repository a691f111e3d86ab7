import { ArsiaError } from '../../core/errors.ts';
import type { Arsia } from '../compose/compose.ts';
import type { Environment } from '../config/setting.ts';

/** How a command opens Arsia. */
export interface Opening {
  /** Settings that replace those of the environment. */
  changed?: Environment;
  /** Whether it may create an embedded database: for the commands that begin an installation. The others are then refused. */
  mayCreate?: boolean;
}

/** The parts of the process that a command may use. */
export interface Terminal {
  env: Environment;
  /** Opens the database and keys of the server, by the same settings, without a listener. */
  open(opening: Opening): Promise<Arsia>;
  /** Writes data to stdout, for pipes: a token alone, so that `TOKEN=$(arsia server bootstrap …)` works. */
  write(text: string): void;
  /** Writes data of any length to stdout, and asks for no more than the reader takes. */
  send(parts: AsyncIterable<string>): Promise<void>;
  /** Writes messages for people to stderr. */
  tell(text: string): void;
  /** Resolves with the first SIGINT or SIGTERM. */
  untilSignal(): Promise<NodeJS.Signals>;
  /** Ends the process after this time even if a timer or a socket would keep it alive. */
  exitAfter(milliseconds: number): void;
}

/** Opens Arsia for the work of one command, and closes it afterwards. */
export async function withArsia(
  terminal: Terminal,
  work: (arsia: Arsia) => Promise<void>,
  opening: Opening = {},
): Promise<void> {
  const arsia = await terminal.open(opening);
  try {
    await work(arsia);
  } finally {
    await arsia.stop();
  }
}

/** Returns a parser of an option's value. It throws ArsiaError `invalid_request`, which names the option and the rule. */
export function optionParser(
  option: string,
  isValid: (text: string) => boolean,
  rule: string,
): (text: string) => string {
  return (text) => {
    if (!isValid(text)) throw invalidOption(`${option} must be ${rule}.`);
    return text;
  };
}

export function invalidOption(detail: string, advice = ''): ArsiaError {
  return new ArsiaError('invalid_request', detail, { advice });
}

/** Help text with examples. */
export function examples(...commands: string[]): string {
  return `\nExamples:\n${commands.map((command) => `  ${command}`).join('\n')}\n`;
}

export function textLines(...lines: string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
