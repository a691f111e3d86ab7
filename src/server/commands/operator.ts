import { Command } from 'commander';
import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { isLogin, isName, nameRule } from '../../core/names.ts';
import { during, examples, lines, named, type Terminal } from './admin.ts';
import { quotaCommand } from './quota.ts';

const isLoginOrId = (text: string) => isLogin(text) || isId('user', text);
const loginOrIdRule = 'a login, or the id of a user (`usr_...`)';

const login = ['--login <login>', named('--login', isLoginOrId, loginOrIdRule)] as const;
const organization = ['--organization <name>', named('--organization', isName, nameRule)] as const;

interface Named {
  login: string;
  organization?: string;
}

/** `arsia admin`: operators of the installation, owners who cannot get in, people who were taken over. */
export function operatorCommand(terminal: Terminal): Command {
  return new Command('admin')
    .description('operators of the installation, and repairs for owners and people')
    .addCommand(link(terminal))
    .addCommand(dismiss(terminal))
    .addCommand(recover(terminal))
    .addCommand(detach(terminal))
    .addCommand(quotaCommand(terminal));
}

function link(terminal: Terminal): Command {
  return new Command('link')
    .description('print a one-time link (15 minutes) that makes whoever opens it an operator')
    .option(
      login[0],
      'the login of an operator without an organisation, who is created where there is none; or the id of any user',
      login[1],
      'operator',
    )
    .option(organization[0], 'the login is that of a user of this organisation', organization[1])
    .addHelpText(
      'after',
      examples(
        'arsia admin link',
        'arsia admin link --login ada',
        'arsia admin link --organization acme --login ada@acme.example',
      ),
    )
    .action((input: Named) =>
      during(terminal, async ({ operators, config }) => {
        const { token, expires_at, user } = await operators.link(input.login, input.organization);
        tellLink(terminal, config.issuer, token, [
          `Open this once, before ${expires_at.toISOString()}; it makes you the operator ${user.login}.`,
        ]);
      }),
    );
}

function dismiss(terminal: Terminal): Command {
  return new Command('dismiss')
    .description('take the right of an operator away at once; their links and tokens stop working')
    .requiredOption(login[0], 'the login of an operator without an organisation; or the id of any operator', login[1])
    .option(organization[0], 'the login is that of a user of this organisation', organization[1])
    .addHelpText(
      'after',
      examples('arsia admin dismiss --login ada', 'arsia admin dismiss --organization acme --login ada@acme.example'),
    )
    .action((input: Named) =>
      during(terminal, async ({ operators }) => {
        const user = await operators.dismiss(input.login, input.organization);
        terminal.tell(lines(`${user.login} (${user.id}) is no operator any more.`));
      }),
    );
}

function recover(terminal: Terminal): Command {
  return new Command('recover')
    .description('print a one-time link (15 minutes) that lets an owner of an organisation in, recorded in its audit')
    .requiredOption(organization[0], `the organisation: ${nameRule}`, organization[1])
    .option(
      login[0],
      `the owner: ${loginOrIdRule}; needed where there are several. Where no owner is active, this user becomes one`,
      login[1],
    )
    .addHelpText(
      'after',
      examples('arsia admin recover --organization acme', 'arsia admin recover --organization acme --login ada'),
    )
    .action((input: { organization: string; login?: string }) =>
      during(terminal, async ({ operators, config }) => {
        const { token, expires_at, user, organization, isAppointed } = await operators.recover({
          organization: input.organization,
          owner: input.login,
        });
        tellLink(terminal, config.issuer, token, [
          ...(isAppointed ? [`${user.login} (${user.id}) is an owner of ${organization.path} now.`] : []),
          `Open this once, before ${expires_at.toISOString()}; it lets you in as ${user.login}, an owner of ${organization.path}.`,
        ]);
      }),
    );
}

function detach(terminal: Terminal): Command {
  return new Command('detach')
    .description('end the sign-in of a user, or of all users of a person, for people whom an organisation took over')
    .option(login[0], 'the id of the user, or the login with --organization', login[1])
    .option(organization[0], 'the login is that of a user of this organisation', organization[1])
    .option('--iss <issuer>', 'the person: the issuer of the identity provider, with --sub')
    .option('--sub <subject>', 'the subject that the identity provider gives the person, with --iss')
    .addHelpText(
      'after',
      examples(
        'arsia admin detach --login usr_01jznk00000000000000000000',
        'arsia admin detach --iss https://login.example.com --sub 248289761001',
      ),
    )
    .action((input: Partial<Named> & { iss?: string; sub?: string }) =>
      during(terminal, async ({ operators }) => {
        const { login: user, organization: of, iss, sub } = input;
        const isPerson = iss !== undefined && sub !== undefined;
        if ((user === undefined) !== isPerson || (iss === undefined) !== (sub === undefined))
          throw new ArsiaError('invalid_request', 'Name a user with --login, or a person with --iss and --sub.', {
            advice: '',
          });
        const users = await operators.detach(
          user === undefined ? { iss: iss!, sub: sub! } : { login: user, organization: of },
        );
        if (users.length === 0)
          throw new ArsiaError(
            'not_found',
            `Nobody of ${iss} with the subject ${JSON.stringify(sub)} is a user here.`,
            {
              advice: 'Compare both with what the identity provider says, byte for byte.',
            },
          );
        for (const { id } of users) terminal.tell(lines(`Nobody signs in as ${id} any more.`));
      }),
    );
}

/** The link alone goes to stdout. */
function tellLink(terminal: Terminal, issuer: string, token: string, told: string[]): void {
  const [prefix] = /^arsia_[a-z]+_/.exec(token)!;
  terminal.tell(
    lines(
      ...told,
      'Without a browser, post what follows the # instead:',
      `  curl -H 'content-type: application/json' -d '{"token":"${prefix}..."}' ${issuer}/api/v1/admin-links/redeem`,
    ),
  );
  terminal.write(lines(`${issuer}/link#${token}`));
}
