import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Clock } from '../../clock.ts';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { refusalOf } from '../errors.ts';
import { showRefusal, type Way } from '../pages/refusal.ts';
import { showLocalConfirmation } from '../pages/session.ts';
import type { Log, Principals, SignInParts } from '../ports.ts';
import { ownEndpoints } from '../routes.ts';
import type { Turns } from '../turn.ts';
import { confirmPrompt } from './policy.ts';
import { requestsOf } from './requests.ts';
import { endOtherSession } from './sessions.ts';
import { isForeign } from './xsrf.ts';

export interface InteractionParts {
  issuer: string;
  authorizationIssuer: string;
  clock: Clock;
  log: Log;
  turns: Turns;
  artifacts: ArtifactStore;
  principals: Principals;
  signIn: SignInParts;
}

type Middleware = (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void>;
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/**
 * Between a request that needs a person and its answer: off to the identity provider and back, or a question on the way.
 * Whoever has not the cookie of an interaction has no part in it, whatever they know (threats.md N17, N49).
 */
export function createInteractions(provider: Provider, parts: InteractionParts): Middleware {
  const { issuer, authorizationIssuer, log, turns, principals, signIn } = parts;
  const { upstream, people } = signIn;
  const requests = requestsOf(parts);
  const urlOf = ({ uid }: Interaction) => `${authorizationIssuer}${ownEndpoints.interaction}/${uid}`;

  /** The interaction of this browser; `uid` is the one that the address names. */
  async function interactionOf(ctx: KoaContextWithOIDC, uid?: string): Promise<Interaction> {
    const interaction = await provider.interactionDetails(ctx.req, ctx.res);
    if (uid !== undefined && interaction.uid !== uid) throw new errors.SessionNotFound('another interaction');
    return interaction;
  }

  async function begin(ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
    const { prompt, params, uid } = interaction;
    if (prompt.name === confirmPrompt) return await ask(ctx, interaction);
    // The client wants the person themselves, not a session that still stands at the identity provider.
    const isFresh = prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age');
    const { url, ...request } = await upstream.begin({ isFresh: isFresh || params.prompt === 'login' });
    await requests.save({ ...request, interaction: uid });
    ctx.status = 303;
    ctx.redirect(url);
  }

  async function ask(ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
    const { session, params } = interaction;
    const client = await provider.Client.find(String(params.client_id));
    showLocalConfirmation(ctx, {
      action: urlOf(interaction),
      client: client?.clientName ?? 'A program',
      login: (session && (await principals.login(session.accountId))) ?? 'you',
      destination: new URL(String(params.redirect_uri)).host,
    });
  }

  async function answer(ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
    if (interaction.prompt.name !== confirmPrompt) throw new errors.SessionNotFound('nothing was asked');
    const isConfirmed = (await formOf(ctx)).get('confirm') === 'yes';
    await finish(
      ctx,
      isConfirmed
        ? { [confirmPrompt]: true }
        : { error: 'access_denied', error_description: 'the person refused to sign in on this computer' },
    );
  }

  async function comeBack(ctx: KoaContextWithOIDC): Promise<void> {
    const interaction = await interactionOf(ctx);
    const parameters = new URLSearchParams(ctx.querystring);
    const request = await requests.take(parameters.getAll('state'), interaction.uid);
    let accountId: string;
    try {
      const person = await upstream.finish(parameters, request);
      turns.of(ctx).isRecorded = true;
      ({ id: accountId } = await people.signIn(person, turns.of(ctx).request_id));
    } catch (thrown) {
      return await refuse(ctx, thrown, await waysOn(interaction, thrown));
    }
    await endOtherSession(provider, parts.artifacts, ctx, interaction, accountId);
    await finish(ctx, { login: { accountId, remember: true } });
  }

  async function finish(ctx: KoaContextWithOIDC, result: Parameters<Provider['interactionResult']>[2]): Promise<void> {
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
    ctx.status = 303;
  }

  /** Where somebody can go who was refused at the identity provider. A waiting device is told at once. */
  async function waysOn(interaction: Interaction, thrown: unknown): Promise<Way[]> {
    const again = { text: 'Sign in again', href: urlOf(interaction) };
    if (asArsiaError(thrown).row.status >= 500) return [again];
    const denied = { error: 'access_denied', error_description: 'the sign-in was refused' };
    if (interaction.deviceCode !== undefined) {
      const code = await provider.DeviceCode.find(interaction.deviceCode);
      if (code !== undefined) {
        Object.assign(code, { error: denied.error, errorDescription: denied.error_description });
        await code.save();
      }
      return [];
    }
    interaction.result = denied;
    await interaction.persist();
    return [again, { text: 'Back to where you came from', href: interaction.returnTo }];
  }

  async function refuse(ctx: KoaContextWithOIDC, thrown: unknown, ways: Way[] = []): Promise<void> {
    const turn = turns.of(ctx);
    const { request_id } = turn;
    const failure = turn.isRecorded === true ? undefined : await record(thrown, request_id);
    const refusal = refusalOf(failure ?? thrown);
    const facts = { request_id, path: turn.route.path, error: refusal.error, reason: refusal.reason };
    if (refusal.outcome === 'refused') log.info(facts, 'authorization server refused');
    else log.error({ ...facts, err: failure ?? thrown }, 'authorization server failed');
    showRefusal(ctx, refusal, request_id, failure === undefined ? ways : []);
  }

  /** Undefined when the refusal is on record; what to answer instead when it cannot be. */
  async function record(thrown: unknown, request_id: string): Promise<unknown> {
    const { code, reason } = refusalOf(thrown);
    // A database that is away cannot keep a record, and nothing was decided that needs one.
    if (code === 'unavailable') return undefined;
    return await people.refuse(new ArsiaError(code, reason), request_id).then(
      () => undefined,
      (cause: unknown) => cause,
    );
  }

  const ways: Record<string, (ctx: KoaContextWithOIDC) => Promise<void>> = {
    [`GET ${ownEndpoints.callback}`]: comeBack,
    [`GET ${ownEndpoints.interaction}`]: async (ctx) => await begin(ctx, await interactionOf(ctx, uidOf(ctx.path))),
    async [`POST ${ownEndpoints.interaction}`](ctx) {
      if (isForeign(ctx, issuer))
        throw new errors.InvalidRequest('this form was sent by the page of another site', 403);
      await answer(ctx, await interactionOf(ctx, uidOf(ctx.path)));
    },
  };

  return async (ctx, next) => {
    const way = ways[`${ctx.method} /${ctx.path.split('/')[1]}`];
    if (way === undefined) return await next();
    await way(ctx).catch((thrown: unknown) => refuse(ctx, thrown));
    ctx.set('Cache-Control', 'no-store');
  };
}

function uidOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Bytes: two words fit many times. */
const maximumForm = 1024;

async function formOf(ctx: KoaContextWithOIDC): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += (chunk as Buffer).length;
    if (size > maximumForm) throw new ArsiaError('body_too_large', `The form is over ${maximumForm} bytes.`);
    chunks.push(chunk as Buffer);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
