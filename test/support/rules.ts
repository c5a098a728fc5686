/** Rules for tests of checks: a clean one, and others made from it by laying fields over it. */
import type { CheckSeverity } from '../../src/rules/checks/check.ts';
import { TEMPLATE_CHECKS } from '../../src/rules/checks/template.ts';
import { readRule } from '../../src/rules/rule.ts';

const CLEAN = `id: 0b9ae89d-8cad-461c-808f-0494f70ad5c4
name: A user was deleted
description: Finds deletions of users.
kind: Scheduled
version: 1.0.0
severity: Medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [AuditLogs, SigninLogs, AADNonInteractiveUserSignInLogs]
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
tactics: [Persistence]
relevantTechniques: [T1098]
query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | extend Actor = tostring(InitiatedBy.user.id)
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: AadUserId, columnName: Actor}]
`;

function blocksOf(text: string): Map<string, string> {
  const blocks = text.split(/^(?=[A-Za-z]\w*:)/m).filter((block) => block.trim() !== '');
  return new Map(blocks.map((block) => [/^\w+/.exec(block)?.[0] ?? '', block.endsWith('\n') ? block : `${block}\n`]));
}

/** The clean rule with the top-level fields of `fields` in place of its own. */
export function cleanRuleWith(fields = ''): string {
  return [...new Map([...blocksOf(CLEAN), ...blocksOf(fields)]).values()].join('');
}

export interface TemplateFinding {
  readonly check: string;
  readonly severity: CheckSeverity;
  readonly message: string;
}

/** What is wrong with everything but the query, which is not looked at: its parser takes seconds to load. */
export function templateFindings(text: string): TemplateFinding[] {
  const { draft, errors } = readRule(text, 'rule.yaml');
  const found: TemplateFinding[] = errors.map(({ message }) => ({ check: 'rule', severity: 'error', message }));
  for (const check of draft ? TEMPLATE_CHECKS : []) {
    const { id, severity } = check;
    for (const { message } of check.find({ rule: draft!, plan: undefined }))
      found.push({ check: id, severity, message });
  }
  return found;
}
