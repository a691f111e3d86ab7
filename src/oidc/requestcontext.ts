import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { RequestOrigin } from '../core/origin.ts';
import type { Route } from './routes.ts';

/** One request to the authorization server, from the moment that its route is known; oidc-provider's hooks note here. */
export interface Turn {
  origin: RequestOrigin;
  route: Route;
  /** What oidc-provider told about instead of answering by it. */
  thrown?: unknown;
  /** True when `thrown` has its audit event already. */
  isRecorded?: boolean;
  /** True when a page says it already, and is not to be replaced. */
  isShown?: boolean;
  /** Why a policy said no; the answer looks as if there were no such token. */
  denied?: string;
  /** The user who has let a device in, or has ended a session. */
  done_by?: string;
  /** The code that the link to the device page had in it. */
  user_code?: string;
}

export interface Turns {
  begin(request: IncomingMessage, turn: Turn): void;
  of(ctx: Pick<KoaContextWithOIDC, 'req'>): Turn;
}

export function createTurns(): Turns {
  const turns = new WeakMap<IncomingMessage, Turn>();
  return {
    begin: (request, turn) => void turns.set(request, turn),
    of: (ctx) => turns.get(ctx.req)!,
  };
}
