import { Command } from 'commander';
import { computeActivationTime } from '../../core/keystates.ts';
import { examples, type Terminal, textLines, withArsia } from './terminal.ts';

export function keysCommand(terminal: Terminal): Command {
  return new Command('keys')
    .description('list, export, rotate or revoke the signing keys')
    .addCommand(list(terminal))
    .addCommand(exportKeys(terminal))
    .addCommand(rotate(terminal))
    .addCommand(revoke(terminal));
}

function list(terminal: Terminal): Command {
  return new Command('list').description('list every key with its state').action(() =>
    withArsia(terminal, async ({ keyrings }) => {
      for (const keyring of Object.values(keyrings)) {
        terminal.write(`${keyring.keySet.name}: ${keyring.keySet.purpose}\n`);
        for (const key of keyring.current().keys) {
          const until = key.state === 'next' ? `  may sign from ${iso(computeActivationTime(key))}` : '';
          terminal.write(`  ${key.kid}  ${key.state.padEnd(8)}  published ${iso(key.published_at)}${until}\n`);
        }
      }
    }),
  );
}

function exportKeys(terminal: Terminal): Command {
  return new Command('export')
    .description('print the JWKS of the workload issuer without x5c, for an issuer that Google cannot reach')
    .addHelpText(
      'after',
      `${examples('arsia server keys export > jwks.json')}\nUpload the file with gcloud's --jwk-json-path, and a new one after each change of keys: a key is published 25 h\nbefore it signs.\n`,
    )
    .action(() =>
      withArsia(terminal, async ({ keyrings }) => {
        const { exportForGoogle } = await import('../../signing/keysets/jwks.ts');
        terminal.write(textLines(exportForGoogle(keyrings.workload.current().jwks)));
      }),
    );
}

function rotate(terminal: Terminal): Command {
  return new Command('rotate')
    .description('make the standby key the signer, if it was published at least 25 h ago')
    .action(() =>
      withArsia(terminal, ({ keyrings }) => printChanges(terminal, keyrings.workload.rotate({ force: true }))),
    );
}

function revoke(terminal: Terminal): Command {
  return new Command('revoke')
    .description('remove a leaked key from the JWKS at once; the standby signs in its place')
    .argument('<kid>', 'the key, as `arsia server keys list` shows it')
    .addHelpText(
      'after',
      '\nClouds accept the leaked key for as long as they cache the JWKS (Entra: up to 24 h).\nRemove the trust at the cloud as well.\n',
    )
    .action((kid: string) =>
      withArsia(terminal, ({ keyrings }) => {
        const ring = Object.values(keyrings).find((one) => one.current().keys.some((key) => key.kid === kid));
        return printChanges(terminal, (ring ?? keyrings.workload).revoke(kid));
      }),
    );
}

async function printChanges(terminal: Terminal, changes: Promise<readonly object[]>): Promise<void> {
  for (const change of await changes) terminal.write(`${Object.values(change).join('  ')}\n`);
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
