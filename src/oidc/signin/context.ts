import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { Log, Principals, SignInParts } from '../ports.ts';
import type { Turns } from '../requestcontext.ts';
import { ownEndpoints } from '../routes.ts';

/** What every step of a sign-in works with. */
export interface Desk {
  provider: Provider;
  /** The workload issuer. */
  issuer: string;
  authorizationIssuer: string;
  clock: Clock;
  log: Log;
  turns: Turns;
  artifacts: ArtifactStore;
  principals: Principals;
  signIn: SignInParts;
}

export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
type Result = Parameters<Provider['interactionResult']>[2];

/** The interaction of this browser, by its cookie; `uid` is the one that the address names. */
export async function interactionOf({ provider }: Desk, ctx: KoaContextWithOIDC, uid?: string): Promise<Interaction> {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  if (uid !== undefined && interaction.uid !== uid) throw new errors.SessionNotFound('another interaction');
  return interaction;
}

export function addressOf({ authorizationIssuer }: Desk, { uid }: Interaction): string {
  return `${authorizationIssuer}${ownEndpoints.interaction}/${uid}`;
}

/** Back to oidc-provider, which goes on with the request from where it stopped. */
export async function finish({ provider }: Desk, ctx: KoaContextWithOIDC, result: Result): Promise<void> {
  sendTo(ctx, await provider.interactionResult(ctx.req, ctx.res, result));
}

export function sendTo(ctx: KoaContextWithOIDC, url: string): void {
  ctx.redirect(url);
  ctx.status = 303;
}

/** Bytes: two words fit many times. */
const maximumForm = 1024;

export async function readForm(ctx: KoaContextWithOIDC): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumForm) throw new errors.InvalidRequest('the form is too large', 413);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
