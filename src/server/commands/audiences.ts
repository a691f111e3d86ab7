import { Command } from 'commander';
import { during, type Terminal } from './admin.ts';

/** The audiences that organisations have claims on, for a person at the server. */
export function audiencesCommand(terminal: Terminal): Command {
  return new Command('audiences').description('the audiences that organisations have claims on').addCommand(
    new Command('free')
      .description('end the 30 days for which an audience stays reserved after its last managed identity was deleted')
      .argument('<audience>', 'the audience, such as https://api.example.com')
      .option('--for <organization>', 'reserve it for this organisation instead of opening it to all, for 30 days')
      .addHelpText(
        'after',
        '\nExamples:\n  arsia audiences free https://api.example.com --for acme\n\nTokens for this audience that were issued before live for at most an hour.\n',
      )
      .action((audience: string, { for: organization }: { for?: string }) =>
        during(terminal, async ({ audiences }) => {
          await audiences.free({ audience, organization });
          terminal.tell(
            `${organization === undefined ? 'Every organisation' : `The organisation ${organization}`} may use ${audience} now.\n`,
          );
        }),
      ),
  );
}
