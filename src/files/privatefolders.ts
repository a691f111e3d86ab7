import { chmodSync, type Dirent, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const others = 0o077;
const writableByOthers = 0o022;
const sticky = 0o1000;

/**
 * Throws an Error with one line when another user can replace files in `folder`: group or others may write to it, or its owner
 * is neither the user of this process nor root. With `stickySuffices` a folder with the sticky bit such as /tmp passes: other
 * users cannot replace a file there, but they can create it first.
 *
 * Parent folders are not checked: a user who may write to one can move this folder away, but a new folder in its place would
 * belong to that user. Does nothing on Windows.
 */
export function refuseSharedFolder(folder: string, { stickySuffices = false } = {}): void {
  const user = process.getuid?.();
  if (user === undefined) return;
  const { mode, uid } = statSync(folder);
  if (uid !== user && uid !== 0)
    throw new Error(
      `The folder ${folder} belongs to the user with id ${uid}, who can replace its files, and Arsia runs as user ${user}. Run \`chown ${user} ${folder}\`.`,
    );
  if ((mode & writableByOthers) === 0 || (stickySuffices && (mode & sticky) !== 0)) return;
  throw new Error(
    `The folder ${folder} has mode 0${(mode & 0o7777).toString(8)}: users other than its owner can replace its files. Run \`chmod 700 ${folder}\`, or set a new folder below it, which Arsia creates with mode 0700.`,
  );
}

/**
 * Removes the permissions of group and others from a file or folder and everything below it: modes 0600 and 0700. Does not
 * follow symbolic links. Throws an Error with one line when a mode cannot be changed.
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
    throw new Error(
      `Users other than the owner may open ${path}, and its mode cannot be changed. Run \`chmod ${mode.toString(8)} ${path}\`.`,
      { cause },
    );
  }
}
