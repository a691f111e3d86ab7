/** What the token of a one-time link begins with: two kinds, so that no release takes one for the other. */
export const operatorLinkPrefix = 'arsia_link_';
export const ownerLinkPrefix = 'arsia_owner_';

export const linkPattern = /^arsia_(?:link|owner)_[\w-]{43}$/;
