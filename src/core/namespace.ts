import { isName } from './names.ts';

/** The deepest namespace: a root group has depth 1. */
export const maximumDepth = 20;

/** Splits `acme/research/sim` into names. Returns undefined when a part is not a name or the path is too deep. */
export function parsePath(path: string): string[] | undefined {
  const names = path.split('/');
  return names.length <= maximumDepth + 1 && names.every(isName) ? names : undefined;
}

export function childPath(parent: string | undefined, name: string): string {
  return parent === undefined ? name : `${parent}/${name}`;
}

/** Returns the path of the group above, or undefined for a root group. */
export function parentPath(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? undefined : path.slice(0, slash);
}

/** Returns the last name of a path. */
export function leafName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Returns the first name of a path: the name of the organisation, its root group. */
export function rootName(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}
