/**
 * Prefixes of the tokens of one-time links. Each kind has its own, so that an older release cannot accept an owner's link as
 * an operator's.
 */
export const operatorLinkPrefix = 'arsia_link_';
export const ownerLinkPrefix = 'arsia_owner_';

/** The token of a link, with its prefix. */
export const linkPattern = /^arsia_(?:link|owner)_[\w-]{43}$/;
