/**
 * Rules as a careful engineer writes them, of every shape that rules have. A check that finds something in one of them
 * cries wolf.
 */
import { describe, expect, test } from 'vitest';
import { checkRule } from '../../../src/rules/checks/index.ts';
import { cleanRuleWith } from '../../support/rules.ts';

const NO_ENTITIES = 'entityMappings: []\n';

function account(identifier: string, columnName: string, more = ''): string {
  return `entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: ${identifier}, columnName: ${columnName}}]\n${more}`;
}

const IP = '  - entityType: IP\n    fieldMappings: [{identifier: Address, columnName: IPAddress}]\n';

const RULES: Readonly<Record<string, string>> = {
  'a spray over many accounts, by address and hour': `queryFrequency: 1h
queryPeriod: 1h
tactics: [CredentialAccess]
relevantTechniques: [T1110.003]
query: |
  SigninLogs
  | where ResultType in ("50126", "50053", "50056")
  | summarize Accounts = dcount(UserId), Failures = count(), First = min(TimeGenerated) by IPAddress
  | where Accounts >= 10
entityMappings:
${IP}`,

  'many failures, then a success, kept in order': `tactics: [CredentialAccess]
relevantTechniques: [T1110.001]
query: |
  let failures = SigninLogs
    | where ResultType == "50126"
    | summarize Failures = count(), LastFailure = max(CreatedDateTime) by UserId, IPAddress
    | where Failures >= 20;
  SigninLogs
  | where ResultType == "0"
  | project TimeGenerated, CreatedDateTime, Id, UserId, IPAddress
  | join kind=inner failures on UserId, IPAddress
  | project TimeGenerated, Id, UserId, IPAddress, Failures
${account('AadUserId', 'UserId', IP)}`,

  'a role assigned, by people and by applications': `severity: High
tactics: [PrivilegeEscalation]
relevantTechniques: [T1098.003]
query: |
  AuditLogs
  | where OperationName in ("Add member to role", "Add eligible member to role") and Result == "success"
  | extend Actor = coalesce(tostring(InitiatedBy.user.id), tostring(InitiatedBy.app.servicePrincipalId))
  | mv-expand Target = TargetResources
  | where tostring(Target.type) == "User"
  | project TimeGenerated, Id, OperationName, Actor, Member = tostring(Target.id)
${account('AadUserId', 'Actor')}`,

  'an NRT rule': `kind: NRT
severity: High
query: |
  AuditLogs
  | where OperationName == "Set domain authentication" and Result == "success"
  | project TimeGenerated, Id, Actor = tostring(InitiatedBy.user.id), Domain = tostring(TargetResources[0].displayName)
`,

  'late rows taken once, by their ingestion': `queryFrequency: 1h
queryPeriod: 5h
query: |
  AuditLogs
  | where ingestion_time() > ago(1h)
  | where OperationName == "Delete user" and Result == "success"
  | project TimeGenerated, Id, Actor = tostring(InitiatedBy.user.id)
`,

  'a country that the account has never signed in from': `queryFrequency: 1d
queryPeriod: 14d
tactics: [InitialAccess]
relevantTechniques: [T1078.004]
query: |
  let known = SigninLogs
    | where TimeGenerated < ago(1d) and ResultType == "0"
    | distinct UserId, Location;
  SigninLogs
  | where TimeGenerated >= ago(1d) and ResultType == "0" and isnotempty(Location)
  | project TimeGenerated, Id, UserId, Location, IPAddress
  | join kind=leftanti known on UserId, Location
${account('AadUserId', 'UserId', IP)}`,

  'two countries within an hour, silent sign-ins included': `tactics: [InitialAccess]
relevantTechniques: [T1078]
query: |
  union SigninLogs, AADNonInteractiveUserSignInLogs
  | where ResultType == "0" and isnotempty(UserId)
  | summarize Countries = make_set(Location, 10) by UserId
  | where array_length(Countries) > 1
${account('AadUserId', 'UserId')}`,

  'a sign-in that is followed by an act, by event time and id': `tactics: [Persistence]
relevantTechniques: [T1098.001]
query: |
  let signIns = AADNonInteractiveUserSignInLogs
    | where ResultType == "0"
    | project UserId, IPAddress, SignedIn = CreatedDateTime;
  AuditLogs
  | where OperationName has "Certificates and secrets management" and Result == "success"
  | extend Actor = tostring(InitiatedBy.user.id), Address = tostring(InitiatedBy.user.ipAddress)
  | join kind=inner signIns on $left.Actor == $right.UserId, $left.Address == $right.IPAddress
  | where ActivityDateTime - SignedIn between (0m .. 60m)
  | summarize arg_max(SignedIn, Actor, IPAddress, OperationName) by Id
${account('AadUserId', 'Actor', IP)}`,

  'names folded on both sides, guests handled': `tactics: [Persistence]
relevantTechniques: [T1098.005]
query: |
  let risky = SigninLogs
    | where RiskLevelDuringSignIn == "high" and ResultType == "0"
    | summarize Risky = count() by User = tolower(UserPrincipalName);
  AuditLogs
  | where OperationName == "User registered security info" and Result == "success"
  | extend User = tolower(tostring(InitiatedBy.user.userPrincipalName))
  | extend User = iff(User has "#ext#", replace_string(extract(@"^(.+)#ext#", 1, User), "_", "@"), User)
  | join kind=inner risky on User
  | project TimeGenerated, Id, User, Risky
${account('FullName', 'User')}`,

  'an application that consumes a new permission': `tactics: [CredentialAccess]
relevantTechniques: [T1528]
query: |
  AuditLogs
  | where OperationName == "Consent to application" and Result =~ "success"
  | mv-expand Change = TargetResources[0].modifiedProperties
  | where tostring(Change.displayName) == "ConsentAction.Permissions" and tostring(Change.newValue) has_any ("Mail.Read", "Files.Read.All")
  | project TimeGenerated, CorrelationId, Actor = tostring(InitiatedBy.user.id), Application = tostring(TargetResources[0].displayName)
${account('AadUserId', 'Actor')}`,

  'a series that leaves its usual range': `queryFrequency: 1d
queryPeriod: 14d
tactics: [Exfiltration]
relevantTechniques: [T1567]
query: |
  AADServicePrincipalSignInLogs
  | where ResultType == "0"
  | make-series Calls = count() on TimeGenerated from ago(14d) to now() step 1d by ServicePrincipalId
  | extend Odd = series_decompose_anomalies(Calls, 3.0)
  | mv-expand Odd to typeof(int), Calls to typeof(long)
  | where Odd == 1
  | project ServicePrincipalId, Calls
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [AADServicePrincipalSignInLogs]
${account('AadUserId', 'ServicePrincipalId')}`,

  'an alert for each result, with details of its own': `eventGroupingSettings: {aggregationKind: AlertPerResult}
query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | project TimeGenerated, Id, Actor = tostring(InitiatedBy.user.id), Victim = tostring(TargetResources[0].userPrincipalName)
customDetails: {Victim: Victim, Event: Id}
alertDetailsOverride:
  alertDisplayNameFormat: "{{Victim}} was deleted"
  alertDescriptionFormat: "By {{Actor}}."
${account('AadUserId', 'Actor')}`,

  'incidents grouped by what they are about': `eventGroupingSettings: {aggregationKind: AlertPerResult}
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: true
    lookbackDuration: 5h
    matchingMethod: Selected
    groupByEntities: [Account]
`,

  'incidents of equal entities': `incidentConfiguration:
  createIncident: true
  groupingConfiguration: {enabled: true, reopenClosedIncident: false, lookbackDuration: 1d, matchingMethod: AllEntities}
`,

  'a rule that rests after an alert': `suppressionEnabled: true
suppressionDuration: 6h
query: |
  AuditLogs
  | where OperationName == "Update conditional access policy" and Result == "success"
  | project TimeGenerated, Id, Actor = tostring(InitiatedBy.user.id)
`,

  'silence where there should be rows': `triggerOperator: lt
triggerThreshold: 1
query: |
  AuditLogs
  | where Result == "success" and OperationName == "Synchronization rule action"
  | project TimeGenerated, Id
${NO_ENTITIES}`,

  'a break-glass account, from a list': `severity: High
tactics: [InitialAccess]
relevantTechniques: [T1078.004]
query: |
  let accounts = datatable(UserId: string)["5e1c0c3a-2b55-4f4c-9f5e-6a4a3c3c1d10", "a1f6d8c2-7b0e-4c9b-8d3f-0e6c5f4a2b11"];
  SigninLogs
  | where UserId in (accounts)
  | project TimeGenerated, Id, UserId, IPAddress, ResultType
${account('AadUserId', 'UserId', IP)}`,

  'a share of failures': `tactics: [CredentialAccess]
relevantTechniques: [T1110]
query: |
  SigninLogs
  | summarize Attempts = count(), Failures = countif(ResultType != "0") by AppId
  | where Attempts > 100 and todouble(Failures) / Attempts > 0.8
${NO_ENTITIES}`,

  'devices that join at odd hours': `tactics: [Persistence]
relevantTechniques: [T1098.005]
query: |
  AuditLogs
  | where Category == "Device" and OperationName == "Add registered owner to device" and Result == "success"
  | where hourofday(ActivityDateTime) !between (6 .. 20) or dayofweek(ActivityDateTime) in (0d, 6d)
  | project TimeGenerated, Id, Actor = tostring(InitiatedBy.user.id), Device = tostring(TargetResources[0].id)
${account('AadUserId', 'Actor')}`,

  'changes to policies, whoever makes them': `tactics: [DefenseEvasion]
relevantTechniques: [T1556.009]
query: |
  let watched = dynamic(["Update conditional access policy", "Delete conditional access policy"]);
  AuditLogs
  | where OperationName in (watched) and Result == "success"
  | extend Actor = iff(isnotempty(InitiatedBy.user), tostring(InitiatedBy.user.id), tostring(InitiatedBy.app.servicePrincipalId))
  | project TimeGenerated, Id, OperationName, Actor, Policy = tostring(TargetResources[0].displayName)
${account('AadUserId', 'Actor')}`,

  'a burst of deletions by one actor': `tactics: [Impact]
relevantTechniques: [T1531]
query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | extend Actor = coalesce(tostring(InitiatedBy.user.id), tostring(InitiatedBy.app.servicePrincipalId))
  | summarize Deleted = dcount(tostring(TargetResources[0].id)), Ids = make_set(Id, 50) by Actor, bin(TimeGenerated, 10m)
  | where Deleted >= 10
${account('AadUserId', 'Actor')}`,

  'a session that changes its country': `tactics: [CredentialAccess]
relevantTechniques: [T1539]
query: |
  AADNonInteractiveUserSignInLogs
  | where ResultType == "0" and isnotempty(SessionId)
  | extend Country = tostring(parse_json(LocationDetails).countryOrRegion)
  | summarize Countries = make_set(Country, 5), Last = arg_max(CreatedDateTime, IPAddress) by SessionId, UserId
  | where array_length(Countries) > 1
${account('AadUserId', 'UserId', IP)}`,
};

describe('a clean rule', () => {
  test('there are enough of', () => expect(Object.keys(RULES).length).toBeGreaterThanOrEqual(20));

  test.each(Object.entries(RULES))('has no finding: %s', (_, fields) => {
    const text = cleanRuleWith(fields);
    const found = checkRule(text, 'rule.yaml').findings;
    expect(found.map(({ check, message, problem }) => `${check} ${problem.excerpt?.line.trim()}: ${message}`)).toEqual(
      [],
    );
  });
});
