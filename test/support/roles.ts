/** The two roles of production on the test server: one owns the tables, one serves. Their names are their passwords. */
export const testRoles = { owner: 'arsia_test_owner', application: 'arsia_test' } as const;

/** Returns the URL of another database and role on the server of `base`. */
export function urlFor(base: string, database: string, role?: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  if (role !== undefined) {
    url.username = role;
    url.password = role;
  }
  return url.href;
}
