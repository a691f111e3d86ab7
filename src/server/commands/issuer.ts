import { Command } from 'commander';
import { findIssuerFault, quoteUrl } from '../../core/issuerurl.ts';
import { examples, invalidOption, type Terminal, textLines, withArsia } from './terminal.ts';

interface Change {
  from: string;
  to: string;
  force?: boolean;
}

const example = 'arsia server issuer change --from https://arsia.example.com --to https://id.example.com';

export function issuerCommand(terminal: Terminal): Command {
  return new Command('issuer').description('change the issuer of the installation').addCommand(
    new Command('change')
      .description(
        'let servers start with another ARSIA_ISSUER; every trust document with the former one stops working',
      )
      .requiredOption('--from <issuer>', 'the issuer now', parserOf('--from'))
      .requiredOption('--to <issuer>', 'the issuer from now on', parserOf('--to'))
      .option('--force', 'change it although servers have the database open: each ends within 10 s')
      .addHelpText(
        'after',
        `${examples(example)}\nStop every server first, and start it with the new ARSIA_ISSUER. The command prints what has to be changed elsewhere.\n`,
      )
      .action(async ({ from, to, force = false }: Change) => {
        if (from === to) throw invalidOption('--to must be another issuer than --from.');
        await withArsia(
          terminal,
          async ({ installationIssuer }) => {
            const { identities } = await installationIssuer.change({ from, to, force });
            terminal.tell(textLines(...describeChange({ from, to }, identities)));
          },
          // The other commands open only with the stored issuer, whatever the environment says of the next start.
          { changed: { ARSIA_ISSUER: from } },
        );
      }),
  );
}

function parserOf(option: string): (text: string) => string {
  return (text) => {
    const fault = findIssuerFault(text);
    if (fault !== undefined) throw invalidOption(`${option} ${fault}; it is ${quoteUrl(text)}.`);
    return text;
  };
}

function describeChange({ from, to }: Change, identities: number): string[] {
  return [
    `The issuer is ${to} now. Start every server with ARSIA_ISSUER=${to}.`,
    '',
    'What does not work until it is changed elsewhere:',
    `- Every trust document that names ${from}, of ${identities} managed ${identities === 1 ? 'identity' : 'identities'}: clouds, Kubernetes and other relying parties`,
    '  refuse the new tokens. Paste the new documents (GET /api/v1/managed-identities/{id}/trust), and remove the old ones.',
    `- Sign-in: register the redirect URI ${to}/oauth2/callback at the provider.`,
    `- Clients that have the old URL: ARSIA_URL, client assertions for ${from}/oauth2, outside tokens for ${from}.`,
  ];
}
