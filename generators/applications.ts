/**
 * First-party applications, resources, clients and result codes as sign-in rows name them. Application ids are
 * Microsoft's published ones, but for three of other makers', which are invented (learn.microsoft.com, "Verify first-party Microsoft applications in sign-in reports").
 */

export interface Application {
  readonly name: string;
  readonly id: string;
}

/** Applications by the names that chain files use. */
export const APPLICATIONS = {
  Office: { name: 'Microsoft Office', id: 'd3590ed6-52b3-4102-aeff-aad2292ab01c' },
  Outlook: { name: 'Microsoft Outlook', id: '5d661950-3475-41cd-a2c3-d671a3162bc1' },
  OutlookMobile: { name: 'Outlook Mobile', id: '27922004-5251-4030-b22d-91ecd9a37ea4' },
  Teams: { name: 'Microsoft Teams', id: '1fec8e78-bce4-4aaf-ab1b-5451cc387264' },
  TeamsWeb: { name: 'Microsoft Teams Web Client', id: '5e3ce6c0-2b1f-4285-8d4b-75ee78787346' },
  OneDrive: { name: 'OneDrive SyncEngine', id: 'ab9b8c07-8f02-4f72-87fa-80105867a763' },
  OfficeHome: { name: 'OfficeHome', id: '4765445b-32c6-49b0-83e6-1d93765276ca' },
  Shell: { name: 'Office365 Shell WCSS-Client', id: '89bee1f7-5e6e-4d8a-9f3d-ecd601259da7' },
  SuiteUx: { name: 'O365 Suite UX', id: '4345a7b9-9a63-4910-a426-35363201d503' },
  OneNote: { name: 'OneNote', id: '2d4d3d8e-2be3-4bef-9f87-7875a61c29de' },
  Broker: { name: 'Microsoft Authentication Broker', id: '29d9ed98-a469-4536-ade2-f981bc1d605e' },
  Intune: { name: 'Microsoft Intune Windows Agent', id: 'fc0f3af4-6835-4174-b806-f7db311fd2f3' },
  BingSearch: { name: 'Microsoft Bing Search for Microsoft Edge', id: '2d7f3606-b07d-41d1-b9d2-0d0c9296a6e8' },
  NewTab: { name: 'Microsoft Edge Enterprise New Tab Page', id: 'd7b530a4-7680-4c23-a8bf-c52c121d2e87' },
  OfficeOnline: { name: 'Office Online Core SSO', id: '243c63a3-247d-41c5-9d83-7788c43f1c43' },
  AccessPanel: { name: 'Microsoft App Access Panel', id: '0000000c-0000-0000-c000-000000000000' },
  AzurePortal: { name: 'Azure Portal', id: 'c44b4083-3bb0-49c1-b47d-974e53cbdf3c' },
  AdIbizaUx: { name: 'ADIbizaUX', id: '74658136-14ec-4630-ad9b-26e160ff0fc6' },
  AzureCli: { name: 'Microsoft Azure CLI', id: '04b07795-8ddb-461a-bbee-02f9e1bf7b46' },
  AzurePowerShell: { name: 'Microsoft Azure PowerShell', id: '1950a258-227b-4e31-a9cf-717495945fc2' },
  GraphCommandLine: { name: 'Microsoft Graph Command Line Tools', id: '14d82eec-204b-4c2f-b7e8-296a70dab67e' },
  GraphExplorer: { name: 'Graph Explorer', id: 'de8bc8b5-d9f9-48b1-a8ad-b748da725064' },
  ExchangeAdmin: { name: 'Exchange Admin Center', id: '497effe9-df71-4043-a8bb-14cf78c4b63b' },
  Compliance: { name: 'Microsoft 365 Security and Compliance Center', id: '80ccca67-54bd-44ab-8625-4b79c4dc7775' },
  WindowsSignIn: { name: 'Windows Sign In', id: '38aa3b87-a06d-4817-b275-7a316988d93b' },
  Zoom: { name: 'Zoom', id: '5b8e4f1a-9c37-4d20-8a6e-2f41c7d90b35' },
  DocuSign: { name: 'DocuSign', id: 'c1f27a60-3d84-4b9e-97a5-60e8b2d4f719' },
  Miro: { name: 'Miro', id: '8d03b9e2-71c6-4fa8-b0d5-94e6a2c81f57' },
} as const satisfies Record<string, Application>;

export type ApplicationKey = keyof typeof APPLICATIONS;

export const RESOURCES = {
  Graph: { name: 'Microsoft Graph', id: '00000003-0000-0000-c000-000000000000' },
  AadGraph: { name: 'Windows Azure Active Directory', id: '00000002-0000-0000-c000-000000000000' },
  Exchange: { name: 'Office 365 Exchange Online', id: '00000002-0000-0ff1-ce00-000000000000' },
  SharePoint: { name: 'Office 365 SharePoint Online', id: '00000003-0000-0ff1-ce00-000000000000' },
  TeamsServices: { name: 'Microsoft Teams Services', id: 'cc15fd57-2c6c-4117-a88c-83b1d56b4bbe' },
  Arm: { name: 'Windows Azure Service Management API', id: '797f4846-ba00-4fd7-ba43-dac1f8f63013' },
  IamSupportability: { name: 'IAM Supportability', id: 'a57aca87-cbc0-4f3c-8b9e-dc095fdc8978' },
  ShellServer: { name: 'Office365 Shell WCSS-Server', id: '5f09333a-842c-47da-a157-57da27fcbca5' },
  NewsFeed: { name: 'Microsoft News Feed', id: 'f920ab6b-8a48-4438-9255-1650179a3a0f' },
  DeviceRegistration: { name: 'Device Registration Service', id: '01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9' },
  AccessPanel: { name: 'Microsoft App Access Panel', id: '0000000c-0000-0000-c000-000000000000' },
  AdIbizaUx: { name: 'ADIbizaUX', id: '74658136-14ec-4630-ad9b-26e160ff0fc6' },
} as const satisfies Record<string, Application>;

export type ResourceKey = keyof typeof RESOURCES;

/** What asks for tokens, and what user agent and device text it leaves. */
export type ClientKind = 'browser' | 'rich' | 'broker' | 'mobile' | 'powershell' | 'cli' | 'script' | 'service';

/** An application asking for a resource. */
export interface Access {
  readonly application: ApplicationKey | Application;
  readonly resource: ResourceKey;
  readonly client: ClientKind;
  /** Its tokens live for a day, under continuous access evaluation. */
  readonly cae: boolean;
  readonly token: 'none' | 'primaryRefreshToken' | 'refreshToken';
}

function access(
  application: ApplicationKey,
  resource: ResourceKey,
  client: ClientKind,
  cae: boolean,
  token: Access['token'],
): Access {
  return { application, resource, client, cae, token };
}

/** What a computer's programs renew, most common first; a busier person runs more of them. */
export const COMPUTER_ACCESSES: readonly Access[] = [
  access('Teams', 'TeamsServices', 'rich', false, 'refreshToken'),
  access('Office', 'Exchange', 'rich', true, 'primaryRefreshToken'),
  access('Teams', 'Graph', 'rich', true, 'refreshToken'),
  access('OneDrive', 'SharePoint', 'rich', true, 'primaryRefreshToken'),
  access('BingSearch', 'Graph', 'browser', false, 'primaryRefreshToken'),
  access('Outlook', 'Exchange', 'rich', false, 'primaryRefreshToken'),
  access('Office', 'Graph', 'rich', false, 'primaryRefreshToken'),
  access('NewTab', 'NewsFeed', 'browser', false, 'primaryRefreshToken'),
  access('Intune', 'Graph', 'rich', false, 'primaryRefreshToken'),
  access('OneNote', 'SharePoint', 'rich', false, 'refreshToken'),
  access('Office', 'SharePoint', 'rich', false, 'primaryRefreshToken'),
  access('Teams', 'SharePoint', 'rich', true, 'refreshToken'),
  access('TeamsWeb', 'TeamsServices', 'browser', false, 'refreshToken'),
  access('OfficeOnline', 'SharePoint', 'browser', false, 'refreshToken'),
  access('Zoom', 'Graph', 'browser', false, 'refreshToken'),
  access('Miro', 'Graph', 'browser', false, 'refreshToken'),
];

export const PHONE_ACCESSES: readonly Access[] = [
  access('OutlookMobile', 'Exchange', 'mobile', false, 'refreshToken'),
  access('Teams', 'TeamsServices', 'mobile', false, 'refreshToken'),
  access('Teams', 'Graph', 'mobile', true, 'refreshToken'),
  access('OneDrive', 'SharePoint', 'mobile', true, 'refreshToken'),
];

/** What the browser asks for while one page of Microsoft 365 loads. */
export const PAGE_ACCESSES: readonly Access[] = [
  access('OfficeHome', 'Graph', 'browser', false, 'refreshToken'),
  access('Shell', 'ShellServer', 'browser', false, 'refreshToken'),
  access('SuiteUx', 'Graph', 'browser', false, 'refreshToken'),
  access('OfficeOnline', 'SharePoint', 'browser', false, 'refreshToken'),
  access('OfficeHome', 'SharePoint', 'browser', false, 'refreshToken'),
  access('AccessPanel', 'Graph', 'browser', false, 'refreshToken'),
  access('Shell', 'Graph', 'browser', false, 'refreshToken'),
  access('TeamsWeb', 'TeamsServices', 'browser', false, 'refreshToken'),
];

/** What the browser asks for while the portal loads, in order. */
export const PORTAL_ACCESSES: readonly Access[] = [
  access('AzurePortal', 'Arm', 'browser', false, 'refreshToken'),
  access('AzurePortal', 'AdIbizaUx', 'browser', false, 'refreshToken'),
  access('AdIbizaUx', 'IamSupportability', 'browser', false, 'refreshToken'),
  access('AdIbizaUx', 'Graph', 'browser', false, 'refreshToken'),
  access('AdIbizaUx', 'AadGraph', 'browser', false, 'refreshToken'),
  access('AzurePortal', 'Graph', 'browser', false, 'refreshToken'),
];

/** The broker renews a primary refresh token. */
export const PRT_RENEWAL = access('Broker', 'Graph', 'broker', false, 'primaryRefreshToken');
/** A person unlocks a computer that the directory knows. */
export const WINDOWS_SIGN_IN = access('WindowsSignIn', 'AadGraph', 'broker', false, 'none');

/** What a person signs in to by hand, with how often. */
export const INTERACTIVE_ACCESSES: readonly (readonly [weight: number, access: Access])[] = [
  [30, access('OfficeHome', 'Graph', 'browser', false, 'none')],
  [18, access('TeamsWeb', 'TeamsServices', 'browser', false, 'none')],
  [14, access('Shell', 'ShellServer', 'browser', false, 'none')],
  [12, access('OfficeOnline', 'SharePoint', 'browser', false, 'none')],
  [8, access('AccessPanel', 'AccessPanel', 'browser', false, 'none')],
  [6, access('Office', 'Graph', 'rich', false, 'none')],
  [5, access('OutlookMobile', 'Exchange', 'mobile', false, 'none')],
  [4, access('Broker', 'DeviceRegistration', 'broker', false, 'none')],
  [3, access('Zoom', 'Graph', 'browser', false, 'none')],
  [2, access('DocuSign', 'Graph', 'browser', false, 'none')],
];

export const PORTAL_SIGN_IN = access('AzurePortal', 'Arm', 'browser', false, 'none');

export const DEVICE_CODE_SIGN_IN = access('AzureCli', 'Arm', 'cli', false, 'none');

/** What scripts and command lines ask for. */
export const COMMAND_ACCESSES: readonly Access[] = [
  access('AzureCli', 'Arm', 'cli', false, 'refreshToken'),
  access('AzurePowerShell', 'Arm', 'powershell', false, 'refreshToken'),
  access('GraphCommandLine', 'Graph', 'powershell', false, 'refreshToken'),
  access('GraphExplorer', 'Graph', 'browser', false, 'refreshToken'),
  access('OfficeHome', 'Graph', 'script', false, 'refreshToken'),
];

export const SERVICE_ACCESSES: readonly Access[] = [
  access('GraphCommandLine', 'Graph', 'service', false, 'refreshToken'),
  access('Office', 'Exchange', 'service', false, 'refreshToken'),
];

/** Small applications that people let act for them, many makers to a name. Attackers choose such names. */
export const SMALL_APPLICATIONS = [
  'Mail Assistant',
  'PDF Converter',
  'Meeting Notes',
  'Sync Helper',
  'Calendly',
  'Trello',
  'Notion',
  'Doodle',
  'Grammarly',
  'Smartsheet',
] as const;

/** How many applications bear one of these names. */
export const MAKERS = 40;

/** ResultType values and the text that goes with each (learn.microsoft.com, "Microsoft Entra error codes"). */
export const RESULTS = {
  '0': '',
  '50053': "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
  '50055': 'The password is expired.',
  '50057': 'The user account is disabled.',
  '50074': 'Strong Authentication is required.',
  '50076':
    'Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.',
  '50079':
    'Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication.',
  '50097': 'Device authentication is required.',
  '50126': 'Error validating credentials due to invalid username or password.',
  '50132': 'The session is not valid due to password expiration or recent password change.',
  '50133': 'The session is not valid due to password expiration or recent password change.',
  '50140': "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
  '50173': 'The provided grant has expired due to it being revoked, a fresh auth token is needed.',
  '500121': 'Authentication failed during strong authentication request.',
  '53000': 'Device is not in required device state.',
  '53003': 'Access has been blocked by Conditional Access policies.',
  '65001': 'The user or administrator has not consented to use the application.',
  '70043': 'The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access.',
  '700082': 'The refresh token has expired due to inactivity.',
  '700084': 'The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime.',
  '7000222': 'The provided client secret keys for the application are expired.',
  '90025': 'Request processing has exceeded gateway allowance.',
} as const satisfies Record<string, string>;

export type ResultCode = keyof typeof RESULTS;

/** Silent failures by natural weight. Assumption: no published mix was found. */
export const SILENT_FAILURES: readonly (readonly [weight: number, code: ResultCode])[] = [
  [6, '50173'],
  [14, '50076'],
  [8, '50079'],
  [9, '50132'],
  [7, '50133'],
  [10, '70043'],
  [9, '700082'],
  [5, '53003'],
  [5, '53000'],
  [3, '65001'],
  [3, '50097'],
  [4, '700084'],
  [6, '90025'],
];

/** What a looping client fails with. */
export const LOOP_FAILURES: readonly ResultCode[] = ['50173', '700082', '50057', '50076', '53000'];

/** What people fail with. */
export const INTERACTIVE_FAILURES: readonly (readonly [weight: number, code: ResultCode])[] = [
  [52, '50126'],
  [22, '500121'],
  [9, '50053'],
  [7, '53003'],
  [5, '50055'],
  [5, '50057'],
];
