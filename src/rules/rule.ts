/**
 * A Sentinel analytics rule, read from what people have: the YAML template of the public repository, a rule exported as
 * JSON (from the REST API, as an ARM template), or a bare query (`.kql`). JSON is read by the YAML parser too, which it
 * is nearly a subset of, so every form gives the same positions and the same messages.
 *
 * Reading never stops at the first fault: all are reported, sorted by position. What Sentinel would shrug at (an unknown
 * field, a number in quotes) is a warning; what cannot be run is an error of code `RULE`. Whether Sentinel would accept
 * the values (limits, identifiers) is not decided here but by the checks.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { nearestName, type Position, type Problem, TocsinError } from '../base/errors.ts';
import { TICKS_PER_HOUR } from '../base/time.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { quotedValue, Source } from './source.ts';
import {
  AGGREGATION_KINDS,
  type AggregationKind,
  GROUPING_FIELDS,
  INCIDENT_FIELDS,
  KINDS_WITHOUT_QUERY,
  MATCHING_METHODS,
  type MatchingMethod,
  OVERRIDE_FIELDS,
  RULE_FIELDS,
  SEVERITIES,
  type Severity,
  TRIGGER_OPERATORS,
  type TriggerOperator,
} from './vocabulary.ts';

/** A way into the rule's fields: names of fields and indexes of list items. */
export type FieldPath = readonly (string | number)[];

export interface EntityMapping {
  /** As the file spells it: `Account`, `IP`, `Host` ... */
  readonly entityType: string;
  readonly fieldMappings: readonly { readonly identifier: string; readonly columnName: string }[];
}

export interface AlertDetailsOverride {
  readonly displayNameFormat: string | undefined;
  readonly descriptionFormat: string | undefined;
  readonly severityColumn: string | undefined;
  readonly tacticsColumn: string | undefined;
  readonly dynamicProperties: readonly { readonly property: string; readonly columnName: string }[];
}

export interface IncidentConfiguration {
  readonly createIncident: boolean;
  readonly grouping: {
    readonly enabled: boolean;
    readonly reopenClosedIncident: boolean;
    /** Ticks. */
    readonly lookback: bigint;
    readonly matchingMethod: MatchingMethod;
    readonly groupByEntities: readonly string[];
    readonly groupByAlertDetails: readonly string[];
    readonly groupByCustomDetails: readonly string[];
  };
}

export interface Rule {
  readonly id: string | undefined;
  readonly name: string;
  readonly description: string;
  readonly kind: 'Scheduled' | 'NRT';
  readonly severity: Severity;
  readonly version: string | undefined;
  readonly enabled: boolean;
  readonly query: string;
  /** Ticks; for NRT one minute. */
  readonly queryFrequency: bigint;
  /** Ticks; for NRT one minute. */
  readonly queryPeriod: bigint;
  readonly triggerOperator: TriggerOperator;
  readonly triggerThreshold: number;
  /** Ticks that the rule rests after an alert; undefined where suppression is off. */
  readonly suppression: bigint | undefined;
  readonly eventGrouping: AggregationKind;
  readonly entityMappings: readonly EntityMapping[];
  /** In the order of the file. */
  readonly customDetails: readonly { readonly key: string; readonly columnName: string }[];
  readonly alertDetailsOverride: AlertDetailsOverride;
  readonly incidentConfiguration: IncidentConfiguration;
  readonly tactics: readonly string[];
  /** `T1078`, and sub-techniques `T1550.001`. */
  readonly techniques: readonly string[];
  readonly requiredDataConnectors: readonly { readonly connectorId: string; readonly dataTypes: readonly string[] }[];
  /** Every field of the file as plain data. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Leads from a rule back to its file. */
export interface RuleSource {
  readonly file: string;
  /** The text of the file. */
  readonly text: string;
  /** The file's place for an offset (UTF-16 units) into `rule.query`. */
  positionOf(queryOffset: number): Position;
  /** A problem that points at [start, end) of the query, with an excerpt of the file. */
  queryProblem(message: string, start: number, end: number, hint?: string): Problem;
  /** A problem at the value (or, with `at: 'key'`, the name) of a field; of the nearest field that is there where the path leads nowhere. */
  fieldProblem(path: FieldPath, message: string, hint?: string, at?: 'key' | 'value'): Problem;
}

export interface ReadRule {
  /** Undefined where `errors` leave nothing that could run. */
  readonly rule: Rule | undefined;
  /**
   * The rule as far as it can be read: a field that `errors` are about has a value that no check finds fault with. Undefined
   * where no field can be told from another.
   */
  readonly draft: Rule | undefined;
  /** The query, even of a rule that is broken elsewhere. */
  readonly query: string | undefined;
  readonly source: RuleSource;
  /** Both sorted by position. */
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface LoadedRule {
  readonly rule: Rule;
  readonly source: RuleSource;
  readonly warnings: readonly Problem[];
}

/** What a rule without its own schedule gets, and NRT's fixed one. */
const DEFAULT_INTERVAL = TICKS_PER_HOUR;
export const NRT_INTERVAL = TICKS_PER_HOUR / 60n;
/** How long incidents take further alerts in where the rule does not say: five hours (Sentinel's default). */
const DEFAULT_LOOKBACK = 5n * TICKS_PER_HOUR;
const DEFAULT_SUPPRESSION = 5n * TICKS_PER_HOUR;

/**
 * Reads a rule and throws where it cannot run.
 *
 * @param text - the file's text: YAML, JSON, or a bare query where `file` ends in `.kql`.
 * @param file - the file's name, for messages and the name of a bare query.
 * @throws {@link TocsinError} `RULE` with every error of the file, sorted by position.
 */
export function loadRule(text: string, file: string): LoadedRule {
  const { rule, source, errors, warnings } = readRule(text, file);
  if (!rule || errors.length > 0) throw new TocsinError('RULE', errors);
  return { rule, source, warnings };
}

/** Reads a rule and returns whatever is wrong with it; never throws. */
export function readRule(text: string, file: string): ReadRule {
  if (/\.(kql|csl|kusto)$/i.test(file)) return readBareQuery(text, file);
  if (text.includes('\0')) return refused(file, 'the file is not text (it holds NUL bytes)');
  const { source, documents, quoted } = parse(text, file);
  const reader = new RuleReader(source);
  for (const line of quoted) {
    const at = source.offsetOf(line, 0);
    const end = source.offsetOf(line, Number.POSITIVE_INFINITY);
    const message = 'the value is read as a text, which YAML does only where it stands in quotes';
    reader.warnings.push(source.problem(message, at, end, 'put the value into quotes'));
  }
  return reader.read(documents);
}

function refused(file: string, message: string): ReadRule {
  const source = new Source(file, '');
  const ruleSource: RuleSource = {
    file,
    text: '',
    positionOf: () => source.positionOf(0),
    queryProblem: (problem, _start, _end, hint) => source.problem(problem, 0, 0, hint),
    fieldProblem: (_path, problem, hint) => source.problem(problem, 0, 0, hint),
  };
  const errors = [{ message: `${file}: ${message}` }];
  return { rule: undefined, draft: undefined, query: undefined, source: ruleSource, errors, warnings: [] };
}

function readBareQuery(text: string, file: string): ReadRule {
  const query = text.replace(/^\uFEFF/, '');
  const source = new Source(file, query);
  // Line numbers are those of the text with its own line ends, so the query keeps them as they are.
  const starts = [0];
  for (let at = query.indexOf('\n'); at >= 0; at = query.indexOf('\n', at + 1)) starts.push(at + 1);
  const toSmoothed = (offset: number): number => {
    let line = starts.length - 1;
    while (line > 0 && starts[line]! > offset) line--;
    return source.offsetOf(line, offset - starts[line]!);
  };
  const ruleSource: RuleSource = {
    file,
    text: query,
    positionOf: (offset) => source.positionOf(toSmoothed(offset)),
    queryProblem: (message, start, end, hint) => source.problem(message, toSmoothed(start), toSmoothed(end), hint),
    fieldProblem: (_, message, hint) => source.problem(message, 0, 0, hint),
  };
  if (query.trim() === '' || query.includes('\0')) {
    return refused(
      file,
      query.includes('\0') ? 'the file is not text (it holds NUL bytes)' : 'the file holds no query',
    );
  }
  const name = file.replace(/^.*[\\/]/, '').replace(/\.[^.]*$/, '');
  const rule: Rule = {
    ...EMPTY_RULE,
    name,
    query,
    raw: { name, query },
  };
  const warnings: Problem[] = [
    {
      message: `${file}: a bare query has no schedule; it is run every ${formatDuration(rule.queryFrequency)} over the last ${formatDuration(rule.queryPeriod)}`,
      hint: 'a YAML rule with queryFrequency and queryPeriod says when it runs and how far it looks back',
    },
  ];
  return { rule, draft: rule, query, source: ruleSource, errors: [], warnings };
}

const EMPTY_RULE: Omit<Rule, 'name' | 'query' | 'raw'> = {
  id: undefined,
  description: '',
  kind: 'Scheduled',
  severity: 'Medium',
  version: undefined,
  enabled: true,
  queryFrequency: DEFAULT_INTERVAL,
  queryPeriod: DEFAULT_INTERVAL,
  triggerOperator: 'gt',
  triggerThreshold: 0,
  suppression: undefined,
  eventGrouping: 'SingleAlert',
  entityMappings: [],
  customDetails: [],
  alertDetailsOverride: {
    displayNameFormat: undefined,
    descriptionFormat: undefined,
    severityColumn: undefined,
    tacticsColumn: undefined,
    dynamicProperties: [],
  },
  incidentConfiguration: {
    createIncident: true,
    grouping: {
      enabled: false,
      reopenClosedIncident: false,
      lookback: DEFAULT_LOOKBACK,
      matchingMethod: 'AllEntities',
      groupByEntities: [],
      groupByAlertDetails: [],
      groupByCustomDetails: [],
    },
  },
  tactics: [],
  techniques: [],
  requiredDataConnectors: [],
};

/** Widths of a tab that are tried, in order, where a file uses tabs as indentation. */
const TAB_WIDTHS = [2, 4, 8] as const;

interface ParsedFile {
  readonly source: Source;
  readonly documents: Document.Parsed[];
  /** Lines (from 0) whose value had to be put into quotes. */
  readonly quoted: ReadonlySet<number>;
}

function parse(text: string, file: string): ParsedFile {
  const attempt = (width: number, quoted: ReadonlySet<number> = new Set()): ParsedFile => {
    const source = new Source(file, text, width, quoted);
    const documents = parseAllDocuments(source.text, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
    return { source, documents: Array.isArray(documents) ? documents : [], quoted };
  };
  const failed = (parsed: ParsedFile): boolean => parsed.documents.some((d) => d.errors.length > 0);
  const asIs = attempt(0);
  if (!failed(asIs)) return asIs;
  const widths = /^[ ]*\t/m.test(text) ? [...TAB_WIDTHS] : [];
  const spaced = widths.map((width) => attempt(width)).find((parsed) => !failed(parsed));
  if (spaced) return spaced;
  // A text with ": " in it, or one that starts with a brace, is what its author meant it to be; only quotes are missing.
  let parsed = asIs;
  for (let round = 0; round < MAX_REPAIRS && failed(parsed); round++) {
    const lines = parsed.documents.flatMap((d) => d.errors).map((e) => parsed.source.positionOf(e.pos[0]).line - 1);
    const original = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
    const found = lines.filter((line) => !parsed.quoted.has(line) && quotedValue(original[line] ?? '') !== undefined);
    if (found.length === 0) return asIs;
    parsed = attempt(0, new Set([...parsed.quoted, ...found]));
  }
  return failed(parsed) ? asIs : parsed;
}

/** Rounds of putting values into quotes: each finds the lines that the one before made readable. */
const MAX_REPAIRS = 20;

/** What YAML's parser says, in words that name the remedy. */
const SYNTAX_HINTS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'a value that holds ": " must be quoted: name: "Sign-in: unusual"',
  TAB_AS_INDENT: 'indent with blanks',
  BAD_INDENT: 'indent the lines of one block alike, and deeper than the name before it',
  MULTILINE_IMPLICIT_KEY: 'is a ":" missing, or is the line indented less than its block?',
  BAD_SCALAR_START: 'a value that starts with @ or ` must be quoted',
  BAD_DQ_ESCAPE: 'in double quotes a backslash is doubled; a block (query: |) needs no escapes',
};

interface Field {
  readonly key: Node;
  readonly value: Node | undefined;
  readonly name: string;
}

class RuleReader {
  readonly errors: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #source: Source;
  /** The rule's own fields: the root of a template, `properties` of an exported resource. */
  #fields: YAMLMap | undefined;
  #document: Document.Parsed | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  read(documents: readonly Document.Parsed[]): ReadRule {
    const source = this.#source;
    if (source.tabLine !== undefined) {
      const at = source.offsetOf(source.tabLine - 1, 0);
      this.warnings.push(
        source.problem(
          'a tab used as indentation, which YAML forbids, is read as blanks',
          at,
          at + 1,
          'indent with blanks',
        ),
      );
    }
    const document = documents.find((d) => d.contents !== null) ?? documents[0];
    this.#document = document;
    const others = documents.filter((d) => d !== document && d.contents !== null);
    for (const other of others) {
      this.warnings.push(this.at(other.contents!, 'a second document in the file is not read', 'one rule a file'));
    }
    for (const error of document?.errors ?? []) {
      const hint = SYNTAX_HINTS[error.code];
      this.errors.push(source.problem(lowerFirst(error.message), error.pos[0], error.pos[1], hint));
    }
    for (const warning of document?.warnings ?? []) {
      this.warnings.push(source.problem(lowerFirst(warning.message), warning.pos[0], warning.pos[1]));
    }
    const broken = this.errors.length > 0;
    const rule = document?.contents ? this.#rule(document.contents, broken) : undefined;
    if (!document?.contents && !broken) this.errors.push({ message: `${source.file}: the file is empty` });
    const query = rule?.query;
    const origins = this.#queryOrigins();
    const positionOf = (offset: number): number => origins[Math.min(Math.max(offset, 0), origins.length - 1)]!;
    const ruleSource: RuleSource = {
      file: source.file,
      text: source.text,
      positionOf: (offset) => source.positionOf(positionOf(offset)),
      queryProblem: (message, start, end, hint) => {
        // The end is one past the last character, which may stand on the next line.
        const last = end > start ? positionOf(end - 1) + 1 : positionOf(start) + 1;
        return source.problem(message, positionOf(start), last, hint);
      },
      fieldProblem: (path, message, hint, at) => {
        const node = this.#find(path, at);
        return node ? this.at(node, message, hint) : source.problem(message, 0, 0, hint);
      },
    };
    return {
      rule: this.errors.length > 0 ? undefined : rule,
      draft: broken ? undefined : rule,
      query: query === '' ? undefined : query,
      source: ruleSource,
      errors: sortProblems(this.errors),
      warnings: sortProblems(this.warnings),
    };
  }

  #rule(root: Node, broken: boolean): Rule | undefined {
    const located = this.#locate(root);
    if (!located) return undefined;
    const { fields, kind: outerKind, id: outerId } = located;
    this.#fields = fields;
    const map = this.#mapReader(fields, RULE_FIELDS, 'field');
    const missing = (message: string, hint?: string): void => {
      if (!broken) this.errors.push(this.#absent(fields, message, hint));
    };

    const kindNode = map.node('kind') ?? outerKind;
    const kind = this.#kind(kindNode);
    const declared = kindNode !== undefined;

    const name = map.text('name') ?? map.text('displayName');
    if (name === undefined) this.warnings.push(this.#absent(fields, 'the rule has no name', 'add "name: ..."'));

    const query = map.text('query');
    if (query === undefined || query.trim() === '') {
      if (map.node('query')) this.errors.push(this.at(map.node('query')!, 'the query is empty'));
      else missing('the rule has no query', 'add "query: |" and the KQL below it, indented');
    }

    let frequency = map.duration('queryFrequency');
    let period = map.duration('queryPeriod');
    if (kind === 'NRT') {
      frequency = NRT_INTERVAL;
      period = NRT_INTERVAL;
    } else {
      for (const field of ['queryFrequency', 'queryPeriod']) {
        if (map.node(field) || broken) continue;
        const message = `the rule has no ${field}`;
        if (declared) missing(message, `add "${field}: 1h"`);
        else this.warnings.push(this.#absent(fields, `${message}; ${formatDuration(DEFAULT_INTERVAL)} is taken`));
      }
    }

    const operatorText = map.text('triggerOperator');
    const operator = operatorText === undefined ? undefined : TRIGGER_OPERATORS[operatorText.toLowerCase()];
    if (operatorText !== undefined && !operator) {
      const known = ['gt', 'lt', 'eq', 'ne', 'GreaterThan', 'LessThan', 'Equal', 'NotEqual'];
      this.errors.push(this.unknown(map.node('triggerOperator')!, 'triggerOperator', operatorText, known));
    }

    const suppressed = map.bool('suppressionEnabled') ?? false;
    const suppression = map.duration('suppressionDuration') ?? DEFAULT_SUPPRESSION;

    const grouping = map.map('eventGroupingSettings', ['aggregationKind']);
    const techniques = [...map.list('relevantTechniques'), ...map.list('techniques'), ...map.list('subTechniques')];

    const rule: Rule = {
      id: map.text('id') ?? outerId,
      name: name ?? fileStem(this.#source.file),
      description: map.text('description') ?? '',
      kind,
      severity: map.oneOf('severity', SEVERITIES) ?? 'Medium',
      version: map.text('version') ?? map.text('templateVersion'),
      enabled: map.bool('enabled') ?? true,
      query: query ?? '',
      // Where one of the two cannot be read, nothing is said of how they go together.
      queryFrequency: frequency ?? (declared ? period : undefined) ?? DEFAULT_INTERVAL,
      queryPeriod: period ?? (declared ? frequency : undefined) ?? DEFAULT_INTERVAL,
      triggerOperator: operator ?? 'gt',
      triggerThreshold: map.count('triggerThreshold') ?? 0,
      suppression: suppressed ? suppression : undefined,
      eventGrouping: grouping?.oneOf('aggregationKind', AGGREGATION_KINDS) ?? 'SingleAlert',
      entityMappings: this.#entityMappings(map),
      customDetails: this.#customDetails(map),
      alertDetailsOverride: this.#override(map),
      incidentConfiguration: this.#incidents(map),
      tactics: map.list('tactics'),
      techniques: [...new Set(techniques)],
      requiredDataConnectors: map.maps('requiredDataConnectors', ['connectorId', 'dataTypes']).map((connector) => ({
        connectorId: connector.text('connectorId') ?? '',
        dataTypes: connector.list('dataTypes'),
      })),
      raw: this.#raw(fields),
    };
    return rule;
  }

  /** Where a rule's fields stand: at the root, or in the `properties` of an exported or templated resource. */
  #locate(root: Node): { fields: YAMLMap; kind: Node | undefined; id: string | undefined } | undefined {
    const fault = (node: Node, message: string, hint?: string): undefined => {
      this.errors.push(this.at(node, message, hint));
      return undefined;
    };
    const top = this.resolve(root);
    if (isSeq(top)) {
      const rules = top.items.map((item) => this.resolve(item as Node)).filter(isMap);
      if (rules.length === 1) return this.#locate(rules[0]!);
      return fault(root, `a list of ${top.items.length} where one rule was expected`, 'one rule a file');
    }
    if (!isMap(top)) return fault(root, 'the file is not a rule: expected fields such as name and query');
    const child = (map: YAMLMap, name: string): Node | undefined => {
      const pair = map.items.find((item) => isScalar(item.key) && item.key.value === name);
      return pair?.value ? this.resolve(pair.value as Node) : undefined;
    };
    const list = child(top, 'resources') ?? child(top, 'value');
    if (list && isSeq(list) && !child(top, 'query')) {
      const resources = list.items.map((item) => this.resolve(item as Node)).filter(isMap);
      const rules = resources.filter((resource) => {
        const properties = child(resource, 'properties');
        return properties && isMap(properties) && child(properties, 'query');
      });
      if (rules.length === 0) return fault(list, `none of ${resources.length} resources is a rule with a query`);
      if (rules.length > 1) {
        const names = rules.map((rule) => {
          const display = child(child(rule, 'properties') as YAMLMap, 'displayName');
          return isScalar(display) ? JSON.stringify(display.value) : 'one without a name';
        });
        return fault(list, `${rules.length} rules in one file: ${names.slice(0, 5).join(', ')}`, 'one rule a file');
      }
      return this.#locate(rules[0]!);
    }
    const properties = child(top, 'properties');
    if (properties && isMap(properties) && !child(top, 'query')) {
      const id = ['id', 'name'].map((key) => child(top, key)).find((node) => isScalar(node));
      const guid = isScalar(id) ? /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(String(id.value)) : null;
      return { fields: properties, kind: child(top, 'kind'), id: guid?.[0] };
    }
    return { fields: top, kind: undefined, id: undefined };
  }

  #kind(node: Node | undefined): Rule['kind'] {
    if (!node) return 'Scheduled';
    const text = isScalar(node) ? String(node.value) : '';
    const known = ['Scheduled', 'NRT'] as const;
    const kind = known.find((k) => k.toLowerCase() === text.toLowerCase());
    if (kind) return kind;
    if (KINDS_WITHOUT_QUERY.includes(text)) {
      this.errors.push(this.at(node, `a rule of kind ${text} has no query to run`, 'Scheduled and NRT rules have one'));
    } else this.errors.push(this.unknown(node, 'kind', text, known));
    return 'Scheduled';
  }

  #entityMappings(map: MapReader): EntityMapping[] {
    return map.maps('entityMappings', ['entityType', 'fieldMappings']).map((mapping) => ({
      entityType: mapping.required('entityType'),
      fieldMappings: mapping.maps('fieldMappings', ['identifier', 'columnName']).map((field) => ({
        identifier: field.required('identifier'),
        columnName: field.required('columnName'),
      })),
    }));
  }

  #customDetails(map: MapReader): { key: string; columnName: string }[] {
    const node = map.node('customDetails');
    if (!node) return [];
    if (!isMap(node)) {
      this.errors.push(this.at(node, `customDetails must be pairs of a name and a column, found ${kindOf(node)}`));
      return [];
    }
    return this.#mapReader(node, undefined, 'custom detail').pairs();
  }

  #override(map: MapReader): AlertDetailsOverride {
    const override = map.map('alertDetailsOverride', OVERRIDE_FIELDS);
    if (!override) return EMPTY_RULE.alertDetailsOverride;
    return {
      displayNameFormat: override.text('alertDisplayNameFormat'),
      descriptionFormat: override.text('alertDescriptionFormat'),
      severityColumn: override.text('alertSeverityColumnName'),
      tacticsColumn: override.text('alertTacticsColumnName'),
      dynamicProperties: override.maps('alertDynamicProperties', ['alertProperty', 'value']).map((property) => ({
        property: property.required('alertProperty'),
        columnName: property.required('value'),
      })),
    };
  }

  #incidents(map: MapReader): IncidentConfiguration {
    const defaults = EMPTY_RULE.incidentConfiguration;
    const incident = map.map('incidentConfiguration', INCIDENT_FIELDS);
    if (!incident) return defaults;
    const grouping = incident.map('groupingConfiguration', GROUPING_FIELDS);
    const method = grouping?.oneOf('matchingMethod', MATCHING_METHODS);
    return {
      createIncident: incident.bool('createIncident') ?? defaults.createIncident,
      grouping: grouping
        ? {
            // What alerts are grouped by cannot be judged without knowing how they are matched.
            enabled: (grouping.bool('enabled') ?? false) && (method !== undefined || !grouping.node('matchingMethod')),
            reopenClosedIncident: grouping.bool('reopenClosedIncident') ?? false,
            lookback: grouping.duration('lookbackDuration') ?? DEFAULT_LOOKBACK,
            matchingMethod: method ?? 'AllEntities',
            groupByEntities: grouping.list('groupByEntities'),
            groupByAlertDetails: grouping.list('groupByAlertDetails'),
            groupByCustomDetails: grouping.list('groupByCustomDetails'),
          }
        : defaults.grouping,
    };
  }

  #raw(fields: YAMLMap): Rule['raw'] {
    try {
      return plainObject(fields.toJS(this.#document!));
    } catch (error) {
      // The parser stops at 100 aliases of aliases, which no honest rule has.
      this.errors.push(this.at(fields, lowerFirst((error as Error).message)));
      return {};
    }
  }

  #mapReader(map: YAMLMap, known: readonly string[] | undefined, what: string): MapReader {
    return new MapReader(this, map, known, what);
  }

  #queryOrigins(): Uint32Array {
    const pair = this.#fields?.items.find(
      (item) => isScalar(item.key) && String(item.key.value).toLowerCase() === 'query',
    );
    const node = pair?.value ? this.resolve(pair.value as Node) : undefined;
    return isScalar(node) ? this.#source.originsOf(node) : new Uint32Array(1);
  }

  #find(path: FieldPath, at: 'key' | 'value' = 'value'): Node | undefined {
    let node: Node | undefined = this.#fields;
    let key: Node | undefined;
    for (const step of path) {
      let next: Node | undefined;
      let nextKey: Node | undefined;
      if (isMap(node) && typeof step === 'string') {
        const pair: Pair | undefined = node.items.find(
          (item) => isScalar(item.key) && String(item.key.value).toLowerCase() === step.toLowerCase(),
        );
        nextKey = pair?.key as Node | undefined;
        next = pair?.value ? this.resolve(pair.value as Node) : nextKey;
      } else if (isSeq(node) && typeof step === 'number') {
        next = node.items[step] ? this.resolve(node.items[step] as Node) : undefined;
        nextKey = next;
      }
      if (!next) return key ?? node;
      node = next;
      key = nextKey;
    }
    return at === 'key' ? (key ?? node) : node;
  }

  at(node: Node, message: string, hint?: string): Problem {
    const [start, end] = this.#source.extentOf(node);
    return this.#source.problem(message, start, end, hint);
  }

  /** A field that is not there: the place where the fields begin, without an excerpt, for what stands there is not at fault. */
  #absent(fields: YAMLMap, message: string, hint?: string): Problem {
    return { ...this.at(fields, message, hint), excerpt: undefined };
  }

  /** The node as the file has it. */
  writtenText(node: Node): string {
    const [start, end] = this.#source.extentOf(node);
    return this.#source.text.slice(start, end).trim();
  }

  unknown(node: Node, field: string, text: string, known: readonly string[]): Problem {
    const near = nearestName(text, known);
    return this.at(
      node,
      `${field}: found ${JSON.stringify(text)}, expected one of ${known.join(', ')}`,
      near && `did you mean ${near}?`,
    );
  }

  resolve(node: Node): Node {
    return resolveAlias(node, this.#document);
  }
}

/** Reads the typed fields of one map and reports what does not fit. */
class MapReader {
  readonly #reader: RuleReader;
  readonly #map: YAMLMap;
  readonly #fields = new Map<string, Field>();

  constructor(reader: RuleReader, map: YAMLMap, known: readonly string[] | undefined, what: string) {
    this.#reader = reader;
    this.#map = map;
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key: Node = reader.resolve(pair.key);
      const written = isScalar(key) ? scalarText(key) : '';
      const exact = !known || known.includes(written);
      const folded = exact ? written : known.find((name) => name.toLowerCase() === written.toLowerCase());
      if (folded === undefined) {
        const near = nearestName(written, known!);
        reader.warnings.push(
          reader.at(key, `unknown ${what} ${JSON.stringify(written)}`, near && `did you mean "${near}"?`),
        );
      } else if (!exact) {
        reader.warnings.push(reader.at(key, `"${written}" is read as "${folded}"`, 'Sentinel minds the letter case'));
      }
      const name = folded ?? written;
      if (this.#fields.has(name)) {
        reader.warnings.push(reader.at(key, `"${name}" is given twice; the last one counts`));
      }
      const value = pair.value ? reader.resolve(pair.value) : undefined;
      const isNull = isScalar(value) && value.value === null;
      this.#fields.set(name, { key, name, value: isNull ? undefined : value });
    }
  }

  node(name: string): Node | undefined {
    return this.#fields.get(name)?.value;
  }

  text(name: string): string | undefined {
    const node = this.node(name);
    if (!node) return undefined;
    if (isScalar(node)) return scalarText(node);
    const written = this.#reader.writtenText(node);
    if (written.startsWith('{{')) {
      const message = `${name} is read as a text, which YAML does only where it stands in quotes`;
      this.#reader.warnings.push(this.#reader.at(node, message, `write ${name}: ${JSON.stringify(written)}`));
      return written;
    }
    this.#wrongType(name, 'a text', node);
    return undefined;
  }

  required(name: string): string {
    const text = this.text(name);
    if (text !== undefined && text !== '') return text;
    if (!this.node(name) || text === '') this.#reader.errors.push(this.#reader.at(this.#map, `${name} is missing`));
    return '';
  }

  bool(name: string): boolean | undefined {
    const node = this.node(name);
    if (!node) return undefined;
    const text = isScalar(node) ? scalarText(node).toLowerCase() : '';
    if (['true', 'yes', 'on'].includes(text)) return true;
    if (['false', 'no', 'off'].includes(text)) return false;
    this.#wrongType(name, 'true or false', node);
    return undefined;
  }

  /** A whole number, not negative, perhaps in quotes. */
  count(name: string): number | undefined {
    const node = this.node(name);
    if (!node) return undefined;
    const text = isScalar(node) ? scalarText(node).trim() : '';
    if (/^\d{1,15}$/.test(text)) return Number(text);
    this.#wrongType(name, 'a whole number, 0 or more', node);
    return undefined;
  }

  duration(name: string): bigint | undefined {
    const node = this.node(name);
    if (!node) return undefined;
    const text = isScalar(node) ? scalarText(node) : '';
    const ticks = parseDuration(text);
    if (ticks !== undefined && ticks > 0n) return ticks;
    this.#wrongType(name, 'a duration such as 1h, 30m, 1d or PT1H', node, durationHint(text.trim()));
    return undefined;
  }

  oneOf<T extends string>(name: string, known: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = known.find((candidate) => candidate.toLowerCase() === text.trim().toLowerCase());
    if (!found) this.#reader.errors.push(this.#reader.unknown(this.node(name)!, name, text, known));
    return found;
  }

  /** Texts of a list; a single text is a list of one. */
  list(name: string): string[] {
    const node = this.node(name);
    if (!node) return [];
    if (isScalar(node)) return scalarText(node) === '' ? [] : [scalarText(node)];
    if (!isSeq(node)) {
      this.#wrongType(name, 'a list', node);
      return [];
    }
    const texts: string[] = [];
    for (const item of node.items as Node[]) {
      const value = this.#reader.resolve(item);
      if (isScalar(value)) texts.push(scalarText(value));
      else this.#wrongType(name, 'a list of texts', value);
    }
    return texts;
  }

  map(name: string, known: readonly string[]): MapReader | undefined {
    const node = this.node(name);
    if (!node) return undefined;
    if (isMap(node)) return new MapReader(this.#reader, node, known, `field of ${name}`);
    this.#wrongType(name, 'fields', node);
    return undefined;
  }

  maps(name: string, known: readonly string[]): MapReader[] {
    const node = this.node(name);
    if (!node) return [];
    if (!isSeq(node)) {
      this.#wrongType(name, 'a list', node);
      return [];
    }
    const readers: MapReader[] = [];
    for (const item of node.items as Node[]) {
      const value = this.#reader.resolve(item);
      if (isMap(value)) readers.push(new MapReader(this.#reader, value, known, `field of ${name}`));
      else this.#wrongType(name, 'a list of entries with fields', value);
    }
    return readers;
  }

  /** Every field with its text. */
  pairs(): { key: string; columnName: string }[] {
    const pairs: { key: string; columnName: string }[] = [];
    for (const { name } of this.#fields.values()) pairs.push({ key: name, columnName: this.text(name) ?? '' });
    return pairs;
  }

  #wrongType(name: string, expected: string, found: Node, hint?: string): void {
    this.#reader.errors.push(this.#reader.at(found, `${name}: found ${kindOf(found)}, expected ${expected}`, hint));
  }
}

function durationHint(text: string): string | undefined {
  if (/^[\d.]+$/.test(text)) return `which unit? ${text}m is minutes, ${text}h hours`;
  const days = /^PT(\d+[DW])$/i.exec(text);
  return days ? `days stand before the T: P${days[1]!.toUpperCase()}` : undefined;
}

/** The text as the file spells it, so that `version: 1.10` stays `1.10`. */
function scalarText(scalar: Scalar): string {
  if (typeof scalar.value === 'string') return scalar.value;
  return scalar.source ?? '';
}

function kindOf(node: Node): string {
  if (isMap(node)) return 'fields';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? JSON.stringify(scalarText(node)) : 'something else';
}

function resolveAlias(node: Node, document: Document.Parsed | undefined): Node {
  return isAlias(node) && document ? (node.resolve(document) ?? node) : node;
}

function plainObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function fileStem(file: string): string {
  return file.replace(/^.*[\\/]/, '').replace(/\.[^.]*$/, '');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Sorted by place in the file; what has no place comes first. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (a, b) =>
      (a.position?.line ?? 0) - (b.position?.line ?? 0) || (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
}
