/**
 * The techniques of ATT&CK for Enterprise as plain text, one a line: id, tactics, name, then `|number name` for each
 * sub-technique. All of a technique's sub-techniques share its tactics, in this version of ATT&CK throughout.
 *
 * Ids, names and tactics: https://attack.mitre.org/resources/attack-data-and-tools/ (© The MITRE Corporation, reproduced with
 * its permission: https://attack.mitre.org/resources/legal-and-branding/terms-of-use/). A later version replaces the text and
 * `ATTACK_VERSION` together; `test/unit/rules/attack.test.ts` counts it.
 */

/** The version of ATT&CK that the table follows. */
export const ATTACK_VERSION = '18';

/** The tactics' short forms in the table, in the order of ATT&CK's matrix, as rules spell them. */
export const TACTIC_CODES: Readonly<Record<string, string>> = {
  RC: 'Reconnaissance',
  RD: 'ResourceDevelopment',
  IA: 'InitialAccess',
  EX: 'Execution',
  PE: 'Persistence',
  PR: 'PrivilegeEscalation',
  DE: 'DefenseEvasion',
  CA: 'CredentialAccess',
  DI: 'Discovery',
  LM: 'LateralMovement',
  CO: 'Collection',
  CC: 'CommandAndControl',
  XF: 'Exfiltration',
  IM: 'Impact',
};

export const TECHNIQUE_LINES = `
T1001 CC Data Obfuscation|1 Junk Data|2 Steganography|3 Protocol or Service Impersonation
T1003 CA OS Credential Dumping|1 LSASS Memory|2 Security Account Manager|3 NTDS|4 LSA Secrets|5 Cached Domain Credentials|6 DCSync|7 Proc Filesystem|8 /etc/passwd and /etc/shadow
T1005 CO Data from Local System
T1006 DE Direct Volume Access
T1007 DI System Service Discovery
T1008 CC Fallback Channels
T1010 DI Application Window Discovery
T1011 XF Exfiltration Over Other Network Medium|1 Exfiltration Over Bluetooth
T1012 DI Query Registry
T1014 DE Rootkit
T1016 DI System Network Configuration Discovery|1 Internet Connection Discovery|2 Wi-Fi Discovery
T1018 DI Remote System Discovery
T1020 XF Automated Exfiltration|1 Traffic Duplication
T1021 LM Remote Services|1 Remote Desktop Protocol|2 SMB/Windows Admin Shares|3 Distributed Component Object Model|4 SSH|5 VNC|6 Windows Remote Management|7 Cloud Services|8 Direct Cloud VM Connections
T1025 CO Data from Removable Media
T1027 DE Obfuscated Files or Information|1 Binary Padding|2 Software Packing|3 Steganography|4 Compile After Delivery|5 Indicator Removal from Tools|6 HTML Smuggling|7 Dynamic API Resolution|8 Stripped Payloads|9 Embedded Payloads|10 Command Obfuscation|11 Fileless Storage|12 LNK Icon Smuggling|13 Encrypted/Encoded File|14 Polymorphic Code|15 Compression|16 Junk Code Insertion|17 SVG Smuggling
T1029 XF Scheduled Transfer
T1030 XF Data Transfer Size Limits
T1033 DI System Owner/User Discovery
T1036 DE Masquerading|1 Invalid Code Signature|2 Right-to-Left Override|3 Rename Legitimate Utilities|4 Masquerade Task or Service|5 Match Legitimate Resource Name or Location|6 Space after Filename|7 Double File Extension|8 Masquerade File Type|9 Break Process Trees|10 Masquerade Account Name|11 Overwrite Process Arguments|12 Browser Fingerprint
T1037 PE,PR Boot or Logon Initialization Scripts|1 Logon Script (Windows)|2 Login Hook|3 Network Logon Script|4 RC Scripts|5 Startup Items
T1039 CO Data from Network Shared Drive
T1040 CA,DI Network Sniffing
T1041 XF Exfiltration Over C2 Channel
T1046 DI Network Service Discovery
T1047 EX Windows Management Instrumentation
T1048 XF Exfiltration Over Alternative Protocol|1 Exfiltration Over Symmetric Encrypted Non-C2 Protocol|2 Exfiltration Over Asymmetric Encrypted Non-C2 Protocol|3 Exfiltration Over Unencrypted Non-C2 Protocol
T1049 DI System Network Connections Discovery
T1052 XF Exfiltration Over Physical Medium|1 Exfiltration over USB
T1053 EX,PE,PR Scheduled Task/Job|2 At|3 Cron|5 Scheduled Task|6 Systemd Timers|7 Container Orchestration Job
T1055 PR,DE Process Injection|1 Dynamic-link Library Injection|2 Portable Executable Injection|3 Thread Execution Hijacking|4 Asynchronous Procedure Call|5 Thread Local Storage|8 Ptrace System Calls|9 Proc Memory|11 Extra Window Memory Injection|12 Process Hollowing|13 Process Doppelgänging|14 VDSO Hijacking|15 ListPlanting
T1056 CA,CO Input Capture|1 Keylogging|2 GUI Input Capture|3 Web Portal Capture|4 Credential API Hooking
T1057 DI Process Discovery
T1059 EX Command and Scripting Interpreter|1 PowerShell|2 AppleScript|3 Windows Command Shell|4 Unix Shell|5 Visual Basic|6 Python|7 JavaScript|8 Network Device CLI|9 Cloud API|10 AutoHotKey & AutoIT|11 Lua|12 Hypervisor CLI|13 Container CLI/API
T1068 PR Exploitation for Privilege Escalation
T1069 DI Permission Groups Discovery|1 Local Groups|2 Domain Groups|3 Cloud Groups
T1070 DE Indicator Removal|1 Clear Windows Event Logs|2 Clear Linux or Mac System Logs|3 Clear Command History|4 File Deletion|5 Network Share Connection Removal|6 Timestomp|7 Clear Network Connection History and Configurations|8 Clear Mailbox Data|9 Clear Persistence|10 Relocate Malware
T1071 CC Application Layer Protocol|1 Web Protocols|2 File Transfer Protocols|3 Mail Protocols|4 DNS|5 Publish/Subscribe Protocols
T1072 EX,LM Software Deployment Tools
T1074 CO Data Staged|1 Local Data Staging|2 Remote Data Staging
T1078 IA,PE,PR,DE Valid Accounts|1 Default Accounts|2 Domain Accounts|3 Local Accounts|4 Cloud Accounts
T1080 LM Taint Shared Content
T1082 DI System Information Discovery
T1083 DI File and Directory Discovery
T1087 DI Account Discovery|1 Local Account|2 Domain Account|3 Email Account|4 Cloud Account
T1090 CC Proxy|1 Internal Proxy|2 External Proxy|3 Multi-hop Proxy|4 Domain Fronting
T1091 IA,LM Replication Through Removable Media
T1092 CC Communication Through Removable Media
T1095 CC Non-Application Layer Protocol
T1098 PE,PR Account Manipulation|1 Additional Cloud Credentials|2 Additional Email Delegate Permissions|3 Additional Cloud Roles|4 SSH Authorized Keys|5 Device Registration|6 Additional Container Cluster Roles|7 Additional Local or Domain Groups
T1102 CC Web Service|1 Dead Drop Resolver|2 Bidirectional Communication|3 One-Way Communication
T1104 CC Multi-Stage Channels
T1105 CC Ingress Tool Transfer
T1106 EX Native API
T1110 CA Brute Force|1 Password Guessing|2 Password Cracking|3 Password Spraying|4 Credential Stuffing
T1111 CA Multi-Factor Authentication Interception
T1112 PE,DE Modify Registry
T1113 CO Screen Capture
T1114 CO Email Collection|1 Local Email Collection|2 Remote Email Collection|3 Email Forwarding Rule
T1115 CO Clipboard Data
T1119 CO Automated Collection
T1120 DI Peripheral Device Discovery
T1123 CO Audio Capture
T1124 DI System Time Discovery
T1125 CO Video Capture
T1127 DE Trusted Developer Utilities Proxy Execution|1 MSBuild|2 ClickOnce|3 JamPlus
T1129 EX Shared Modules
T1132 CC Data Encoding|1 Standard Encoding|2 Non-Standard Encoding
T1133 IA,PE External Remote Services
T1134 PR,DE Access Token Manipulation|1 Token Impersonation/Theft|2 Create Process with Token|3 Make and Impersonate Token|4 Parent PID Spoofing|5 SID-History Injection
T1135 DI Network Share Discovery
T1136 PE Create Account|1 Local Account|2 Domain Account|3 Cloud Account
T1137 PE Office Application Startup|1 Office Template Macros|2 Office Test|3 Outlook Forms|4 Outlook Home Page|5 Outlook Rules|6 Add-ins
T1140 DE Deobfuscate/Decode Files or Information
T1176 PE Software Extensions|1 Browser Extensions|2 IDE Extensions
T1185 CO Browser Session Hijacking
T1187 CA Forced Authentication
T1189 IA Drive-by Compromise
T1190 IA Exploit Public-Facing Application
T1195 IA Supply Chain Compromise|1 Compromise Software Dependencies and Development Tools|2 Compromise Software Supply Chain|3 Compromise Hardware Supply Chain
T1197 PE,DE BITS Jobs
T1199 IA Trusted Relationship
T1200 IA Hardware Additions
T1201 DI Password Policy Discovery
T1202 DE Indirect Command Execution
T1203 EX Exploitation for Client Execution
T1204 EX User Execution|1 Malicious Link|2 Malicious File|3 Malicious Image|4 Malicious Copy and Paste|5 Malicious Library
T1205 PE,DE,CC Traffic Signaling|1 Port Knocking|2 Socket Filters
T1207 DE Rogue Domain Controller
T1210 LM Exploitation of Remote Services
T1211 DE Exploitation for Defense Evasion
T1212 CA Exploitation for Credential Access
T1213 CO Data from Information Repositories|1 Confluence|2 Sharepoint|3 Code Repositories|4 Customer Relationship Management Software|5 Messaging Applications|6 Databases
T1216 DE System Script Proxy Execution|1 PubPrn|2 SyncAppvPublishingServer
T1217 DI Browser Information Discovery
T1218 DE System Binary Proxy Execution|1 Compiled HTML File|2 Control Panel|3 CMSTP|4 InstallUtil|5 Mshta|7 Msiexec|8 Odbcconf|9 Regsvcs/Regasm|10 Regsvr32|11 Rundll32|12 Verclsid|13 Mavinject|14 MMC|15 Electron Applications
T1219 CC Remote Access Tools|1 IDE Tunneling|2 Remote Desktop Software|3 Remote Access Hardware
T1220 DE XSL Script Processing
T1221 DE Template Injection
T1222 DE File and Directory Permissions Modification|1 Windows File and Directory Permissions Modification|2 Linux and Mac File and Directory Permissions Modification
T1480 DE Execution Guardrails|1 Environmental Keying|2 Mutual Exclusion
T1482 DI Domain Trust Discovery
T1484 PR,DE Domain or Tenant Policy Modification|1 Group Policy Modification|2 Trust Modification
T1485 IM Data Destruction|1 Lifecycle-Triggered Deletion
T1486 IM Data Encrypted for Impact
T1489 IM Service Stop
T1490 IM Inhibit System Recovery
T1491 IM Defacement|1 Internal Defacement|2 External Defacement
T1495 IM Firmware Corruption
T1496 IM Resource Hijacking|1 Compute Hijacking|2 Bandwidth Hijacking|3 SMS Pumping|4 Cloud Service Hijacking
T1497 DE,DI Virtualization/Sandbox Evasion|1 System Checks|2 User Activity Based Checks|3 Time Based Checks
T1498 IM Network Denial of Service|1 Direct Network Flood|2 Reflection Amplification
T1499 IM Endpoint Denial of Service|1 OS Exhaustion Flood|2 Service Exhaustion Flood|3 Application Exhaustion Flood|4 Application or System Exploitation
T1505 PE Server Software Component|1 SQL Stored Procedures|2 Transport Agent|3 Web Shell|4 IIS Components|5 Terminal Services DLL|6 vSphere Installation Bundles
T1518 DI Software Discovery|1 Security Software Discovery|2 Backup Software Discovery
T1525 PE Implant Internal Image
T1526 DI Cloud Service Discovery
T1528 CA Steal Application Access Token
T1529 IM System Shutdown/Reboot
T1530 CO Data from Cloud Storage
T1531 IM Account Access Removal
T1534 LM Internal Spearphishing
T1535 DE Unused/Unsupported Cloud Regions
T1537 XF Transfer Data to Cloud Account
T1538 DI Cloud Service Dashboard
T1539 CA Steal Web Session Cookie
T1542 PE,DE Pre-OS Boot|1 System Firmware|2 Component Firmware|3 Bootkit|4 ROMMONkit|5 TFTP Boot
T1543 PE,PR Create or Modify System Process|1 Launch Agent|2 Systemd Service|3 Windows Service|4 Launch Daemon|5 Container Service
T1546 PE,PR Event Triggered Execution|1 Change Default File Association|2 Screensaver|3 Windows Management Instrumentation Event Subscription|4 Unix Shell Configuration Modification|5 Trap|6 LC_LOAD_DYLIB Addition|7 Netsh Helper DLL|8 Accessibility Features|9 AppCert DLLs|10 AppInit DLLs|11 Application Shimming|12 Image File Execution Options Injection|13 PowerShell Profile|14 Emond|15 Component Object Model Hijacking|16 Installer Packages|17 Udev Rules|18 Python Startup Hooks
T1547 PE,PR Boot or Logon Autostart Execution|1 Registry Run Keys / Startup Folder|2 Authentication Package|3 Time Providers|4 Winlogon Helper DLL|5 Security Support Provider|6 Kernel Modules and Extensions|7 Re-opened Applications|8 LSASS Driver|9 Shortcut Modification|10 Port Monitors|12 Print Processors|13 XDG Autostart Entries|14 Active Setup|15 Login Items
T1548 PR,DE Abuse Elevation Control Mechanism|1 Setuid and Setgid|2 Bypass User Account Control|3 Sudo and Sudo Caching|4 Elevated Execution with Prompt|5 Temporary Elevated Cloud Access|6 TCC Manipulation
T1550 DE,LM Use Alternate Authentication Material|1 Application Access Token|2 Pass the Hash|3 Pass the Ticket|4 Web Session Cookie
T1552 CA Unsecured Credentials|1 Credentials In Files|2 Credentials in Registry|3 Shell History|4 Private Keys|5 Cloud Instance Metadata API|6 Group Policy Preferences|7 Container API|8 Chat Messages
T1553 DE Subvert Trust Controls|1 Gatekeeper Bypass|2 Code Signing|3 SIP and Trust Provider Hijacking|4 Install Root Certificate|5 Mark-of-the-Web Bypass|6 Code Signing Policy Modification
T1554 PE Compromise Host Software Binary
T1555 CA Credentials from Password Stores|1 Keychain|2 Securityd Memory|3 Credentials from Web Browsers|4 Windows Credential Manager|5 Password Managers|6 Cloud Secrets Management Stores
T1556 PE,DE,CA Modify Authentication Process|1 Domain Controller Authentication|2 Password Filter DLL|3 Pluggable Authentication Modules|4 Network Device Authentication|5 Reversible Encryption|6 Multi-Factor Authentication|7 Hybrid Identity|8 Network Provider DLL|9 Conditional Access Policies
T1557 CA,CO Adversary-in-the-Middle|1 LLMNR/NBT-NS Poisoning and SMB Relay|2 ARP Cache Poisoning|3 DHCP Spoofing|4 Evil Twin
T1558 CA Steal or Forge Kerberos Tickets|1 Golden Ticket|2 Silver Ticket|3 Kerberoasting|4 AS-REP Roasting|5 Ccache Files
T1559 EX Inter-Process Communication|1 Component Object Model|2 Dynamic Data Exchange|3 XPC Services
T1560 CO Archive Collected Data|1 Archive via Utility|2 Archive via Library|3 Archive via Custom Method
T1561 IM Disk Wipe|1 Disk Content Wipe|2 Disk Structure Wipe
T1562 DE Impair Defenses|1 Disable or Modify Tools|2 Disable Windows Event Logging|3 Impair Command History Logging|4 Disable or Modify System Firewall|6 Indicator Blocking|7 Disable or Modify Cloud Firewall|8 Disable or Modify Cloud Logs|9 Safe Mode Boot|10 Downgrade Attack|11 Spoof Security Alerting|12 Disable or Modify Linux Audit System|13 Disable or Modify Network Device Firewall
T1563 LM Remote Service Session Hijacking|1 SSH Hijacking|2 RDP Hijacking
T1564 DE Hide Artifacts|1 Hidden Files and Directories|2 Hidden Users|3 Hidden Window|4 NTFS File Attributes|5 Hidden File System|6 Run Virtual Instance|7 VBA Stomping|8 Email Hiding Rules|9 Resource Forking|10 Process Argument Spoofing|11 Ignore Process Interrupts|12 File/Path Exclusions|13 Bind Mounts|14 Extended Attributes
T1565 IM Data Manipulation|1 Stored Data Manipulation|2 Transmitted Data Manipulation|3 Runtime Data Manipulation
T1566 IA Phishing|1 Spearphishing Attachment|2 Spearphishing Link|3 Spearphishing via Service|4 Spearphishing Voice
T1567 XF Exfiltration Over Web Service|1 Exfiltration to Code Repository|2 Exfiltration to Cloud Storage|3 Exfiltration to Text Storage Sites|4 Exfiltration Over Webhook
T1568 CC Dynamic Resolution|1 Fast Flux DNS|2 Domain Generation Algorithms|3 DNS Calculation
T1569 EX System Services|1 Launchctl|2 Service Execution|3 Systemctl
T1570 LM Lateral Tool Transfer
T1571 CC Non-Standard Port
T1572 CC Protocol Tunneling
T1573 CC Encrypted Channel|1 Symmetric Cryptography|2 Asymmetric Cryptography
T1574 PE,PR,DE Hijack Execution Flow|1 DLL|4 Dylib Hijacking|5 Executable Installer File Permissions Weakness|6 Dynamic Linker Hijacking|7 Path Interception by PATH Environment Variable|8 Path Interception by Search Order Hijacking|9 Path Interception by Unquoted Path|10 Services File Permissions Weakness|11 Services Registry Permissions Weakness|12 COR_PROFILER|13 KernelCallbackTable|14 AppDomainManager
T1578 DE Modify Cloud Compute Infrastructure|1 Create Snapshot|2 Create Cloud Instance|3 Delete Cloud Instance|4 Revert Cloud Instance|5 Modify Cloud Compute Configurations
T1580 DI Cloud Infrastructure Discovery
T1583 RD Acquire Infrastructure|1 Domains|2 DNS Server|3 Virtual Private Server|4 Server|5 Botnet|6 Web Services|7 Serverless|8 Malvertising
T1584 RD Compromise Infrastructure|1 Domains|2 DNS Server|3 Virtual Private Server|4 Server|5 Botnet|6 Web Services|7 Serverless|8 Network Devices
T1585 RD Establish Accounts|1 Social Media Accounts|2 Email Accounts|3 Cloud Accounts
T1586 RD Compromise Accounts|1 Social Media Accounts|2 Email Accounts|3 Cloud Accounts
T1587 RD Develop Capabilities|1 Malware|2 Code Signing Certificates|3 Digital Certificates|4 Exploits
T1588 RD Obtain Capabilities|1 Malware|2 Tool|3 Code Signing Certificates|4 Digital Certificates|5 Exploits|6 Vulnerabilities|7 Artificial Intelligence
T1589 RC Gather Victim Identity Information|1 Credentials|2 Email Addresses|3 Employee Names
T1590 RC Gather Victim Network Information|1 Domain Properties|2 DNS|3 Network Trust Dependencies|4 Network Topology|5 IP Addresses|6 Network Security Appliances
T1591 RC Gather Victim Org Information|1 Determine Physical Locations|2 Business Relationships|3 Identify Business Tempo|4 Identify Roles
T1592 RC Gather Victim Host Information|1 Hardware|2 Software|3 Firmware|4 Client Configurations
T1593 RC Search Open Websites/Domains|1 Social Media|2 Search Engines|3 Code Repositories
T1594 RC Search Victim-Owned Websites
T1595 RC Active Scanning|1 Scanning IP Blocks|2 Vulnerability Scanning|3 Wordlist Scanning
T1596 RC Search Open Technical Databases|1 DNS/Passive DNS|2 WHOIS|3 Digital Certificates|4 CDNs|5 Scan Databases
T1597 RC Search Closed Sources|1 Threat Intel Vendors|2 Purchase Technical Data
T1598 RC Phishing for Information|1 Spearphishing Service|2 Spearphishing Attachment|3 Spearphishing Link|4 Spearphishing Voice
T1599 DE Network Boundary Bridging|1 Network Address Translation Traversal
T1600 DE Weaken Encryption|1 Reduce Key Space|2 Disable Crypto Hardware
T1601 DE Modify System Image|1 Patch System Image|2 Downgrade System Image
T1602 CO Data from Configuration Repository|1 SNMP (MIB Dump)|2 Network Device Configuration Dump
T1606 CA Forge Web Credentials|1 Web Cookies|2 SAML Tokens
T1608 RD Stage Capabilities|1 Upload Malware|2 Upload Tool|3 Install Digital Certificate|4 Drive-by Target|5 Link Target|6 SEO Poisoning
T1609 EX Container Administration Command
T1610 EX,DE Deploy Container
T1611 PR Escape to Host
T1612 DE Build Image on Host
T1613 DI Container and Resource Discovery
T1614 DI System Location Discovery|1 System Language Discovery
T1615 DI Group Policy Discovery
T1619 DI Cloud Storage Object Discovery
T1620 DE Reflective Code Loading
T1621 CA Multi-Factor Authentication Request Generation
T1622 DE,DI Debugger Evasion
T1647 DE Plist File Modification
T1648 EX Serverless Execution
T1649 CA Steal or Forge Authentication Certificates
T1650 RD Acquire Access
T1651 EX Cloud Administration Command
T1652 DI Device Driver Discovery
T1653 PE Power Settings
T1654 DI Log Enumeration
T1656 DE Impersonation
T1657 IM Financial Theft
T1659 IA,CC Content Injection
T1665 CC Hide Infrastructure
T1666 DE Modify Cloud Resource Hierarchy
T1667 IM Email Bombing
T1668 PE Exclusive Control
T1669 IA Wi-Fi Networks
T1671 PE Cloud Application Integration
T1672 DE Email Spoofing
T1673 DI Virtual Machine Discovery
T1674 EX Input Injection
T1675 EX ESXi Administration Command
T1677 EX Poisoned Pipeline Execution
T1678 DE Delay Execution
T1679 DE Selective Exclusion
T1680 DI Local Storage Discovery
T1681 RC Search Threat Vendor Data
`;

/**
 * What became of ids that rules of before ATT&CK 7 (2020, when sub-techniques came) still name.
 *
 * https://attack.mitre.org/docs/subtechniques/subtechniques-crosswalk.json
 */
export const REVOKED: Readonly<Record<string, string>> = {
  T1028: 'T1021.006',
  T1050: 'T1543.003',
  T1060: 'T1547.001',
  T1075: 'T1550.002',
  T1076: 'T1021.001',
  T1077: 'T1021.002',
  T1081: 'T1552.001',
  T1084: 'T1546.003',
  T1085: 'T1218.011',
  T1086: 'T1059.001',
  T1088: 'T1548.002',
  T1089: 'T1562.001',
  T1093: 'T1055.012',
  T1097: 'T1550.003',
  T1099: 'T1070.006',
  T1100: 'T1505.003',
  T1107: 'T1070.004',
  T1117: 'T1218.010',
  T1145: 'T1552.004',
  T1170: 'T1218.005',
  T1171: 'T1557.001',
  T1192: 'T1566.002',
  T1193: 'T1566.001',
  T1194: 'T1566.003',
  T1208: 'T1558.003',
  T1503: 'T1555.003',
  T1506: 'T1550.004',
  T1522: 'T1552.005',
  T1527: 'T1550.001',
  T1536: 'T1578.004',
};
