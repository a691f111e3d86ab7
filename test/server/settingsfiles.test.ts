import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError, parseConfig } from '../../src/server/config/config.ts';
import { loadConfig, readSettingsFiles } from '../../src/server/config/files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arsia-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function file(content: string | Buffer, mode = 0o600): Promise<string> {
  const path = join(folder, randomBytes(4).toString('hex'));
  await writeFile(path, content, { mode });
  return path;
}

const faultsOf = (env: Record<string, string>): Promise<string[]> =>
  loadConfig(env).then(
    () => [],
    (thrown: unknown) => {
      if (!(thrown instanceof ConfigError)) throw thrown;
      return thrown.faults;
    },
  );

const signIn = { ARSIA_SIGN_IN_ISSUER: 'https://id.example', ARSIA_SIGN_IN_CLIENT_ID: 'a' };
const [one, two] = rootCertificates as [string, string];
const key = Buffer.alloc(32, 7).toString('base64');

describe('files that settings name', () => {
  test('are read unchanged when valid', async () => {
    const bundle = `# one\n${one}\n# two\r\n${two.replaceAll('\n', '\r\n')}\n`;
    const env = {
      ...signIn,
      ARSIA_SIGN_IN_CLIENT_SECRET_FILE: await file(' a secret \r\n'),
      ARSIA_SEALING_KEY_FILE: await file(`${key}\n`),
      ARSIA_EXTRA_CA_FILE: await file(bundle),
    };
    expect(await loadConfig(env)).toEqual(parseConfig(env));
    const files = await readSettingsFiles(parseConfig(env));
    expect(files).toMatchObject({ signInSecret: ' a secret ', extraCa: bundle });
    expect(files.sealingKey?.id).toMatch(/^file-/);
  });

  test('are all optional', async () => {
    expect(await faultsOf({})).toEqual([]);
    expect(await readSettingsFiles(parseConfig({}))).toEqual({
      sealingKey: undefined,
      signInSecret: undefined,
      extraCa: undefined,
    });
  });

  test('N60 report their faults with those of the other settings in one message', async () => {
    const env = {
      ARSIA_LISTEN: '8080',
      ARSIA_SEALING_KEY_FILE: join(folder, 'a'),
      ARSIA_SIGN_IN_CLIENT_SECRET_FILE: join(folder, 'b'),
      ARSIA_EXTRA_CA_FILE: join(folder, 'c'),
    };
    expect(await faultsOf(env)).toEqual([
      expect.stringMatching(/^ARSIA_LISTEN must be/),
      expect.stringMatching(/^ARSIA_SIGN_IN_ISSUER is missing/),
      expect.stringMatching(/^ARSIA_SIGN_IN_CLIENT_ID is missing/),
      expect.stringMatching(/^ARSIA_SEALING_KEY_FILE .*\/a cannot be read: it does not exist\. Mount it there/),
      expect.stringMatching(/^ARSIA_SIGN_IN_CLIENT_SECRET_FILE names .*\/b, which cannot be read: it does not exist\./),
      expect.stringMatching(/^ARSIA_EXTRA_CA_FILE names .*\/c, which cannot be read: it does not exist\. Mount it/),
    ]);
  });

  test('N60 report an empty name as one fault', async () => {
    expect(await faultsOf({ ARSIA_EXTRA_CA_FILE: '', ARSIA_SEALING_KEY_FILE: ' ' })).toEqual([
      'ARSIA_SEALING_KEY_FILE is empty',
      'ARSIA_EXTRA_CA_FILE is empty',
    ]);
  });

  const halved = (pem: string) => pem.slice(0, pem.length / 2);
  test.each<[string, string | Buffer, RegExp]>([
    ['a text', 'hunter2hunter2', /no certificate is in it: write each as PEM/],
    ['nothing', '', /no certificate is in it/],
    [
      'a private key',
      '-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----\n',
      /no certificate is in it/,
    ],
    ['a certificate as DER', Buffer.from(one.replace(/-----.*-----/g, ''), 'base64'), /no certificate is in it/],
    ['a certificate that breaks off', halved(one), /certificate 1 of 1 in it cannot be parsed: export it/],
    ['a second one that breaks off', `${one}\n${halved(two)}`, /certificate 2 of 2 in it cannot be parsed/],
    ['a first one that breaks off', `${halved(one)}\n${two}`, /certificate 1 of 2 in it cannot be parsed/],
    ['words in PEM', one.replace(/\n.+\n/, '\nhunter2hunter2\n'), /certificate 1 of 1 in it cannot be parsed/],
    ['far too much', Buffer.alloc(5_000_000, 'x'), /is larger than 4194304 bytes: name the right file/],
  ])('N60 authorities: %s is a fault', async (_what, content, fault) => {
    const path = await file(content);
    const faults = await faultsOf({ ARSIA_EXTRA_CA_FILE: path });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults[0]).toContain(`ARSIA_EXTRA_CA_FILE names ${path}, `);
    expect(faults[0]).not.toMatch(/hunter2|\n/);
  });

  test.each([
    ['nothing', ''],
    ['an empty line', '\r\n'],
    ['blanks', '  \n\n'],
  ])('N60 a client secret: %s is a fault', async (_what, content) => {
    const path = await file(content);
    expect(await faultsOf({ ...signIn, ARSIA_SIGN_IN_CLIENT_SECRET_FILE: path })).toEqual([
      `ARSIA_SIGN_IN_CLIENT_SECRET_FILE names ${path}, and that file is empty: write the secret into it`,
    ]);
  });

  test.each<[string, string, number, RegExp]>([
    ['of 16 bytes', Buffer.alloc(16, 7).toString('base64'), 0o600, /does not hold 32 bytes as base64/],
    ['in hex', Buffer.alloc(32, 7).toString('hex'), 0o600, /does not hold 32 bytes as base64/],
    ['that others read', key, 0o644, /has mode 0644: .+ Run `chmod 600 /],
    ['that is empty', '', 0o600, /is empty\. Restore it from its backup/],
  ])('N60 a sealing key %s is a fault', async (_what, content, mode, fault) => {
    const path = await file(content, mode);
    const faults = await faultsOf({ ARSIA_SEALING_KEY_FILE: path });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults[0]).toMatch(/^ARSIA_SEALING_KEY_FILE names no key that can be used\. The sealing key file /);
    expect(faults[0]).toContain(path);
    if (content !== '') expect(faults[0]).not.toContain(content.slice(0, 8));
  });

  test('N60 a folder and a pipe without a writer are faults, reported at once', async () => {
    const [directory, pipe] = [join(folder, 'directory'), join(folder, 'pipe')];
    await mkdir(directory);
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const path of [directory, pipe]) {
      const faults = await faultsOf({
        ...signIn,
        ARSIA_SEALING_KEY_FILE: path,
        ARSIA_SIGN_IN_CLIENT_SECRET_FILE: path,
        ARSIA_EXTRA_CA_FILE: path,
      });
      expect(faults).toEqual([
        expect.stringMatching(/^ARSIA_SEALING_KEY_FILE .* is not a file\./),
        `ARSIA_SIGN_IN_CLIENT_SECRET_FILE names ${path}, which is not a file: name one`,
        `ARSIA_EXTRA_CA_FILE names ${path}, which is not a file: name one`,
      ]);
    }
  });
});
