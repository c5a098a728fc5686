/**
 * Every figure that shapes generated data and is not a fact of a scenario. Each says where it comes from: a published
 * page, or "assumption" where nothing published was found. Nothing else in `generators` holds a rate, a share or a delay,
 * but for the weights of what is listed once and belongs beside its entries: failures and accesses in applications.ts, acts
 * in background/audit.ts, risk detections in risk.ts, departments in tenant.ts. They are assumptions too.
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
  servicePrincipalShare: 0.05,
  servicePrincipalMinimum: 6,
  /**
   * Accounts whose directory name carries capitals, as audit rows then show it. Assumption; that such accounts exist and
   * that sign-in rows lower-case them is documented (microsoft-graph-docs-contrib 9049).
   */
  capitalsShare: 0.15,
  /** How many people report to one. Assumption. */
  reportsPerManager: 8,
  /** People with a phone that runs Outlook and Teams. Assumption. */
  phoneShare: 0.8,
  /** People with a second computer at home. Assumption. */
  secondComputerShare: 0.12,
  /** People who sometimes use a commercial VPN, which leaves from a hosting provider's network. Assumption. */
  commercialVpnShare: 0.1,
  /** Developers who run scripts with HTTP libraries' own user agents. Assumption. */
  scriptingDeveloperShare: 0.5,
  /** Employees who begin to let a small application act for them within a week. Assumption. */
  connectedApplicationShare: 0.08,
} as const;

/** What machines people have. Shares and mixes are assumptions throughout. */
export const DEVICES = {
  macShare: 0.14,
  /** Of a company's computers: joined, hybrid joined, registered. */
  joinWeights: [58, 32, 10],
  /** Private computers that are registered; those that the directory does not know have no name and no policy. */
  privateRegisteredShare: 0.4,
  compliantShare: 0.94,
  safariOnMacShare: 0.5,
  /** On Windows: Edge, Chrome, Firefox. */
  browserWeights: [72, 24, 4],
  windows11Share: 0.85,
  iphoneShare: 0.58,
  phoneRegisteredShare: 0.75,
  phoneCompliantShare: 0.9,
  /** Of the servers that software signs in from. */
  windowsServerShare: 0.5,
} as const;

/** Non-interactive sign-ins. */
export const SILENT = {
  /** Rows per user and active day: lognormal. Assumption within "dozens to hundreds" (ridgelinecyber, NI). */
  dailyMedian: 90,
  dailySigma: 0.9,
  /** No client that works asks for more. Assumption. */
  dailyMaximum: 2_000,
  /** Rows of a day on average over users, as the figures above come to with days off. */
  dailyMean: 117,
  /** Of a member's rows, a guest's. Assumption. */
  guestShare: 0.12,
  /** One program more for so many rows a day, and phones with all their programs from so many on. Assumption. */
  rowsPerProgram: 16,
  busyRows: 60,
  /** Rows that a day has of each kind, as the figures below come to: page loads make up what is left of a user's rows. */
  usualRows: { renewals: 6.5, starts: 2.5, phone: 19, page: 4.6 },
  /** Life of an access token, after which it is renewed: 60 to 90 minutes (TOK). */
  renewalMinutes: [60, 90],
  /** Life of a token under continuous access evaluation: 20 to 28 hours (TOK). */
  caeRenewalHours: [20, 28],
  /** A primary refresh token is renewed every 4 hours (PRT). */
  prtRenewalHours: 4,
  /** Minutes by which a renewal of it comes late. Assumption. */
  prtLateMinutes: [0, 5],
  /** Rows in the minute after a computer wakes, per app. Assumption: 10 to 40 in all. */
  startBurstSeconds: 60,
  /** Seconds from waking to the first request; requests of each program, at most; seconds after lunch. Assumption. */
  startDelaySeconds: [2, 12],
  startTickets: 3,
  wakeSeconds: [0, 40],
  /** Working days after which the second computer is used, how long after work, and for how long. Assumption. */
  eveningShare: 0.3,
  eveningAfterMinutes: [60, 150],
  eveningMinutes: [20, 120],
  /** Pages that are loaded on it then. */
  eveningPages: 3,
  /** Rows of one page load, and the seconds it takes: 6 rows in 17 s in one published record. */
  pageLoadRows: [2, 7],
  pageLoadSeconds: 17,
  /** A phone renews at night, when it wakes at all. Assumption. */
  phoneNightShare: 0.35,
  /** A phone's renewals while its owner is awake, and when; of these, those of a day off; when its day-long tokens are renewed. Assumption. */
  phoneAwakeShare: 0.85,
  phoneAwakeHours: [7, 22.5],
  phoneDayOffShare: 0.55,
  phoneCaeHours: [5, 23],
  /** Tokens that a scripting developer's scripts, and any developer's command lines, ask for on a working day. Assumption. */
  scriptingDaily: 22,
  commandLineDaily: 2,
  /** Command lines whose tokens descend from a device code. Assumption. */
  deviceCodeShare: 0.3,
  /** Ordinary failures, everywhere. Assumption: the rest of the 3-6 % comes from few clients. */
  scatteredFailureShare: 0.006,
  /** Users with a client that fails in a loop. Assumption; one such client can make most of a tenant's rows (verboon.info, 2022). */
  loopingShare: 0.002,
  /** Share of all silent rows that loops make. Assumption, so that failures are 3-6 % in all. */
  loopRowShare: 0.035,
  /** Bounds of one loop's rows a day. Assumption. */
  loopDaily: [40, 10_000],
  /** Hours between two renewals of a small application that acts for somebody, and the days that it is kept: lognormal. Assumption. */
  connectedHours: [1, 9],
  connectedDaysMedian: 1.2,
  connectedDaysSigma: 1.2,
  /** How unlike loops are, and how even the steps of one. Assumption. */
  loopSigma: 0.4,
  loopJitter: [0.6, 1.4],
} as const;

/** Work in the portal or on a command line. Assumptions throughout, but for the page load (see SILENT). */
export const PORTAL = {
  /** Mean sessions on a working day. */
  sessionsDaily: { admin: 2.6, helpDesk: 3, developer: 0.5, employee: 0.004, guest: 0, serviceAccount: 0 },
  sessionsMaximum: 12,
  /** How long one lasts: lognormal; and minutes between two. */
  minutesMedian: 14,
  minutesSigma: 0.7,
  pauseMinutes: 2,
  /** Sessions that ask for the second factor again. */
  mfaShare: 0.3,
  /** From the sign-in to the page's first request, to the first blade, and from blade to blade; rows of a blade, at most. */
  loadDelaySeconds: [0.8, 2.5],
  firstBladeMinutes: [0.5, 4],
  nextBladeMinutes: [0.7, 7],
  bladeRows: 3,
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
  /** Of interrupts, those that ask for a second factor. Assumption. */
  secondFactorInterruptShare: 0.7,
  /** Medians of separate administrators' accounts, which browse nothing, and of guests. Assumption. */
  dedicatedMedian: 0.3,
  guestMedian: 0.8,
  dailyMaximum: 30,
  /** Minutes after the start of work at which the first one happens. Assumption. */
  firstMinutes: [0.2, 25],
  /** Of those without a prompt, those with a second factor proven earlier. Assumption. */
  factorCarriedShare: 0.6,
  /** Tries of a wrong password and of other failures, at most; seconds between two, and from an interrupt to the answer. Assumption. */
  wrongPasswords: 3,
  otherTries: 2,
  retrySeconds: [6, 40],
  answerSeconds: [8, 45],
  /** Failures after which nobody tries again. Assumption. */
  givenUpShare: 0.25,
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
  /** Of the others, those that run at a hosting provider; the rest in an office. */
  hostedShare: 0.5,
  /** Of those, the ones that run without a server of their own: each run has another address of the provider's. */
  serverlessShare: 0.5,
  /** Resources that one asks for, at most; milliseconds over which it does; how even its intervals are. */
  resources: 3,
  spreadMs: [0, 1500],
  jitter: [0.97, 1.03],
} as const;

/** The working day. No published curve was found: assumptions throughout. */
export const DAY = {
  /** Local time at which people start, and its spread, in minutes. */
  startMinute: 8 * 60 + 35,
  startSpread: 40,
  workMinutes: 8 * 60 + 40,
  workSpread: 50,
  earliestMinute: 5 * 60,
  shortestMinutes: 3 * 60,
  longestMinutes: 14 * 60,
  lunchMinute: 12 * 60 + 15,
  lunchMinutes: 50,
  /** Share of people who work on a day of the week, and of a weekend. */
  weekdayShare: 0.93,
  weekendShare: 0.12,
  /** Share of working days at an office rather than at home. */
  officeShare: 0.62,
  weekendOfficeShare: 0.1,
  /** Where a day at home goes through the company's VPN. */
  homeVpnShare: 0.35,
  /** Hours in which phones may be out, and the hours after which the carrier hands out another address. */
  roamingHours: [7, 20],
  mobileAddressHours: 6,
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
  /** Passwords that an agent of the help desk resets on a working day; each makes two of these rows. Assumption. */
  helpDeskResetsDaily: 1.5,
  serviceAccountDaily: 12,
  /** Of an administrator's actions, and of an application's, those that are any activity at all. Assumption. */
  longTailShare: 0.05,
  applicationLongTailShare: 0.004,
  /** Application identities that act in the directory, and their actions a day. Assumption. */
  principalShare: 0.4,
  principalDaily: 2,
  /** Actions that failed. Assumption. */
  failureShare: 0.02,
  /** Working days on which a person changes the password (one in some 90), or resets a forgotten one by self-service. Assumption. */
  passwordChangeDaily: 0.012,
  passwordResetDaily: 0.005,
  /** Minutes until each other device is signed in anew, lognormal; until then its tokens are refused. Assumption. */
  signInAnewMedian: 100,
  /** The same for the first device after the help desk's reset, whose owner is on the telephone. */
  resetSignInMedian: 6,
  signInAnewSigma: 1,
  signInAnewMaximum: 20 * 60,
  /** Applications on a working day and on a day off, of their mean. Assumption. */
  workdayFactor: 1.15,
  dayOffFactor: 0.6,
  /** What an update of a policy does: excludes somebody, switches it off; else it only reports from then on. Assumption. */
  policyExclusionShare: 0.65,
  policyDisabledShare: 0.2,
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

/** Sign-ins that Identity Protection detects a risk in. Assumptions: that honest sign-ins are detected is documented, shares are not. */
export const RISK = {
  /** Of successful interactive sign-ins, and of those from a hosting or VPN provider's network. */
  interactiveShare: 0.005,
  interactiveHostingShare: 0.06,
  /** Of successful silent ones. */
  silentShare: 0.0006,
  /** Of an attacker's, by network. From the victim's own they look like the victim's. */
  attackShare: { hosting: 0.12, residential: 0.04, victim: 0.005 },
} as const;

/** What attackers do that no chain says. Assumptions. */
export const ATTACKS = {
  /**
   * Who hides acts behind fresh tokens renews from so long before the first to so long after the last: longer than nearly all
   * sign-ins take to be published, so that some are published at any time between.
   */
  maskLeadMinutes: 6,
  maskTailMinutes: 12,
} as const;

/** The size of a partition, in rows: large enough to amortise its dictionaries, small enough for a worker's memory. */
export const PARTITION = { rows: 250_000, minimum: 4, maximum: 4_096 } as const;
