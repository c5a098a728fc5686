/** Rows of AuditLogs. A row is ten numbers; its JSON stands in dimensions, shared wherever rows can share it. */
import type { RandomStream } from '../src/base/random.ts';
import type { Dimension, Facts, FactColumn } from '../src/dataset/facts.ts';
import { type Activity, operationType } from './audit-activities.ts';
import { TargetTexts } from './audit-targets.ts';
import { APPLICATION_ACTORS, type ApplicationActor, applicationInitiator, userInitiator } from './audit-texts.ts';
import { attributeOf, constant, factColumns, idSource } from './columns.ts';
import type { RowKernel, TableLayout } from './row-kernel/index.ts';
import { DimensionBuilder, ingestedAt, type Outage, plainLayout, Records, type Span } from './rows.ts';
import type { Account, Place, Tenant } from './tenant.ts';

const ACTIVITY_ATTRIBUTES = ['OperationName', 'Category', 'LoggedByService', 'AADOperationType'] as const;
const INITIATOR_ATTRIBUTES = ['InitiatedBy', 'Identity'] as const;
const OUTCOME_ATTRIBUTES = ['Result', 'ResultReason', 'ResultDescription'] as const;

/** A record of 48 bytes. */
const TIMES = ['at', 'ingested'] as const;
const CODES = ['account', 'activity', 'initiator', 'target', 'detail', 'outcome', 'counter', 'correlation'] as const;

export class AuditRows {
  readonly #tenant: Tenant;
  readonly #span: Span;
  readonly #outages: readonly Outage[];
  readonly #ordinals: number[] = [];
  readonly #activities = new DimensionBuilder(ACTIVITY_ATTRIBUTES);
  readonly #initiators = new DimensionBuilder(INITIATOR_ATTRIBUTES, ['InitiatedBy']);
  readonly targets: TargetTexts;
  readonly #activityCodes = new Map<Activity, number>();
  readonly #details = new DimensionBuilder(['AdditionalDetails']);
  readonly #outcomes = new DimensionBuilder(OUTCOME_ATTRIBUTES);
  readonly #applicationCodes = new Map<ApplicationActor, number>();
  /** Initiators of the current account by where it acts from. */
  readonly #userCodes = new Map<Place, number>();
  readonly #records: Records;
  /** Numbers the background rows and actions of the current account. */
  nextCounter = 0;
  nextCorrelation = 0;

  /** @param acts - what the kernel needs to write what applications do; see background/audit.ts. */
  constructor(tenant: Tenant, span: Span, outages: readonly Outage[], acts: Partial<TableLayout>) {
    this.#tenant = tenant;
    this.#span = span;
    this.#outages = outages;
    this.targets = new TargetTexts(tenant);
    this.#records = new Records(TIMES, CODES, 'at', { ...plainLayout(span), outages, ...acts });
  }

  /** Where what applications do is written from. */
  get kernel(): RowKernel {
    return this.#records.kernel;
  }

  /** The number of the current account in this partition. */
  get account(): number {
    return this.#ordinals.length - 1;
  }

  get rowCount(): number {
    return this.#records.rowCount;
  }

  /**
   * The rows that follow belong to the account with this ordinal: it acts, or an application acts on it. Accounts come in
   * order of ordinal.
   */
  begin(ordinal: number): void {
    if (this.#ordinals.at(-1) !== ordinal) this.#ordinals.push(ordinal);
    this.nextCounter = 0;
    this.nextCorrelation = 0;
    this.#userCodes.clear();
  }

  activityCode(activity: Activity): number {
    let code = this.#activityCodes.get(activity);
    if (code === undefined) {
      code = this.#activities.append({
        OperationName: activity.operation,
        Category: activity.category,
        LoggedByService: activity.service,
        AADOperationType: operationType(activity.operation),
      });
      this.#activityCodes.set(activity, code);
    }
    return code;
  }

  /** @param identity - the Identity column: empty for users, the application's name otherwise. */
  initiatorCode(json: string, identity = ''): number {
    return this.#initiators.code(json, () => ({ InitiatedBy: json, Identity: identity }));
  }

  /** The initiator of rows that the current account writes from a place. */
  userCode(account: Account, place: Place): number {
    let code = this.#userCodes.get(place);
    if (code === undefined) {
      code = this.#initiators.append({ InitiatedBy: userInitiator(account, place.ip), Identity: '' });
      this.#userCodes.set(place, code);
    }
    return code;
  }

  /** The initiator of rows that an application of Microsoft's writes. */
  applicationCode(actor: ApplicationActor): number {
    let code = this.#applicationCodes.get(actor);
    if (code === undefined) {
      code = this.initiatorCode(applicationInitiator(this.#tenant, actor), APPLICATION_ACTORS[actor][0]);
      this.#applicationCodes.set(actor, code);
    }
    return code;
  }

  detailCode(json: string): number {
    return this.#details.code(json, () => ({ AdditionalDetails: json }));
  }

  outcomeCode(result: 'success' | 'failure', reason = ''): number {
    return this.#outcomes.code(`${result}/${reason}`, () => ({
      Result: result,
      ResultReason: reason,
      ResultDescription: '',
    }));
  }

  /** Whether a row at this time would be kept. Ask before making texts for it. */
  covers(atMs: number): boolean {
    return atMs >= 0 && atMs < this.#span.durationMs;
  }

  /** Adds a row; one outside the dataset's time is dropped. `atMs` counts from the start of the dataset. */
  add(
    atMs: number,
    activity: number,
    initiator: number,
    target: number,
    detail: number,
    outcome: number,
    correlation: number,
    random: RandomStream,
  ): void {
    const counter = this.nextCounter++;
    const at = this.#span.startTicks + Math.floor(atMs * 10_000);
    const ingested = ingestedAt(at, random, this.#outages);
    if (!this.covers(atMs)) return;
    this.#put(at, ingested, activity, initiator, target, detail, outcome, counter, correlation);
  }

  /** Adds a planted row exactly as planned, with its label. */
  plant(
    times: { readonly created: number; readonly ingested: number },
    codes: {
      readonly activity: number;
      readonly initiator: number;
      readonly target: number;
      readonly detail: number;
      readonly outcome: number;
    },
    ids: { readonly counter: number; readonly correlation: number },
    event: string,
  ): void {
    this.#put(
      times.created,
      times.ingested,
      codes.activity,
      codes.initiator,
      codes.target,
      codes.detail,
      codes.outcome,
      ids.counter,
      ids.correlation,
    );
    this.#records.label(times.created, event);
  }

  #put(
    at: number,
    ingested: number,
    activity: number,
    initiator: number,
    target: number,
    detail: number,
    outcome: number,
    counter: number,
    correlation: number,
  ): void {
    const records = this.#records;
    const record = records.next(at);
    const { times, codes } = records;
    let to = record / 8;
    times[to] = at;
    times[to + 1] = ingested;
    to = record / 4 + 4;
    codes[to] = this.#ordinals.length - 1;
    codes[to + 1] = activity;
    codes[to + 2] = initiator;
    codes[to + 3] = target;
    codes[to + 4] = detail;
    codes[to + 5] = outcome;
    codes[to + 6] = counter;
    codes[to + 7] = correlation;
  }

  /** The rows as facts, in order of TimeGenerated. The writer must not be used afterwards. */
  seal(): Facts {
    const targets = this.targets.seal();
    const dimensions: Record<string, Dimension> = {
      account: { size: this.#ordinals.length, attributes: { ordinal: Float64Array.from(this.#ordinals) } },
      activity: this.#activities.seal(),
      initiator: this.#initiators.seal(),
      target: { size: targets.length, attributes: { TargetResources: targets } },
      detail: this.#details.seal(),
      outcome: this.#outcomes.seal(),
    };
    return {
      table: 'AuditLogs',
      ...this.#records.seal(dimensions),
      dimensions,
      columns: auditColumns(this.#tenant),
    };
  }
}

function auditColumns(tenant: Tenant): FactColumn[] {
  const correlationSalt = `audit-correlation/${tenant.seed}`;
  return factColumns(
    'AuditLogs',
    tenant,
    {
      activity: ACTIVITY_ATTRIBUTES,
      initiator: INITIATOR_ATTRIBUTES,
      target: ['TargetResources'],
      detail: ['AdditionalDetails'],
      outcome: OUTCOME_ATTRIBUTES,
    },
    {
      ActivityDateTime: { from: 'field', field: 'at' },
      ActivityDisplayName: attributeOf('activity', 'OperationName'),
      Id: {
        from: 'id',
        form: 'directory',
        salt: `AuditLogs/${tenant.seed}`,
        dimension: 'account',
        account: 'account',
        counter: 'counter',
        correlation: 'correlation',
        correlationSalt,
      },
      CorrelationId: idSource('guid', correlationSalt, 'correlation'),
      ResourceId: constant(`/tenants/${tenant.tenantId}/providers/Microsoft.aadiam`),
      Resource: constant('Microsoft.aadiam'),
      _BilledSize: constant(2_048),
    },
    'at',
  );
}
