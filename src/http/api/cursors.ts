import { type IdKind, isId, kindOfId } from '../../core/ids.ts';

/** A cursor is where the page before ended: every query filters by what the caller may see, whatever it holds. */
export function encodeCursor(id: string): string {
  return Buffer.from(`after:${id}`).toString('base64url');
}

/** The id in a cursor of a list of `kind`; undefined for any other text. */
export function decodeCursor(cursor: string, kind: IdKind | undefined): string | undefined {
  const id = /^after:(\w+)$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1] ?? '';
  const isRight = kind === undefined ? kindOfId(id) !== undefined : isId(kind, id);
  return isRight && encodeCursor(id) === cursor ? id : undefined;
}
