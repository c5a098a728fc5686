/**
 * Techniques of ATT&CK for Enterprise (v16) that rules on identity and cloud logs name, with their tactics; and techniques
 * that only a host can show. A technique in neither list is not judged.
 *
 * https://attack.mitre.org/techniques/enterprise/
 */

/** A table row: techniques (sub-techniques share their tactics unless listed) and their tactics. */
const TACTICS_OF: Readonly<Record<string, string>> = {
  T1003: 'CredentialAccess',
  T1005: 'Collection',
  T1018: 'Discovery',
  T1020: 'Exfiltration',
  T1021: 'LateralMovement',
  T1027: 'DefenseEvasion',
  T1040: 'CredentialAccess Discovery',
  T1041: 'Exfiltration',
  T1046: 'Discovery',
  T1048: 'Exfiltration',
  T1053: 'Execution Persistence PrivilegeEscalation',
  T1055: 'DefenseEvasion PrivilegeEscalation',
  T1059: 'Execution',
  T1068: 'PrivilegeEscalation',
  T1069: 'Discovery',
  T1070: 'DefenseEvasion',
  T1071: 'CommandAndControl',
  T1072: 'Execution LateralMovement',
  T1074: 'Collection',
  T1078: 'InitialAccess Persistence PrivilegeEscalation DefenseEvasion',
  T1087: 'Discovery',
  T1090: 'CommandAndControl',
  T1098: 'Persistence PrivilegeEscalation',
  T1105: 'CommandAndControl',
  T1110: 'CredentialAccess',
  T1111: 'CredentialAccess',
  T1114: 'Collection',
  T1119: 'Collection',
  T1133: 'InitialAccess Persistence',
  T1134: 'DefenseEvasion PrivilegeEscalation',
  T1136: 'Persistence',
  T1185: 'Collection',
  T1187: 'CredentialAccess',
  T1189: 'InitialAccess',
  T1190: 'InitialAccess',
  T1195: 'InitialAccess',
  T1199: 'InitialAccess',
  T1201: 'Discovery',
  T1204: 'Execution',
  T1207: 'DefenseEvasion',
  T1212: 'CredentialAccess',
  T1213: 'Collection',
  T1480: 'DefenseEvasion',
  T1484: 'DefenseEvasion PrivilegeEscalation',
  T1485: 'Impact',
  T1486: 'Impact',
  T1489: 'Impact',
  T1490: 'Impact',
  T1496: 'Impact',
  T1498: 'Impact',
  T1499: 'Impact',
  T1526: 'Discovery',
  T1528: 'CredentialAccess',
  T1530: 'Collection',
  T1531: 'Impact',
  T1534: 'LateralMovement',
  T1535: 'DefenseEvasion',
  T1537: 'Exfiltration',
  T1538: 'Discovery',
  T1539: 'CredentialAccess',
  T1548: 'DefenseEvasion PrivilegeEscalation',
  T1550: 'DefenseEvasion LateralMovement',
  T1552: 'CredentialAccess',
  T1555: 'CredentialAccess',
  T1556: 'CredentialAccess DefenseEvasion Persistence',
  T1557: 'CredentialAccess Collection',
  T1558: 'CredentialAccess',
  T1562: 'DefenseEvasion',
  T1564: 'DefenseEvasion',
  T1565: 'Impact',
  T1566: 'InitialAccess',
  T1567: 'Exfiltration',
  T1571: 'CommandAndControl',
  T1578: 'DefenseEvasion',
  T1580: 'Discovery',
  T1583: 'ResourceDevelopment',
  T1584: 'ResourceDevelopment',
  T1586: 'ResourceDevelopment',
  T1589: 'Reconnaissance',
  T1590: 'Reconnaissance',
  T1598: 'Reconnaissance',
  T1606: 'CredentialAccess',
  T1621: 'CredentialAccess',
  T1649: 'CredentialAccess',
  T1651: 'Execution',
  T1656: 'DefenseEvasion',
};

/** Techniques that the logs of Entra ID cannot show, with what fits better. */
const HOST_ONLY: Readonly<Record<string, string>> = {
  T1003: 'T1528, T1552 or T1606',
  T1055: 'T1550',
  T1059: 'T1651',
  T1068: 'T1098 or T1548.005',
  T1134: 'T1550.001 (application access token), T1550.004 (web session cookie), T1539 or T1528',
  T1558: 'T1528 or T1606',
};

/** The tactics of a technique or sub-technique; undefined where it is not in the table. */
export function tacticsOfTechnique(technique: string): readonly string[] | undefined {
  return TACTICS_OF[technique.slice(0, 5)]?.split(' ');
}

/** What to name instead of a technique that only a host can show; undefined for others. */
export function cloudTechniqueFor(technique: string): string | undefined {
  return HOST_ONLY[technique.slice(0, 5)];
}
