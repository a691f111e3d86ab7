import { X509Certificate } from 'node:crypto';
import type { KeyEncryptionKey } from '../../signing/sealing/sealing.ts';
import { explainFileError, openWithoutBlocking, readSealingKeyFile } from '../../signing/sealing/sealingkeyfile.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import type { Environment } from './setting.ts';

/** The contents of the files that settings name; undefined where no setting names one. */
export interface SettingsFiles {
  sealingKey: KeyEncryptionKey | undefined;
  signInSecret: string | undefined;
  /** PEM with at least one certificate; each of them can be parsed. */
  extraCa: string | undefined;
}

type Paths = Record<keyof SettingsFiles, string | undefined>;

/** Several times the size of a bundle of all public authorities. A larger file was named by mistake. */
const maximumBytes = 4 * 1024 * 1024;

/** Returns the settings after a check of the files that they name. Throws a ConfigError with the faults of both. */
export async function loadConfig(env: Environment): Promise<Config> {
  const { faults } = await readFiles({
    sealingKey: env.ARSIA_SEALING_KEY_FILE,
    signInSecret: env.ARSIA_SIGN_IN_CLIENT_SECRET_FILE,
    extraCa: env.ARSIA_EXTRA_CA_FILE,
  });
  try {
    const config = parseConfig(env);
    if (faults.length === 0) return config;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    faults.unshift(...thrown.faults);
  }
  throw new ConfigError(faults);
}

/** Throws a ConfigError with the faults of all files. */
export async function readSettingsFiles({ sealingKeyFile, signIn, extraCaFile }: Config): Promise<SettingsFiles> {
  const { faults, files } = await readFiles({
    sealingKey: sealingKeyFile,
    signInSecret: signIn?.clientSecretFile,
    extraCa: extraCaFile,
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return files;
}

async function readFiles(paths: Paths): Promise<{ faults: string[]; files: SettingsFiles }> {
  const faults: string[] = [];
  const read = async <Content>(variable: string, path: string | undefined, reader: Reader<Content>) => {
    // parseConfig reports an empty name.
    if (path === undefined || path.trim() === '') return undefined;
    try {
      return await reader(path);
    } catch (thrown) {
      faults.push(`${variable} ${(thrown as Error).message}`);
      return undefined;
    }
  };
  const files = {
    sealingKey: await read('ARSIA_SEALING_KEY_FILE', paths.sealingKey, readSealingKey),
    signInSecret: await read('ARSIA_SIGN_IN_CLIENT_SECRET_FILE', paths.signInSecret, readSecret),
    extraCa: await read('ARSIA_EXTRA_CA_FILE', paths.extraCa, readAuthorities),
  };
  return { faults, files };
}

/** Throws an Error whose message continues the name of the variable, says what to do, and repeats nothing of the content. */
type Reader<Content> = (path: string) => Promise<Content>;

async function readSealingKey(path: string): Promise<KeyEncryptionKey> {
  try {
    return await readSealingKeyFile(path);
  } catch (thrown) {
    throw new Error(`names no key that can be used. ${(thrown as Error).message}`, { cause: thrown });
  }
}

/** Returns the secret in a file without the line end that an editor adds. */
async function readSecret(path: string): Promise<string> {
  const secret = (await readText(path)).replace(/\r?\n$/, '');
  if (secret.trim() === '') throw new Error(`names ${path}, and that file is empty: write the secret into it`);
  return secret;
}

/** TLS ignores text that is no certificate, and damaged certificates, so the fault would show only when a cloud is refused. */
async function readAuthorities(path: string): Promise<string> {
  const text = await readText(path);
  const blocks = text
    .split(/(?=-----BEGIN )/)
    .filter((block) => /^-----BEGIN (?:[A-Z0-9]+ )?CERTIFICATE-----/.test(block));
  if (blocks.length === 0)
    throw new Error(
      `names ${path}, and no certificate is in it: write each as PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----`,
    );
  const damaged = blocks.findIndex((block) => !isCertificate(block));
  if (damaged !== -1)
    throw new Error(
      `names ${path}, and certificate ${damaged + 1} of ${blocks.length} in it cannot be parsed: export it as PEM again`,
    );
  return text;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

async function readText(path: string): Promise<string> {
  try {
    const file = await openWithoutBlocking(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new FileFault('is not a file: name one');
      if (stat.size > maximumBytes) throw new FileFault(`is larger than ${maximumBytes} bytes: name the right file`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof FileFault) throw new Error(`names ${path}, which ${thrown.message}`);
    throw new Error(
      `names ${path}, which cannot be read: ${explainFileError(thrown)}. Mount it there for the user that Arsia runs as, or correct the path`,
      { cause: thrown },
    );
  }
}

class FileFault extends Error {}
