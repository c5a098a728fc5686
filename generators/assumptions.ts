/**
 * Every figure that shapes generated data and is not a fact of a scenario. Each says where it comes from: a published
 * page, or "assumption" where nothing published was found. Nothing else in `generators` holds a rate, a share or a delay.
 *
 * Sources, short: VOL = Microsoft's "Activity logs in Azure Monitor" sizing table; NI = Microsoft's "Non-interactive
 * sign-ins"; TOK = Microsoft's "Configurable token lifetimes"; PRT = Microsoft's "Primary Refresh Token"; ING = Microsoft's
 * "Log data ingestion time"; LAT = Microsoft's "Reporting latencies"; FAQ = Microsoft's sign-in log FAQ; ridgelinecyber =
 * its public training on Entra sign-in logs; odiesec = its public report on one business e-mail compromise.
 */

/** Who is in a tenant, as shares of the number of users. */
export const PEOPLE = {
  /** Accounts with a directory role. Assumption: 0.5-1 % of users, never fewer than three. */
  adminShare: 0.01,
  adminMinimum: 3,
  /** Of the admins, how many hold a separate account for it. Assumption. */
  dedicatedAdminShare: 0.5,
  /** Assumption: one help-desk agent for some 150 people. */
  helpDeskShare: 0.007,
  helpDeskMinimum: 2,
  /** Assumption: people who register applications. */
  developerShare: 0.04,
  developerMinimum: 2,
  /** Assumption. */
  guestShare: 0.05,
  guestMinimum: 2,
  /** User accounts that software signs in with. Assumption. */
  serviceAccountShare: 0.004,
  serviceAccountMinimum: 1,
  /** Application identities that act on their own. Assumption. */
  servicePrincipalShare: 0.02,
  servicePrincipalMinimum: 6,
  /**
   * Accounts whose directory name carries capitals, as audit rows then show it. Assumption; that such accounts exist and
   * that sign-in rows lower-case them is documented (microsoft-graph-docs-contrib 9049).
   */
  capitalsShare: 0.15,
  /** People with a phone that runs Outlook and Teams. Assumption. */
  phoneShare: 0.8,
  /** People with a second computer at home. Assumption. */
  secondComputerShare: 0.12,
  /** People who sometimes use a commercial VPN, which leaves from a hosting provider's network. Assumption. */
  commercialVpnShare: 0.06,
  /** Developers who run scripts with HTTP libraries' own user agents. Assumption. */
  scriptingDeveloperShare: 0.5,
} as const;

/** Non-interactive sign-ins. */
export const SILENT = {
  /** Rows per user and active day: lognormal. Assumption within "dozens to hundreds" (ridgelinecyber, NI). */
  dailyMedian: 90,
  dailySigma: 0.9,
  /** No client that works asks for more. Assumption. */
  dailyMaximum: 2_000,
  /** Life of an access token, after which it is renewed: 60 to 90 minutes (TOK). */
  renewalMinutes: [60, 90],
  /** Life of a token under continuous access evaluation: 20 to 28 hours (TOK). */
  caeRenewalHours: [20, 28],
  /** A primary refresh token is renewed every 4 hours (PRT). */
  prtRenewalHours: 4,
  /** Rows in the minute after a computer wakes, per app. Assumption: 10 to 40 in all. */
  startBurstSeconds: 60,
  /** Rows of one page load, and the seconds it takes: 6 rows in 17 s in one published record. */
  pageLoadRows: [2, 7],
  pageLoadSeconds: 17,
  /** A phone renews at night, when it wakes at all. Assumption. */
  phoneNightShare: 0.35,
  /** Tokens that a scripting developer's scripts, and any developer's command lines, ask for on a working day. Assumption. */
  scriptingDaily: 22,
  commandLineDaily: 2,
  /** Ordinary failures, everywhere. Assumption: the rest of the 3-6 % comes from few clients. */
  scatteredFailureShare: 0.006,
  /** Users with a client that fails in a loop. Assumption; one such client can make most of a tenant's rows (verboon.info, 2022). */
  loopingShare: 0.002,
  /** Share of all silent rows that loops make. Assumption, so that failures are 3-6 % in all. */
  loopRowShare: 0.035,
  /** Bounds of one loop's rows a day. Assumption. */
  loopDaily: [40, 10_000],
} as const;

/** Interactive sign-ins. */
export const INTERACTIVE = {
  /** Days that a device's session lasts before its owner signs in anew. Assumption. */
  sessionDays: 12,
  /** Hours before the midnight at which the new session takes over. Assumption. */
  renewalHours: [1, 4],
  /** Rows per user and active day. Assumption within 1-5 (ridgelinecyber). */
  dailyMedian: 4,
  dailySigma: 0.5,
  /** Share that a browser session satisfied without a prompt ("Previously satisfied"). Assumption. */
  previouslySatisfiedShare: 0.72,
  /** Failures that a person causes: a wrong password, a denied or late second factor. Assumption. */
  failureShare: 0.06,
  /** Working days on which a developer signs a command line in by device code. Assumption. */
  deviceCodeShare: 0.12,
  /** Interrupts before success: a second factor asked for, "stay signed in?". Assumption. */
  interruptShare: 0.25,
} as const;

/** Applications that act by themselves. Assumptions throughout. */
export const PRINCIPALS = {
  /** How often their jobs ask for tokens, and how common each interval is. */
  intervalMinutes: [5, 15, 60, 360, 1440],
  intervalWeights: [8, 20, 45, 15, 12],
  /** Those whose secret runs out within the dataset's time. */
  expiringShare: 0.04,
  /** Those that are managed identities. */
  managedShare: 0.35,
} as const;

/** The working day. No published curve was found: assumptions throughout. */
export const DAY = {
  /** Local time at which people start, and its spread, in minutes. */
  startMinute: 8 * 60 + 35,
  startSpread: 40,
  workMinutes: 8 * 60 + 40,
  workSpread: 50,
  lunchMinute: 12 * 60 + 15,
  lunchMinutes: 50,
  /** Share of people who work on a day of the week, and of a weekend. */
  weekdayShare: 0.93,
  weekendShare: 0.12,
  /** Share of working days at an office rather than at home. */
  officeShare: 0.62,
  /** Where a day at home goes through the company's VPN. */
  homeVpnShare: 0.35,
  /** Page loads by hour since midnight: two humps, at 9-10 and 13-14. */
  pageLoadWeights: [
    0.4, 0.2, 0.1, 0.1, 0.2, 0.5, 1.5, 4, 8.5, 11, 10, 9, 5, 9.5, 10, 9, 7.5, 5.5, 3, 2, 1.8, 1.5, 1.1, 0.7,
  ],
} as const;

/** Audit events. */
export const AUDIT = {
  /** Rows per user and day: 1,000 users make 15,000 a day (VOL). */
  dailyPerUser: 15,
  /** Of these, the share that applications make: device updates, licences, synchronisation. Assumption: 85-90 %. */
  applicationShare: 0.88,
  /** Rows that an ordinary person makes on a working day. Assumption: 0.2-1. */
  personDaily: 1,
  /** Rows that an administrator makes on a working day. Assumption: 10-60. */
  adminDailyMedian: 25,
  adminDailySigma: 0.55,
  developerDaily: 2,
  helpDeskDaily: 14,
  serviceAccountDaily: 12,
  /** Of an administrator's actions, and of an application's, those that are any activity at all. Assumption. */
  longTailShare: 0.05,
  applicationLongTailShare: 0.004,
  /** Actions that failed. Assumption. */
  failureShare: 0.02,
} as const;

/** Clocks: when a row is published and when it can be queried. Seconds, as (probability, value) quantiles. */
export const DELAYS = {
  /** CreatedDateTime to TimeGenerated of a sign-in. Median 75 s from one record's 99 s and "1-2 min"; P99 5 min (LAT). */
  publishSeconds: [
    [0.001, 12],
    [0.5, 75],
    [0.95, 170],
    [0.99, 300],
  ],
  /** TimeGenerated to ingestion: "typically 20 s to 3 min" (ING); tail by assumption. Audit rows count from their activity. */
  ingestionSeconds: [
    [0.001, 18],
    [0.5, 120],
    [0.95, 300],
    [0.99, 720],
  ],
  /** Outages of one table's ingestion: how many in 30 days, and how long in minutes. Assumption. */
  outagesPerMonth: 1,
  outageMinutes: [30, 120],
  /** Sign-in rows that are published twice (FAQ says that it happens; the share is an assumption). */
  duplicateShare: 0.005,
} as const;

/** The size of a partition, in rows: large enough to amortise its dictionaries, small enough for a worker's memory. */
export const PARTITION = { rows: 250_000, minimum: 4, maximum: 4_096 } as const;
