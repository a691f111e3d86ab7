/**
 * Prefixes of the tokens of one-time links. The kinds differ, so that an older release does not take an owner's link for an
 * operator's.
 */
export const operatorLinkPrefix = 'arsia_link_';
export const ownerLinkPrefix = 'arsia_owner_';

/** The whole token of a link. */
export const linkPattern = /^arsia_(?:link|owner)_[\w-]{43}$/;
