import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError } from '../../core/errors.ts';
import { ownEndpoints } from '../routes.ts';
import { anotherPerson, askForChoice, signInOrAsk, takeChoice } from './choice.ts';
import { askPerson, takeAnswer } from './confirmation.ts';
import { addressOf, type Desk, type Interaction, interactionOf, sendTo } from './context.ts';
import { openLink } from './link.ts';
import { confirmPrompt } from './policy.ts';
import { refuse, waysOn } from './refusals.ts';
import { requestsOf } from './requests.ts';
import { isForeign } from './xsrf.ts';

type Step = (desk: Desk, ctx: KoaContextWithOIDC) => Promise<void>;

/**
 * Between a request that needs a person and its answer: off to the identity provider and back, or a question on the way.
 * Whoever has not the cookie of an interaction has no part in it, whatever they know (threats.md N17, N49).
 */
const steps: Readonly<Record<string, Step>> = {
  async [`GET ${ownEndpoints.interaction}`](desk, ctx) {
    const interaction = await interactionOf(desk, ctx, uidOf(ctx.path));
    if (interaction.prompt.name === confirmPrompt) return await askPerson(desk, ctx, interaction);
    try {
      if (await askForChoice(desk, ctx, interaction)) return;
    } catch (thrown) {
      return await refuse(desk, ctx, thrown, await waysOn(desk, interaction, thrown));
    }
    await sendPerson(desk, ctx, interaction);
  },
  async [`POST ${ownEndpoints.interaction}`](desk, ctx) {
    const interaction = await interactionOf(desk, ctx, uidOf(ctx.path));
    if (interaction.prompt.name === confirmPrompt) return await takeAnswer(desk, ctx, interaction);
    try {
      await takeChoice(desk, ctx, interaction);
    } catch (thrown) {
      const again = { text: 'See what you can choose now', href: addressOf(desk, interaction) };
      await refuse(desk, ctx, thrown, thrown instanceof ArsiaError ? [again] : []);
    }
  },
  [`GET ${ownEndpoints.callback}`]: receivePerson,
  [`POST ${ownEndpoints.link}`]: openLink,
};

export function createInteractions(desk: Desk) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const step = steps[`${ctx.method} /${ctx.path.split('/')[1]}`];
    if (step === undefined) return await next();
    try {
      if (ctx.method === 'POST' && isForeign(ctx, desk.issuer))
        throw new errors.InvalidRequest('this form was sent by the page of another site', 403);
      await step(desk, ctx);
    } catch (thrown) {
      await refuse(desk, ctx, thrown);
    }
    ctx.set('Cache-Control', 'no-store');
  };
}

async function sendPerson(desk: Desk, ctx: KoaContextWithOIDC, { prompt, uid }: Interaction): Promise<void> {
  // The client wants the person themselves, not a session that still stands at the identity provider.
  const isFresh =
    ctx.querystring === anotherPerson ||
    prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age');
  const { url, ...request } = await desk.signIn.upstream.begin({ isFresh });
  await requestsOf(desk).save({ ...request, interaction: uid });
  sendTo(ctx, url);
}

async function receivePerson(desk: Desk, ctx: KoaContextWithOIDC): Promise<void> {
  const turn = desk.turns.of(ctx);
  const interaction = await interactionOf(desk, ctx);
  const parameters = new URLSearchParams(ctx.querystring);
  const request = await requestsOf(desk).take(parameters.getAll('state'), interaction.uid);
  try {
    const person = await desk.signIn.upstream.finish(parameters, request);
    // From here on there is a record, whatever it says.
    turn.isRecorded = true;
    await signInOrAsk(desk, ctx, interaction, person);
  } catch (thrown) {
    await refuse(desk, ctx, thrown, await waysOn(desk, interaction, thrown));
  }
}

function uidOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
