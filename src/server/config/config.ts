import { cloudsGroup, endpointsGroup } from './clouds.ts';
import { databaseGroup } from './database.ts';
import { issuerGroup } from './issuer.ts';
import { limitsGroup } from './limits.ts';
import { observabilityGroup } from './observability.ts';
import { outboundGroup } from './outbound.ts';
import { sealingGroup } from './sealing.ts';
import { servingGroup } from './serving.ts';
import type { Environment, SettingsGroup, ValuesOf } from './setting.ts';
import { signInGroup, signInOf } from './signin.ts';

/** Every setting, in the order of the table and of the faults. A setting is declared in the file of its group, and nowhere else. */
const groups = {
  issuer: issuerGroup,
  serving: servingGroup,
  database: databaseGroup,
  sealing: sealingGroup,
  signIn: signInGroup,
  outbound: outboundGroup,
  clouds: cloudsGroup,
  endpoints: endpointsGroup,
  limits: limitsGroup,
  observability: observabilityGroup,
};

type GroupName = keyof typeof groups;
type GroupValues = { [Name in GroupName]: ValuesOf<(typeof groups)[Name]['settings']> };

/** The settings of the server, frozen. Its type follows from the declarations. */
export type Config = ReturnType<typeof configOf>;

function configOf({ issuer, serving, database, sealing, signIn, clouds, endpoints, ...rest }: GroupValues) {
  const { extraCaFile, ...outbound } = rest.outbound;
  return {
    ...issuer,
    ...serving,
    ...sealing,
    ...rest.observability,
    database,
    /** Undefined when sign-in is off. */
    signIn: signInOf(signIn, issuer.tenancy),
    extraCaFile,
    outbound,
    clouds: { ...clouds, endpoints },
    limits: rest.limits,
  };
}

/** Lists every fault of the environment, so that the operator can correct all of them at once. */
export class ConfigError extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(
      `Arsia cannot start: ${faults.length} bad setting${faults.length > 1 ? 's' : ''}\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** `ARSIA_` variables that are not the server's: the client's, and Kubernetes' links of a service named arsia. */
const foreignVariables = [/^ARSIA_URL$/, /^ARSIA_JOB_TOKEN/, /^ARSIA_SERVICE_/, /^ARSIA_PORT/];

/** Returns the settings of an environment. Throws a ConfigError with every fault. */
export function parseConfig(env: Environment): Config {
  const faults = unknownVariables(env);
  const values: Record<string, unknown> = {};
  for (const { settings } of allGroups())
    for (const { variable, parse, default: fallback } of Object.values(settings)) {
      const text = env[variable] ?? fallback;
      try {
        values[variable] = text === undefined ? undefined : parse(text);
      } catch (thrown) {
        faults.push(`${variable} ${(thrown as Error).message}`);
      }
    }
  faults.push(...allGroups().flatMap((group) => group.relationFaults?.({ env, values }) ?? []));
  if (faults.length > 0) throw new ConfigError(faults);
  return freeze(configOf(valuesByGroup(values)));
}

export interface SettingRow {
  name: string;
  default: string;
  meaning: string;
}

/** Lists the settings by group, for docs/settings.md and `arsia server --help`. */
export function describeGroups(): { title: string; rows: SettingRow[] }[] {
  return allGroups().map(({ title, settings }) => ({
    title,
    rows: Object.values(settings).map((row) => ({
      name: row.variable,
      default: row.default ?? '',
      meaning: row.meaning,
    })),
  }));
}

export function describeSettings(): SettingRow[] {
  return describeGroups().flatMap(({ rows }) => rows);
}

function allGroups(): SettingsGroup[] {
  return Object.values(groups);
}

function unknownVariables(env: Environment): string[] {
  const known = new Set(describeSettings().map(({ name }) => name));
  return Object.keys(env)
    .filter((name) => name.startsWith('ARSIA_') && !known.has(name))
    .filter((name) => !foreignVariables.some((pattern) => pattern.test(name)))
    .map((name) => `${name} is not a setting of Arsia: remove it or correct its name`);
}

/** The parsed values by group and key. Each is what the `parse` of its setting returned. */
function valuesByGroup(values: Readonly<Record<string, unknown>>): GroupValues {
  const byKey = ({ settings }: SettingsGroup) =>
    Object.fromEntries(Object.entries(settings).map(([key, { variable }]) => [key, values[variable]]));
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, byKey(group)])) as GroupValues;
}

function freeze<Node>(node: Node): Node {
  if (typeof node === 'object' && node !== null) Object.values(node).forEach(freeze);
  return Object.freeze(node);
}
