/** A person that the identity provider authenticated, after every check of its answer. */
export interface Person {
  iss: string;
  sub: string;
  /** The canonical form of the e-mail address; null unless the provider asserts that it verified the address. */
  verified_email: string | null;
  username: string | null;
  display_name: string;
  /** The groups claim; null where none is configured. */
  teams: string[] | null;
}
