/**
 * ATT&CK as the checks ask for it: whether a technique exists, what it is called, which tactics it belongs to, and whether
 * the logs of Entra ID could show it at all.
 */
import { REVOKED, TACTIC_CODES, TECHNIQUE_LINES } from './techniques.ts';

export { ATTACK_VERSION } from './techniques.ts';

export interface Technique {
  /** A sub-technique's with its technique's: `Valid Accounts: Cloud Accounts`. */
  readonly name: string;
  /** As rules spell them, in the order of ATT&CK's matrix. */
  readonly tactics: readonly string[];
}

/** Techniques and sub-techniques by their ids. */
export const TECHNIQUES: ReadonlyMap<string, Technique> = new Map(
  TECHNIQUE_LINES.trim()
    .split('\n')
    .flatMap((line): [string, Technique][] => {
      const [head, ...parts] = line.split('|');
      const [, id, codes, name] = /^(\S+) (\S+) (.+)$/.exec(head!)!;
      const tactics = codes!.split(',').map((code) => TACTIC_CODES[code]!);
      const subs = parts.map((part): [string, Technique] => {
        const [, number, own] = /^(\d+) (.+)$/.exec(part)!;
        return [`${id}.${number!.padStart(3, '0')}`, { name: `${name}: ${own}`, tactics }];
      });
      return [[id!, { name: name!, tactics }], ...subs];
    }),
);

/** The id that a revoked one was replaced by; undefined where it was not, as far as is known. */
export function successorOf(technique: string): string | undefined {
  return REVOKED[technique];
}

/** ATT&CK for ICS has a matrix of its own (T0800 and up), and so do its tactics. */
export function isIcs(technique: string): boolean {
  return technique.startsWith('T0');
}

/** Sentinel still takes the tactic that Reconnaissance and ResourceDevelopment replaced. */
const PRE_ATTACK: ReadonlySet<string> = new Set(['Reconnaissance', 'ResourceDevelopment']);

/** Whether a technique of these tactics belongs to a rule of those. */
export function sharesTactic(technique: Technique, tactics: readonly string[]): boolean {
  return technique.tactics.some(
    (tactic) => tactics.includes(tactic) || (PRE_ATTACK.has(tactic) && tactics.includes('PreAttack')),
  );
}

/** Techniques that the logs of Entra ID cannot show, with what fits better. */
const HOST_ONLY: Readonly<Record<string, string>> = {
  T1003: 'T1528, T1552 or T1606',
  T1055: 'T1550',
  T1059: 'T1651',
  T1068: 'T1098 or T1548.005',
  T1134: 'T1550.001 (application access token), T1550.004 (web session cookie), T1539 or T1528',
  T1558: 'T1528 or T1606',
};

/** What to name instead of a technique that only a host can show; undefined for others. */
export function cloudTechniqueFor(technique: string): string | undefined {
  return technique === 'T1059.009' ? undefined : HOST_ONLY[technique.slice(0, 5)];
}
