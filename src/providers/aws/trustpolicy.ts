/** A trust policy names who may assume the role. Its resource is the role, which it does not name. */
export const trustPolicy = { principals: 'required', resources: 'forbidden' } as const;
