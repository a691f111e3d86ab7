import { Command } from 'commander';
import { isLogin, isName, loginRule, nameRule } from '../../core/names.ts';
import type { Arsia } from '../compose/compose.ts';
import { examples, optionParser, type Terminal, textLines, withArsia } from './terminal.ts';

interface Input {
  organization: string;
  login: string;
}

export function bootstrapCommand(terminal: Terminal): Command {
  return new Command('bootstrap')
    .description('create an organisation with its first owner, and print one access token for that owner (1 h)')
    .requiredOption('--organization <name>', `its name: ${nameRule}`, optionParser('--organization', isName, nameRule))
    .option('--login <login>', `the owner's login: ${loginRule}`, optionParser('--login', isLogin, loginRule), 'owner')
    .addHelpText(
      'after',
      examples(
        'TOKEN=$(arsia server bootstrap --organization acme)',
        'arsia server bootstrap --organization acme --login ada',
      ),
    )
    .action((input: Input) => withArsia(terminal, (arsia) => bootstrap(terminal, arsia, input), { mayCreate: true }));
}

async function bootstrap(terminal: Terminal, { operators, config }: Arsia, input: Input): Promise<void> {
  const { organization, owner, token } = await operators.bootstrap(input);
  terminal.tell(
    textLines(
      `organisation  ${organization.path} (${organization.id})`,
      `owner         ${owner.login} (${owner.id})`,
      `expires       ${token.expires_at.toISOString()}`,
      `try it        curl -H "Authorization: Bearer $TOKEN" ${config.issuer}/api/v1/groups`,
      `new token     arsia server admin recover --organization ${organization.path} --login ${owner.login}`,
      'access token  (shown once):',
    ),
  );
  terminal.write(textLines(token.access_token));
}
