/**
 * What a sweep varies: `NAME=VALUE,VALUE...`, where the name is that of a rule setting, of a `let` of the query, or the text
 * of a literal. Everything is resolved against the rule and every value is read before anything runs, so that a grid never
 * starts with a name that means nothing, or two things.
 */
import { nearestName, type Problem, TocsinError } from '../base/errors.ts';
import type { ScalarType } from '../columns/value.ts';
import { literalType, type QueryLiteral, queryLiterals } from '../kql/query-literals.ts';
import type { CompiledRule, QueryEdit, RuleChange } from '../rules/compile.ts';
import { parseDuration } from '../rules/duration.ts';
import type { Rule, RuleSource } from '../rules/rule.ts';
import { AGGREGATION_KINDS, TRIGGER_OPERATORS } from '../rules/vocabulary.ts';

export interface AxisValue {
  /** As it was given. */
  readonly text: string;
  readonly change: RuleChange;
}

export interface Axis {
  /** As it was given: `60m`, `queryPeriod+2h#all`. */
  readonly name: string;
  /** In the order given. */
  readonly values: readonly AxisValue[];
}

/** More cells than this are a mistake, or a job for a finer question. */
const MAX_CELLS = 1000;

interface Setting {
  readonly name: string;
  readonly expected: string;
  /** Undefined where the text is no value of the setting. */
  read(text: string): RuleChange['fields'] | undefined;
}

const DURATION = 'a duration such as 1h, 30m, 1d or PT1H';

function durationOf(text: string): bigint | undefined {
  const ticks = parseDuration(text);
  return ticks !== undefined && ticks > 0n ? ticks : undefined;
}

/** The settings that decide which alerts a rule raises. */
const SETTINGS: readonly Setting[] = [
  {
    name: 'queryFrequency',
    expected: DURATION,
    read: (text) => {
      const queryFrequency = durationOf(text);
      return queryFrequency === undefined ? undefined : { queryFrequency };
    },
  },
  {
    name: 'queryPeriod',
    expected: DURATION,
    read: (text) => {
      const queryPeriod = durationOf(text);
      return queryPeriod === undefined ? undefined : { queryPeriod };
    },
  },
  {
    name: 'triggerOperator',
    expected: 'one of gt, lt, eq, ne',
    read: (text) => {
      const triggerOperator = TRIGGER_OPERATORS[text.toLowerCase()];
      return triggerOperator && { triggerOperator };
    },
  },
  {
    name: 'triggerThreshold',
    expected: 'a whole number, 0 or more',
    read: (text) => (/^\d{1,15}$/.test(text) ? { triggerThreshold: Number(text) } : undefined),
  },
  {
    name: 'suppressionDuration',
    expected: `${DURATION}, or off`,
    read: (text) => {
      if (text.toLowerCase() === 'off') return { suppression: undefined };
      const suppression = durationOf(text);
      return suppression === undefined ? undefined : { suppression };
    },
  },
  {
    name: 'eventGroupingSettings.aggregationKind',
    expected: `one of ${AGGREGATION_KINDS.join(', ')}`,
    read: (text) => {
      const eventGrouping = AGGREGATION_KINDS.find((kind) => kind.toLowerCase() === text.toLowerCase());
      return eventGrouping && { eventGrouping };
    },
  },
];

/** Fields that people will ask for, and what they mean. */
const INSTEAD: Readonly<Record<string, string>> = {
  suppressionenabled: 'suppressionDuration=off,1h sweeps suppression, on and off',
  eventgroupingsettings: 'write eventGroupingSettings.aggregationKind',
  aggregationkind: 'write eventGroupingSettings.aggregationKind',
};

type Target = { readonly setting: Setting } | { readonly literal: QueryLiteral };

/** Finds what a name means in one rule. */
class Names {
  readonly #rule: Rule;
  readonly #source: RuleSource;
  readonly #literals: readonly QueryLiteral[];

  constructor({ rule, source }: CompiledRule) {
    this.#rule = rule;
    this.#source = source;
    this.#literals = queryLiterals(rule.query);
  }

  /** @returns the targets, or what is wrong with the name. */
  resolve(name: string): Target[] | Problem[] {
    const setting = SETTINGS.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (setting) {
      const isSchedule = setting.name === 'queryFrequency' || setting.name === 'queryPeriod';
      if (this.#rule.kind !== 'NRT' || !isSchedule) return [{ setting }];
      return [{ message: `--set ${name}: an NRT rule runs every minute over what that minute brought` }];
    }
    const { written, line, nth } = partsOf(name);
    const all = MEANINGS.map((means) => this.#literals.filter((literal) => means(literal, written))).find(
      (literals) => literals.length > 0,
    );
    if (!all) return [this.#unknown(name, written)];
    const found = line === undefined ? all : all.filter((literal) => this.#line(literal) === line);
    if (nth === 'all' && found.length > 0) return found.map((literal) => ({ literal }));
    if (nth !== undefined && nth !== 'all' && found[nth - 1]) return [{ literal: found[nth - 1]! }];
    if (nth === undefined && found.length === 1) return [{ literal: found[0]! }];
    return this.#choices(name, written, all, found);
  }

  #line({ start }: QueryLiteral): number {
    return this.#source.positionOf(start).line;
  }

  #unknown(name: string, written: string): Problem {
    const texts = new Set(this.#literals.flatMap((literal) => literal.name ?? literal.text));
    const near =
      INSTEAD[name.toLowerCase()] ??
      suggestion(nearestName(written, [...SETTINGS.map((setting) => setting.name), ...texts]));
    const settings = `settings are ${SETTINGS.map((setting) => setting.name).join(', ')}`;
    return {
      message: `--set ${name}: neither a setting of the rule nor a literal of its query`,
      hint: near ?? settings,
    };
  }

  /** One problem for each place that the name could mean. */
  #choices(name: string, written: string, all: readonly QueryLiteral[], found: readonly QueryLiteral[]): Problem[] {
    const places = found.length > 0 ? found : all;
    const which = found.length > 0 ? 'could mean' : 'there is no such place; it stands at';
    return places.map((literal, index) => {
      const line = this.#line(literal);
      const alone = all.filter((other) => this.#line(other) === line).length === 1;
      const exact = alone ? `${written}@line${line}` : `${written}#${all.indexOf(literal) + 1}`;
      const message = `--set ${name}: ${which} ${exact}`;
      const hint = index === places.length - 1 ? `${written}#all sets every one of them` : undefined;
      return this.#source.queryProblem(message, literal.start, literal.end, hint);
    });
  }
}

function suggestion(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `did you mean ${name}?`;
}

/** `2h@line33`, `2h#2`, `2h#all`, `2h@line33#2`. */
function partsOf(name: string): { written: string; line: number | undefined; nth: number | 'all' | undefined } {
  const [, before, nth] = /^(.*?)(?:#(\d+|all))?$/s.exec(name)!;
  const [, written, line] = /^(.*?)(?:@line(\d+))?$/s.exec(before!)!;
  return {
    written: written!,
    line: line === undefined ? undefined : Number(line),
    nth: nth === undefined || nth === 'all' ? nth : Number(nth),
  };
}

/** What a name may mean; where an earlier one holds of some literal, the later ones are not tried. */
const MEANINGS: readonly ((literal: QueryLiteral, written: string) => boolean)[] = [
  ({ name }, written) => name === written,
  ({ text }, written) => text === written,
  // Shells take quotes away.
  ({ text, type }, written) => type === 'string' && text.slice(1, -1) === written,
];

const NUMBERS: readonly ScalarType[] = ['int', 'long', 'real', 'decimal'];

/** The text to put in a literal's place; undefined where the value is not of its type. */
function literalText({ type }: QueryLiteral, value: string): string | undefined {
  const found = literalType(value);
  if (found === type || (found !== undefined && NUMBERS.includes(found) && NUMBERS.includes(type))) return value;
  // A text that is no string literal is meant as the string's value.
  return type === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : undefined;
}

/**
 * Reads what `--set` was given.
 *
 * @param texts - each `NAME=VALUE,VALUE...`; names joined by `+` are set to the same value together.
 * @throws {@link TocsinError} `USAGE` with every name that means nothing or several things, every value that is not of its
 * type, and where the grid has more than a thousand cells.
 */
export function readAxes(texts: readonly string[], compiled: CompiledRule): Axis[] {
  const names = new Names(compiled);
  const problems: Problem[] = [];
  const taken = new Map<string, string>();
  const axes = texts.map((text): Axis => {
    const at = topLevel(text, '=')[0];
    const name = text.slice(0, at).trim();
    const values = at === undefined ? [] : split(text.slice(at + 1), ',');
    if (at === undefined || name === '' || values.includes('')) {
      problems.push({ message: `--set ${text}: expected NAME=VALUE,VALUE...`, hint: "as in --set '60m=5m,15m,30m'" });
      return { name, values: [] };
    }
    const targets: Target[] = [];
    for (const part of split(name, '+')) {
      for (const found of names.resolve(part)) {
        if ('message' in found) {
          problems.push(found);
          continue;
        }
        const key = 'setting' in found ? found.setting.name : `${found.literal.start}`;
        const by = taken.get(key);
        if (by === undefined) targets.push(found);
        else problems.push({ message: `--set ${name}: ${part} is set already, by --set ${by}` });
        taken.set(key, name);
      }
    }
    const repeated = values.find((value, index) => values.indexOf(value) < index);
    if (repeated !== undefined) problems.push({ message: `--set ${name}: the value ${repeated} is given twice` });
    return { name, values: values.map((value) => ({ text: value, change: changeOf(name, targets, value, problems) })) };
  });
  if (problems.length > 0) throw new TocsinError('USAGE', problems);
  const cells = axes.reduce((product, { values }) => product * values.length, 1);
  if (cells > MAX_CELLS) {
    const sizes = axes.map(({ values }) => values.length).join(' x ');
    throw new TocsinError('USAGE', {
      message: `the grid has ${sizes} = ${cells} cells, expected ${MAX_CELLS} at most`,
      hint: 'sweep fewer values, or one setting after another',
    });
  }
  return axes;
}

function changeOf(name: string, targets: readonly Target[], value: string, problems: Problem[]): RuleChange {
  let fields: RuleChange['fields'] = {};
  const edits: QueryEdit[] = [];
  for (const target of targets) {
    if ('setting' in target) {
      const read = target.setting.read(value);
      if (read) fields = { ...fields, ...read };
      else {
        const { name: setting, expected } = target.setting;
        problems.push({ message: `--set ${name}: ${setting}: found ${JSON.stringify(value)}, expected ${expected}` });
      }
      continue;
    }
    const { start, end, text, type } = target.literal;
    const put = literalText(target.literal, value);
    if (put !== undefined) edits.push({ start, end, text: put });
    else {
      problems.push({
        message: `--set ${name}: found ${JSON.stringify(value)}, expected a ${type} such as ${text}`,
      });
      break;
    }
  }
  return { fields, edits };
}

/** The changes of several axes as one. */
export function mergeChanges(changes: readonly RuleChange[]): RuleChange {
  return {
    fields: Object.assign({}, ...changes.map(({ fields }) => fields)) as RuleChange['fields'],
    edits: changes.flatMap(({ edits }) => edits).sort((a, b) => a.start - b.start),
  };
}

/** Where `mark` stands outside quotes and brackets; the + of 1e+5 is none. */
function topLevel(text: string, mark: string): number[] {
  const places: number[] = [];
  let quote = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote !== '') {
      if (c === '\\') i++;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === mark && depth === 0 && !(c === '+' && /\d[eE]$/.test(text.slice(0, i)))) places.push(i);
  }
  return places;
}

function split(text: string, mark: string): string[] {
  const places = topLevel(text, mark);
  return [-1, ...places].map((place, index) => text.slice(place + 1, places[index]).trim());
}
