/** The process environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting, declared once: the parser, the help, docs/settings.md and the type `Config` follow from it. */
export interface Setting<Value = unknown> {
  variable: string;
  /** For the table of settings; Markdown code in backquotes. */
  meaning: string;
  /** The text that is parsed when the variable is not set. */
  default?: string | undefined;
  /** Throws an Error whose message continues the name of the variable and shows a valid value. */
  parse(text: string): Value;
}

/** The settings of one subject. Each key is a member of `Config`. */
export interface SettingsGroup<Settings extends Record<string, Setting> = Record<string, Setting>> {
  title: string;
  settings: Settings;
  /** Returns the faults that concern several settings. */
  relationFaults?(context: RelationContext): string[];
}

export interface RelationContext {
  env: Environment;
  /** Parsed values by variable, defaults included; undefined where the value is invalid. */
  values: Readonly<Record<string, unknown>>;
}

/** The values of a group: what `parse` returns, by key. */
export type ValuesOf<Settings extends Record<string, Setting>> = {
  [Key in keyof Settings]: Settings[Key] extends Setting<infer Value> ? Value : never;
};

/** Declares a setting. Without `default` its value may be undefined. */
export function setting<Value>(row: Setting<Value> & { default: string }): Setting<Value>;
export function setting<Value>(row: Setting<Value>): Setting<Value | undefined>;
export function setting<Value>(row: Setting<Value>): Setting<Value | undefined> {
  return row;
}

export function group<Settings extends Record<string, Setting>>(
  declared: SettingsGroup<Settings>,
): SettingsGroup<Settings> {
  return declared;
}
