import { chmodSync, type Dirent, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const others = 0o077;
const writableByOthers = 0o022;
const sticky = 0o1000;

/**
 * Throws an Error with one line when others than the user of this process can put other files into `folder`: its group or
 * everybody may write to it, or it belongs to another user than this one and root. With `stickySuffices` a folder like
 * /tmp passes: nobody can replace a file of another user there, but anybody can make one before.
 *
 * The folders above are not looked at. Who may write to those can take this one away, but a folder put in its place would
 * belong to another user. Does nothing on Windows.
 */
export function refuseSharedFolder(folder: string, { stickySuffices = false } = {}): void {
  const user = process.getuid?.();
  if (user === undefined) return;
  const { mode, uid } = statSync(folder);
  if (uid !== user && uid !== 0)
    throw new Error(
      `The folder ${folder} belongs to the user with the id ${uid}, who can replace what is in it, and Arsia runs as ${user}. Run \`chown ${user} ${folder}\`.`,
    );
  if ((mode & writableByOthers) === 0 || (stickySuffices && (mode & sticky) !== 0)) return;
  throw new Error(
    `The folder ${folder} has mode 0${(mode & 0o7777).toString(8)}: others than its owner can replace what is in it. Run \`chmod 700 ${folder}\`, or name a new folder below it, which Arsia makes for its own user alone.`,
  );
}

/**
 * Gives a file or folder, and all below it, to its owner alone: 0600 and 0700. Follows no symbolic link. Throws an Error
 * with one line when a mode cannot be changed.
 */
export function makePrivate(path: string, entry: Pick<Dirent, 'isDirectory' | 'isFile'> = lstatSync(path)): void {
  if (!entry.isDirectory() && !entry.isFile()) return;
  if ((lstatSync(path).mode & others) !== 0) changeMode(path, entry.isDirectory() ? 0o700 : 0o600);
  if (!entry.isDirectory()) return;
  for (const below of readdirSync(path, { withFileTypes: true })) makePrivate(join(path, below.name), below);
}

function changeMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (cause) {
    throw new Error(`Others than its owner may open ${path}. Run \`chmod ${mode.toString(8)} ${path}\`.`, { cause });
  }
}
