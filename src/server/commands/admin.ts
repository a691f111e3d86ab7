import { Command } from 'commander';
import { ArsiaError } from '../../core/errors.ts';
import { computeActivationTime } from '../../core/keystates.ts';
import { isLogin, isName, loginRule, nameRule } from '../../core/names.ts';
import { exportForGoogle } from '../../signing/keysets/jwks.ts';
import type { Arsia } from '../compose/compose.ts';

/** Commands for a person at the server: they open the same database and keys as the server, by the same settings. */
export interface Terminal {
  open(): Promise<Arsia>;
  /** Data, for pipes: a token alone, so that `TOKEN=$(arsia bootstrap …)` works. */
  write(text: string): void;
  /** Data of any length: no more is made than the reader takes. */
  send(parts: AsyncIterable<string>): Promise<void>;
  /** Talk, for people. */
  tell(text: string): void;
}

export function adminCommands(terminal: Terminal): Command[] {
  return [bootstrap(terminal), keys(terminal), migrate(terminal)];
}

function bootstrap(terminal: Terminal): Command {
  return new Command('bootstrap')
    .description('make an organisation with its first owner, and print one access token for that owner (1 h)')
    .requiredOption('--organization <name>', `its name: ${nameRule}`, named('--organization', isName, nameRule))
    .option('--login <login>', `the owner's login: ${loginRule}`, named('--login', isLogin, loginRule), 'owner')
    .addHelpText(
      'after',
      examples('arsia bootstrap --organization acme', 'arsia bootstrap --organization acme --login ada'),
    )
    .action((input: { organization: string; login: string }) =>
      during(terminal, async ({ operators, config }) => {
        const { organization, owner, token } = await operators.bootstrap(input);
        terminal.tell(
          lines(
            `organisation  ${organization.path} (${organization.id})`,
            `owner         ${owner.login} (${owner.id})`,
            `expires       ${token.expires_at.toISOString()}`,
            `try it        curl -H "Authorization: Bearer $TOKEN" ${config.issuer}/api/v1/groups`,
            `afterwards    arsia admin recover --organization ${organization.path} --login ${owner.login}`,
            'access token  (told once):',
          ),
        );
        terminal.write(lines(token.access_token));
      }),
    );
}

function keys(terminal: Terminal): Command {
  return new Command('keys')
    .description('the signing keys that clouds trust')
    .addCommand(
      new Command('list').description('every key with its state').action(() =>
        during(terminal, async ({ keyrings }) => {
          for (const keyring of Object.values(keyrings)) {
            terminal.write(`${keyring.keySet.name}: ${keyring.keySet.purpose}\n`);
            for (const key of keyring.current().keys) {
              const until = key.state === 'next' ? `  may sign from ${iso(computeActivationTime(key))}` : '';
              terminal.write(`  ${key.kid}  ${key.state.padEnd(8)}  published ${iso(key.published_at)}${until}\n`);
            }
          }
        }),
      ),
    )
    .addCommand(
      new Command('export')
        .description(
          'print the JWKS of the workload issuer without x5c, as Google takes it for an issuer out of its reach',
        )
        .addHelpText(
          'after',
          `${examples('arsia keys export > jwks.json')}\nGive the file to the provider by gcloud's --jwk-json-path, and a new one after each change of keys: a key is\npublished 25 h before it signs.\n`,
        )
        .action(() =>
          during(terminal, async ({ keyrings }) =>
            terminal.write(lines(exportForGoogle(keyrings.workload.current().jwks))),
          ),
        ),
    )
    .addCommand(
      new Command('rotate')
        .description('make the standby the signer, if it was published at least 25 h ago')
        .action(() => during(terminal, ({ keyrings }) => changed(terminal, keyrings.workload.rotate({ force: true })))),
    )
    .addCommand(
      new Command('revoke')
        .description('a key has leaked: it leaves the JWKS at once, and the standby signs in its place')
        .argument('<kid>', 'the key, as `arsia keys list` shows it')
        .addHelpText(
          'after',
          '\nClouds go on accepting the leaked key for as long as they cache the JWKS (Entra: up to 24 h).\nRemove the trust at the cloud as well.\n',
        )
        .action((kid: string) =>
          during(terminal, ({ keyrings }) => {
            const ring = Object.values(keyrings).find((one) => one.current().keys.some((key) => key.kid === kid));
            return changed(terminal, (ring ?? keyrings.workload).revoke(kid));
          }),
        ),
    );
}

function migrate(terminal: Terminal): Command {
  return new Command('migrate')
    .description('bring the database to the schema of this release; `serve` does it by itself')
    .action(() => during(terminal, async () => terminal.tell('The database has the schema of this release.\n')));
}

/** The work of one command on an Arsia of its own. */
export async function during(terminal: Terminal, work: (arsia: Arsia) => Promise<void>): Promise<void> {
  const arsia = await terminal.open();
  try {
    await work(arsia);
  } finally {
    await arsia.stop();
  }
}

async function changed(terminal: Terminal, changes: Promise<readonly object[]>): Promise<void> {
  for (const change of await changes) terminal.write(`${Object.values(change).join('  ')}\n`);
}

export function named(option: string, isValid: (text: string) => boolean, rule: string): (text: string) => string {
  return (text) => {
    if (!isValid(text)) throw new ArsiaError('invalid_request', `${option} must be ${rule}.`, { advice: '' });
    return text;
  };
}

export function examples(...commands: string[]): string {
  return `\nExamples:\n${commands.map((command) => `  ${command}`).join('\n')}\n`;
}

export function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
