import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { Log, Principals, SignInParts } from '../ports.ts';
import type { RequestContexts } from '../requestcontext.ts';
import { ownEndpoints } from '../routes.ts';

/** The parts that every step of a sign-in uses. */
export interface SignInContext {
  provider: Provider;
  /** The workload issuer. */
  issuer: string;
  authorizationIssuer: string;
  clock: Clock;
  log: Log;
  requestContexts: RequestContexts;
  artifacts: ArtifactStore;
  principals: Principals;
  signIn: SignInParts;
}

export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
type Result = Parameters<Provider['interactionResult']>[2];

/** Returns the interaction of the browser's cookie. Throws SessionNotFound when it is not the interaction `uid` of the URL. */
export async function findInteraction(
  { provider }: SignInContext,
  ctx: KoaContextWithOIDC,
  uid?: string,
): Promise<Interaction> {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res);
  if (uid !== undefined && interaction.uid !== uid) throw new errors.SessionNotFound('another interaction');
  return interaction;
}

export function formatInteractionUrl({ authorizationIssuer }: SignInContext, { uid }: Interaction): string {
  return `${authorizationIssuer}${ownEndpoints.interaction}/${uid}`;
}

/** Redirects to oidc-provider, which continues the request with the result. */
export async function finishInteraction(
  { provider }: SignInContext,
  ctx: KoaContextWithOIDC,
  result: Result,
): Promise<void> {
  redirectTo(ctx, await provider.interactionResult(ctx.req, ctx.res, result));
}

export function redirectTo(ctx: KoaContextWithOIDC, url: string): void {
  ctx.redirect(url);
  ctx.status = 303;
}

/** Bytes. The forms have two short fields. */
const maximumForm = 1024;

/** Reads the form of a request. Throws InvalidRequest when it is too large. */
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
