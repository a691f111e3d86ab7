import { Command } from 'commander';
import { examples, type Terminal, textLines, withArsia } from './terminal.ts';

export function audiencesCommand(terminal: Terminal): Command {
  return new Command('audiences').description('end the reservation of an audience').addCommand(
    new Command('free')
      .description('end the 30 days for which an audience stays reserved after its last managed identity was deleted')
      .argument('<audience>', 'the audience, such as https://api.example.com')
      .option('--for <organization>', 'reserve it for this organisation instead of opening it to all, for 30 days')
      .addHelpText(
        'after',
        `${examples('arsia server audiences free https://api.example.com --for acme')}\nTokens that were issued for this audience before expire within an hour.\n`,
      )
      .action((audience: string, { for: organization }: { for?: string }) =>
        withArsia(terminal, async ({ audiences }) => {
          await audiences.free({ audience, organization });
          terminal.tell(
            textLines(
              `${organization === undefined ? 'Every organisation' : `The organisation ${organization}`} may use ${audience} now.`,
            ),
          );
        }),
      ),
  );
}
