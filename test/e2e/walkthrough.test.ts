import { expect, test } from '@jest/globals';
import { freePort } from '../support/arsia.ts';
import { createShell, type Step, stepsOf } from '../support/blocks.ts';
import { createBrowser, hiddenOf, type Visit } from '../support/browser.ts';
import { choose } from '../support/people.ts';

/** Does what docs/walkthrough.md says: pastes its blocks into one shell, opens its address in a browser, compares what is printed. */

const page = 'docs/walkthrough.md';
const steps = stepsOf(page);

test(`${page}: bootstrap, lose the token, get back in, create people, sign in, start jobs, find out why one was refused`, async () => {
  const [arsia, provider] = [`127.0.0.1:${await freePort()}`, `localhost:${await freePort()}`];
  const own = (text: string) => text.replaceAll('127.0.0.1:8080', arsia).replaceAll('localhost:9000', provider);
  const { open } = await createShell();
  const terminal = open({ npm_config_update_notifier: 'false' });
  let signedIn = 0;
  for (const { commands, shown } of steps) {
    const printed = await terminal.paste(own(commands));
    expectShown({ commands, shown: shown.map((one) => ({ ...one, line: own(one.line) })) }, printed);
    const address = printed.find((line) => line.includes('/oauth2/device?user_code='));
    if (address === undefined) continue;
    await signInBob(address);
    signedIn++;
  }
  expect(signedIn).toBe(1);
}, 120_000);

/** Expects the lines that the page shows, in their order. `…` stands for any text. All lines that are JSON are shown. */
function expectShown({ commands, shown }: Step, printed: string[]): void {
  const texts = shown.filter(({ language }) => language === 'text');
  const rest = [...printed];
  const isNext = ({ line }: { line: string }) => {
    while (rest.length > 0) if (patternOf(line).test(rest.shift()!)) return true;
    return false;
  };
  expect({ commands, printed, missing: texts.filter((text) => !isNext(text)) }).toEqual({
    commands,
    printed,
    missing: [],
  });
  const values = printed.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const wanted = shown.filter(({ language }) => language === 'json').map(({ line }) => JSON.parse(line, anyText));
  expect([commands, ...values]).toMatchObject([commands, ...wanted]);
}

const patternOf = (line: string) =>
  new RegExp(
    `^${line
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+')}$`,
  );
const anyText = (_name: string, value: unknown) =>
  typeof value === 'string' && value.includes('…') ? expect.stringMatching(patternOf(value)) : value;

/** What a person clicks, by step 6 of the page. */
async function signInBob(address: string): Promise<void> {
  const browser = createBrowser();
  const submit = (from: Visit, form: Record<string, string>) =>
    browser.submit(new URL(/<form[^>]* action="([^"]*)"/.exec(from.text)![1]!, from.url).href, {
      ...hiddenOf(from),
      ...form,
    });
  const typed = await browser.open(address);
  const code = new URL(address).searchParams.get('user_code')!;
  const confirmed = await submit(typed, { user_code: code });
  expect(confirmed.text).toContain(`<code>${code}</code>`);
  const login = await submit(confirmed, { confirm: 'yes' });
  const consent = await submit(login, { login: 'bob', password: 'any' });
  const choices = await submit(consent, {});
  expect(choices.text).toContain('Where do you want to sign in?');
  const done = await choose(browser, choices, 'Become bob@acme.example in acme');
  expect(done.text).toContain('Your device is connected');
}
