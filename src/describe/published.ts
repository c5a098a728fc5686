/**
 * What has been published about the volume and the clocks of Entra ID's logs, to lay beside what a dataset shows. Nothing
 * published was found on the share of sign-ins that fail, on the curve of a day, on the share of administrators, or on
 * percentiles of ingestion of these tables, so no figure here is about those.
 */
import type { Percentiles } from './distribution.ts';

/** What a comparison needs of a description. */
export interface Measurable {
  readonly signInsPerUserDay: number | null;
  readonly auditRowsPerUserDay: number | null;
  readonly silentPerInteractive: number | null;
  readonly silentPerActiveUserDay: Percentiles | null;
  readonly interactivePerActiveUserDay: Percentiles | null;
  readonly publishDelayMs: Percentiles | null;
  readonly ingestionDelayMs: Percentiles | null;
}

interface Source {
  readonly name: string;
  readonly link: string;
}

export interface PublishedFigure {
  readonly name: string;
  readonly unit: 'count' | 'ms';
  /** What was published: from `low` to `high`, both inclusive; equal where one number was. */
  readonly low: number;
  readonly high: number;
  /** As a share of the nearer bound: how far outside a measured value may lie and still agree. */
  readonly tolerance: number;
  /** Why the tolerance is what it is, and what the figure does not say. */
  readonly note: string;
  readonly source: Source;
  readonly measure: (measurable: Measurable) => number | null;
}

export interface Comparison extends Omit<PublishedFigure, 'measure'> {
  /** Null where the dataset has no such rows. */
  readonly measured: number | null;
  /** Whether the measured value lies within the published range, give or take the tolerance. */
  readonly agrees: boolean | null;
}

const MICROSOFT_VOLUME: Source = {
  name: 'Microsoft, activity log sizes (2018)',
  link: 'https://github.com/MicrosoftDocs/azure-docs/blob/05c34609/articles/active-directory/reports-monitoring/concept-activity-logs-azure-monitor.md',
};
const MICROSOFT_LATENCY: Source = {
  name: 'Microsoft, reporting latencies (2021)',
  link: 'https://github.com/MicrosoftDocs/azure-docs/blob/077b8251/articles/active-directory/reports-monitoring/reference-reports-latencies.md',
};
const MICROSOFT_INGESTION: Source = {
  name: 'Microsoft, log ingestion time',
  link: 'https://github.com/MicrosoftDocs/azure-docs/blob/017654d1/articles/azure-monitor/logs/data-ingestion-time.md',
};
const RIDGELINE_KINDS: Source = {
  name: 'Ridgeline Cyber, training EI1.2',
  link: 'https://ridgelinecyber.com/training/modules/free/ei01-sign-in-logs/02-interactive-vs-noninteractive/',
};
const RIDGELINE_VOLUME: Source = {
  name: 'Ridgeline Cyber, training 4.5',
  link: 'https://training.ridgelinecyber.com/modules/free/04-entra-signin-log-analysis/05-volume-and-exam',
};
const ELASTIC: Source = {
  name: 'Elastic, integrations PR 20287',
  link: 'https://github.com/elastic/integrations/pull/20287',
};

export const PUBLISHED: readonly PublishedFigure[] = [
  {
    name: 'audit rows per user and day',
    unit: 'count',
    low: 15,
    high: 15,
    tolerance: 0.3,
    note: 'One figure for every size of tenant; days off and planted incidents move the mean of a short dataset.',
    source: MICROSOFT_VOLUME,
    measure: ({ auditRowsPerUserDay }) => auditRowsPerUserDay,
  },
  {
    name: 'sign-ins per user and day',
    unit: 'count',
    low: 34.8,
    high: 150,
    tolerance: 0.2,
    note: 'From 1,000 users to 100,000, silent and interactive ones together; older than the split of the two.',
    source: MICROSOFT_VOLUME,
    measure: ({ signInsPerUserDay }) => signInsPerUserDay,
  },
  {
    name: 'silent sign-ins to an interactive one',
    unit: 'count',
    low: 10,
    high: 50,
    tolerance: 0,
    note: 'A wide range already.',
    source: RIDGELINE_VOLUME,
    measure: ({ silentPerInteractive }) => silentPerInteractive,
  },
  {
    name: 'silent sign-ins, user and day, p50',
    unit: 'count',
    low: 24,
    high: 999,
    tolerance: 0,
    note: 'Published in words: dozens to hundreds. Days on which the user signed in.',
    source: RIDGELINE_KINDS,
    measure: ({ silentPerActiveUserDay }) => silentPerActiveUserDay?.p50 ?? null,
  },
  {
    name: 'interactive ones, user and day, p50',
    unit: 'count',
    low: 1,
    high: 5,
    tolerance: 0,
    note: 'Days on which the user signed in.',
    source: RIDGELINE_KINDS,
    measure: ({ interactivePerActiveUserDay }) => interactivePerActiveUserDay?.p50 ?? null,
  },
  {
    name: 'event to publication, p50',
    unit: 'ms',
    low: 60_000,
    high: 120_000,
    tolerance: 0.1,
    note: 'CreatedDateTime to TimeGenerated of sign-ins: typically one to two minutes.',
    source: ELASTIC,
    measure: ({ publishDelayMs }) => publishDelayMs?.p50 ?? null,
  },
  {
    name: 'event to publication, p95',
    unit: 'ms',
    low: 120_000,
    high: 120_000,
    tolerance: 0.5,
    note: 'Measured for the portal, whose clock starts and stops elsewhere; a median of one to two minutes leaves little room below.',
    source: MICROSOFT_LATENCY,
    measure: ({ publishDelayMs }) => publishDelayMs?.p95 ?? null,
  },
  {
    name: 'event to publication, p99',
    unit: 'ms',
    low: 300_000,
    high: 300_000,
    tolerance: 0.2,
    note: 'Measured for the portal.',
    source: MICROSOFT_LATENCY,
    measure: ({ publishDelayMs }) => publishDelayMs?.p99 ?? null,
  },
  {
    name: 'publication to ingestion, p50',
    unit: 'ms',
    low: 20_000,
    high: 180_000,
    tolerance: 0,
    note: 'The typical range of Log Analytics as a whole.',
    source: MICROSOFT_INGESTION,
    measure: ({ ingestionDelayMs }) => ingestionDelayMs?.p50 ?? null,
  },
];

/** Every published figure with what was measured beside it. */
export function compareWithPublished(measurable: Measurable): Comparison[] {
  return PUBLISHED.map(({ measure, ...figure }) => {
    const measured = measure(measurable);
    const { low, high, tolerance } = figure;
    return {
      ...figure,
      measured,
      agrees: measured === null ? null : measured >= low * (1 - tolerance) && measured <= high * (1 + tolerance),
    };
  });
}
