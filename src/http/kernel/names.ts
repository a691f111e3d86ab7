import { z } from 'zod';
import type { Call } from '../../services/pipeline/action.ts';
import { nameMark } from '../api/answers.ts';
import type { Api, Route } from '../route.ts';

type Members = Record<string, unknown>;

/** Members of an answer, or of the items of a list, that name the ids in other members: by name, the member with the ids. */
function findNameMembers(response: z.ZodType | undefined): [name: string, of: string][] {
  if (!(response instanceof z.ZodObject)) return [];
  const shape = response.shape as Record<string, z.ZodType>;
  const item = shape.items instanceof z.ZodArray ? (shape.items.element as z.ZodType) : undefined;
  if (item !== undefined) return findNameMembers(item);
  return Object.entries(shape).flatMap(([name, member]) => {
    const of = member.meta()?.[nameMark];
    return typeof of === 'string' ? [[name, of] as [string, string]] : [];
  });
}

const nameMembers = new WeakMap<Route, [name: string, of: string][]>();

function nameMembersOf(route: Route): [name: string, of: string][] {
  const found = nameMembers.get(route) ?? findNameMembers(route.response);
  nameMembers.set(route, found);
  return found;
}

/** Returns an answer with the logins, names and paths of the ids in it, as far as the caller may see them. */
export async function addNames(api: Api, call: Call, route: Route, result: unknown): Promise<unknown> {
  const members = nameMembersOf(route);
  if (members.length === 0 || typeof result !== 'object' || result === null) return result;
  const items = 'items' in result && Array.isArray(result.items) ? (result.items as Members[]) : undefined;
  const answers = items ?? [result as Members];
  const ids = new Set(answers.flatMap((one) => members.flatMap(([, of]) => idsIn(one[of]))));
  if (ids.size === 0) return result;
  const names = await readNames(api, call, route, [...ids]);
  const named = answers.map((one) => ({
    ...one,
    ...Object.fromEntries(members.map(([name, of]) => [name, nameOf(one[of], names)])),
  }));
  return items === undefined ? named[0] : { ...result, items: named };
}

/** A change has been made: its answer must not fail for lack of names. */
async function readNames({ pipeline, actions }: Api, call: Call, route: Route, ids: string[]) {
  const names = pipeline.perform(actions.names.list, { ...call, if_match: undefined }, { ids });
  return await (route.method === 'GET' ? names : names.catch((): ReadonlyMap<string, string> => new Map()));
}

function idsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function nameOf(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (!Array.isArray(value)) return names.get(String(value)) ?? null;
  return Object.fromEntries(value.flatMap((id) => (names.has(id) ? [[id, names.get(id)]] : [])));
}
