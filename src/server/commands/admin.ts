import { Command } from 'commander';
import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { isLogin, isName, nameRule } from '../../core/names.ts';
import { quotaCommand } from './quota.ts';
import { examples, invalidOption, optionParser, type Terminal, textLines, withArsia } from './terminal.ts';

const isLoginOrId = (text: string) => isLogin(text) || isId('user', text);
const loginOrIdRule = 'a login, or the id of a user (`usr_...`)';

const login = ['--login <login>', optionParser('--login', isLoginOrId, loginOrIdRule)] as const;
const organization = ['--organization <name>', optionParser('--organization', isName, nameRule)] as const;

interface UserOptions {
  login: string;
  organization?: string;
}

export function adminCommand(terminal: Terminal): Command {
  return new Command('admin')
    .description('let an owner in again, end a sign-in, make or dismiss operators, set quotas')
    .addCommand(link(terminal))
    .addCommand(dismiss(terminal))
    .addCommand(recover(terminal))
    .addCommand(detach(terminal))
    .addCommand(quotaCommand(terminal));
}

function link(terminal: Terminal): Command {
  return new Command('link')
    .description('print a one-time link (15 minutes) that makes the person who opens it an operator')
    .option(
      login[0],
      'login of an operator without an organisation, created if it does not exist; or the id of any user',
      login[1],
      'operator',
    )
    .option(organization[0], 'the organisation of the user whose login is given', organization[1])
    .addHelpText(
      'after',
      examples(
        'arsia server admin link',
        'arsia server admin link --login ada',
        'arsia server admin link --organization acme --login ada@acme.example',
      ),
    )
    .action((input: UserOptions) =>
      withArsia(
        terminal,
        async ({ operators, config }) => {
          const { token, expires_at, user } = await operators.link(input.login, input.organization);
          printLink(terminal, config.issuer, token, [
            `Open this once, before ${expires_at.toISOString()}; it makes you the operator ${user.login}.`,
          ]);
        },
        { mayCreate: true },
      ),
    );
}

function dismiss(terminal: Terminal): Command {
  return new Command('dismiss')
    .description('end the rights of an operator at once; links and tokens stop working')
    .requiredOption(login[0], 'login of an operator without an organisation, or the id of any operator', login[1])
    .option(organization[0], 'the organisation of the user whose login is given', organization[1])
    .addHelpText(
      'after',
      examples(
        'arsia server admin dismiss --login ada',
        'arsia server admin dismiss --organization acme --login ada@acme.example',
      ),
    )
    .action((input: UserOptions) =>
      withArsia(terminal, async ({ operators }) => {
        const user = await operators.dismiss(input.login, input.organization);
        terminal.tell(textLines(`${user.login} (${user.id}) is no longer an operator.`));
      }),
    );
}

function recover(terminal: Terminal): Command {
  return new Command('recover')
    .description('print a one-time link (15 minutes) that lets an owner of an organisation in; its audit records it')
    .requiredOption(organization[0], `the organisation: ${nameRule}`, organization[1])
    .option(
      login[0],
      `the owner: ${loginOrIdRule}; required if there are several. If no owner is active, this user becomes one`,
      login[1],
    )
    .addHelpText(
      'after',
      examples(
        'LINK=$(arsia server admin recover --organization acme)',
        'arsia server admin recover --organization acme --login ada',
      ),
    )
    .action((input: { organization: string; login?: string }) =>
      withArsia(terminal, async ({ operators, config }) => {
        const { token, expires_at, user, organization, isAppointed } = await operators.recover({
          organization: input.organization,
          owner: input.login,
        });
        printLink(terminal, config.issuer, token, [
          ...(isAppointed ? [`${user.login} (${user.id}) is an owner of ${organization.path} now.`] : []),
          `Open this once, before ${expires_at.toISOString()}; it lets you in as ${user.login}, an owner of ${organization.path}.`,
        ]);
      }),
    );
}

function detach(terminal: Terminal): Command {
  return new Command('detach')
    .description('end the sign-in of one user, or of every user of one person')
    .option(login[0], 'the id of the user, or the login with --organization', login[1])
    .option(organization[0], 'the organisation of the user whose login is given', organization[1])
    .option('--iss <issuer>', 'issuer of the identity provider of the person, with --sub')
    .option('--sub <subject>', 'subject of the person at that issuer, with --iss')
    .addHelpText(
      'after',
      examples(
        'arsia server admin detach --login usr_01jznk00000000000000000000',
        'arsia server admin detach --iss https://login.example.com --sub 248289761001',
      ),
    )
    .action((input: Partial<UserOptions> & { iss?: string; sub?: string }) =>
      withArsia(terminal, async ({ operators }) => {
        const { login: user, organization: of, iss, sub } = input;
        const isPerson = iss !== undefined && sub !== undefined;
        if ((user === undefined) !== isPerson || (iss === undefined) !== (sub === undefined))
          throw invalidOption('Name a user with --login, or a person with --iss and --sub.');
        const users = await operators.detach(
          user === undefined ? { iss: iss!, sub: sub! } : { login: user, organization: of },
        );
        if (users.length === 0)
          throw new ArsiaError('not_found', `No user signs in as the subject ${JSON.stringify(sub)} of ${iss}.`, {
            advice: 'Compare both with `iss` and `sub` in an ID token of the identity provider, byte for byte.',
          });
        for (const { id } of users) terminal.tell(textLines(`Sign-in as ${id} has ended.`));
      }),
    );
}

/** Prints only the link to stdout, so that a script can read it. */
function printLink(terminal: Terminal, issuer: string, token: string, messages: string[]): void {
  terminal.tell(
    textLines(
      ...messages,
      'Without a browser, put the link into LINK and post what follows its #:',
      `  curl -s -H 'Content-Type: application/json' -d "{\\"token\\":\\"\${LINK#*#}\\"}" ${issuer}/api/v1/admin-links/redeem`,
    ),
  );
  terminal.write(textLines(`${issuer}/link#${token}`));
}
