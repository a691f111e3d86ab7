import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError } from '../../core/errors.ts';
import { ownEndpoints } from '../routes.ts';
import { handleChoice, otherPersonQuery, showChoicePage, signInOrAsk } from './choice.ts';
import { handleConfirmation, showConfirmationPage } from './confirmation.ts';
import { findInteraction, formatInteractionUrl, type Interaction, redirectTo, type SignInContext } from './context.ts';
import { openLink } from './link.ts';
import { confirmPrompt } from './policy.ts';
import { createPageLinks, refuse } from './refusals.ts';
import { createUpstreamRequestStore } from './upstreamrequests.ts';
import { isCrossSite } from './xsrf.ts';

type Step = (context: SignInContext, ctx: KoaContextWithOIDC) => Promise<void>;

/**
 * The steps between an authorization request and its response: redirect to the identity provider, callback, and the pages in
 * between. Each step requires the cookie of its interaction; knowledge of the URL is not enough (threats.md N17, N49).
 */
const steps: Readonly<Record<string, Step>> = {
  async [`GET ${ownEndpoints.interaction}`](context, ctx) {
    const interaction = await findInteraction(context, ctx, parseUid(ctx.path));
    if (interaction.prompt.name === confirmPrompt) return await showConfirmationPage(context, ctx, interaction);
    try {
      if (await showChoicePage(context, ctx, interaction)) return;
    } catch (thrown) {
      return await refuse(context, ctx, thrown, await createPageLinks(context, interaction, thrown));
    }
    await redirectToProvider(context, ctx, interaction);
  },
  async [`POST ${ownEndpoints.interaction}`](context, ctx) {
    const interaction = await findInteraction(context, ctx, parseUid(ctx.path));
    if (interaction.prompt.name === confirmPrompt) return await handleConfirmation(context, ctx, interaction);
    try {
      await handleChoice(context, ctx, interaction);
    } catch (thrown) {
      const again = { text: 'See what you can choose now', href: formatInteractionUrl(context, interaction) };
      await refuse(context, ctx, thrown, thrown instanceof ArsiaError ? [again] : []);
    }
  },
  [`GET ${ownEndpoints.callback}`]: handleCallback,
  [`POST ${ownEndpoints.link}`]: openLink,
};

/** Creates the middleware of the sign-in steps. */
export function createInteractions(context: SignInContext) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const step = steps[`${ctx.method} /${ctx.path.split('/')[1]}`];
    if (step === undefined) return await next();
    try {
      if (ctx.method === 'POST' && isCrossSite(ctx, context.issuer))
        throw new errors.InvalidRequest('this form was sent by a page of another site', 403);
      await step(context, ctx);
    } catch (thrown) {
      await refuse(context, ctx, thrown);
    }
    ctx.set('Cache-Control', 'no-store');
  };
}

async function redirectToProvider(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  { prompt, uid }: Interaction,
): Promise<void> {
  // The client asked for a new authentication, so that a session at the identity provider is not enough.
  const isFresh =
    ctx.querystring === otherPersonQuery ||
    prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age');
  const { url, ...request } = await context.signIn.upstream.begin({ isFresh });
  await createUpstreamRequestStore(context).save({ ...request, interaction: uid });
  redirectTo(ctx, url);
}

async function handleCallback(context: SignInContext, ctx: KoaContextWithOIDC): Promise<void> {
  const requestContext = context.requestContexts.get(ctx);
  const interaction = await findInteraction(context, ctx);
  const parameters = new URLSearchParams(ctx.querystring);
  const request = await createUpstreamRequestStore(context).take(parameters.getAll('state'), interaction.uid);
  try {
    const person = await context.signIn.upstream.finish(parameters, request);
    // The sign-in below records its own outcome.
    requestContext.isRecorded = true;
    await signInOrAsk(context, ctx, interaction, person);
  } catch (thrown) {
    await refuse(context, ctx, thrown, await createPageLinks(context, interaction, thrown));
  }
}

function parseUid(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
