/**
 * What Identity Protection says of a sign-in: names and states as sign-in rows have them (microsoft-graph-docs, `signIn` and
 * `riskDetection`). Detections fall on honest people far more often than on attackers: who uses a new phone, a VPN or a
 * hotel's network. No shares have been published; the weights are assumptions, as the shares in assumptions.ts are.
 */
import { type RandomStream, Weights } from '../src/base/random.ts';
import { HOSTERS } from './places.ts';
import type { Place } from './tenant.ts';

export interface Risk {
  readonly event: string;
  readonly level: 'low' | 'medium' | 'high';
  readonly state: 'atRisk' | 'remediated' | 'dismissed';
  readonly detail:
    | 'none'
    | 'userPassedMFADrivenByRiskBasedPolicy'
    | 'aiConfirmedSigninSafe'
    | 'adminDismissedAllRiskForUser';
}

function risk(event: string, level: Risk['level'], state: Risk['state'], detail: Risk['detail'] = 'none'): Risk {
  return { event, level, state, detail };
}

const RISKS: readonly (readonly [weight: number, risk: Risk])[] = [
  [30, risk('unfamiliarFeatures', 'low', 'atRisk')],
  [16, risk('unfamiliarFeatures', 'low', 'dismissed', 'aiConfirmedSigninSafe')],
  [14, risk('unfamiliarFeatures', 'medium', 'remediated', 'userPassedMFADrivenByRiskBasedPolicy')],
  [9, risk('anonymizedIPAddress', 'medium', 'remediated', 'userPassedMFADrivenByRiskBasedPolicy')],
  [6, risk('anonymizedIPAddress', 'medium', 'atRisk')],
  [10, risk('unlikelyTravel', 'low', 'dismissed', 'aiConfirmedSigninSafe')],
  [3, risk('unlikelyTravel', 'medium', 'dismissed', 'adminDismissedAllRiskForUser')],
  [7, risk('anomalousToken', 'low', 'atRisk')],
  [4, risk('generic', 'low', 'atRisk')],
  [1, risk('maliciousIPAddress', 'high', 'atRisk')],
];
export const RISK_WEIGHTS = new Weights(RISKS.map(([weight]) => weight));
/** In the order of their weights. */
export const EVERY_RISK: readonly Risk[] = RISKS.map(([, found]) => found);

/** The detection of a sign-in whose situation is `risky`. */
export const ASSESSED_RISK = EVERY_RISK[2]!;

export function drawRisk(random: RandomStream): Risk {
  return EVERY_RISK[random.weighted(RISK_WEIGHTS)]!;
}

const HOSTING = new Set(HOSTERS.map(({ asn }) => asn));

/** Whether an address belongs to a hosting or VPN provider. */
export function isHosting({ asn }: Place): boolean {
  return HOSTING.has(asn);
}

export const RISK_ATTRIBUTES = [
  'RiskState',
  'RiskDetail',
  'RiskLevelDuringSignIn',
  'RiskLevelAggregated',
  'RiskEventTypes',
  'RiskEventTypes_V2',
] as const;

const NO_RISK: Readonly<Record<(typeof RISK_ATTRIBUTES)[number], string>> = {
  RiskState: 'none',
  RiskDetail: 'none',
  RiskLevelDuringSignIn: 'none',
  RiskLevelAggregated: 'none',
  RiskEventTypes: '[]',
  RiskEventTypes_V2: '[]',
};

/** What a row says of a detection, or of none. Risk that was settled counts no more. */
export function riskAttributes(found: Risk | undefined): Readonly<Record<(typeof RISK_ATTRIBUTES)[number], string>> {
  if (!found) return NO_RISK;
  return {
    RiskState: found.state,
    RiskDetail: found.detail,
    RiskLevelDuringSignIn: found.level,
    RiskLevelAggregated: found.state === 'atRisk' ? found.level : 'none',
    RiskEventTypes: JSON.stringify([found.event]),
    RiskEventTypes_V2: JSON.stringify([found.event]),
  };
}
