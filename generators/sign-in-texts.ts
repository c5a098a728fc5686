/** The texts inside sign-in rows: user agents and the JSON of devices, results, policies and authentication steps. */
import { TIME_MARK } from '../src/dataset/facts.ts';
import { type ClientKind, RESULTS, type ResultCode } from './applications.ts';
import type { Device, Tenant } from './tenant.ts';

/**
 * Under which conditions a sign-in was judged: nothing asked; a second factor proven earlier or now; a device that had
 * to be compliant; a browser session carried on; an assessed risk.
 */
export type Situation = 'plain' | 'mfaByClaim' | 'mfa' | 'compliantDevice' | 'session' | 'risky';

const OPERATING_SYSTEM_IN_AGENT: Readonly<Record<Device['platform'], string>> = {
  Windows: 'Windows NT 10.0; Win64; x64',
  Mac: 'Macintosh; Intel Mac OS X 10_15_7',
  iPhone: 'iPhone; CPU iPhone OS 18_5 like Mac OS X',
  Android: 'Linux; Android 14',
  Linux: 'X11; Linux x86_64',
};

function chromiumVersion(version: string): string {
  return `${version.split('.')[0]!}.0.0.0`;
}

export function userAgent(device: Device, client: ClientKind): string {
  const system = OPERATING_SYSTEM_IN_AGENT[device.platform];
  switch (client) {
    case 'browser': {
      if (device.browser === 'Firefox') return `Mozilla/5.0 (${system}; rv:139.0) Gecko/20100101 Firefox/139.0`;
      if (device.browser === 'Safari') {
        return `Mozilla/5.0 (${system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${device.browserVersion} Safari/605.1.15`;
      }
      const chromium = `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${chromiumVersion(device.browserVersion)} Safari/537.36`;
      return device.browser === 'Edge' ? `${chromium} Edg/${device.browserVersion}` : chromium;
    }
    case 'rich':
      return device.platform === 'Windows'
        ? 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; MSAL 4.66.1) Microsoft Office/16.0 (Windows NT 10.0; 16.0.18730; Pro)'
        : 'Mac OS X/15.4 (24E248) MSAL.OSX';
    case 'broker':
      return device.platform === 'Windows'
        ? 'Windows-AzureAD-Authentication-Provider/1.0'
        : 'Dalvik/2.1.0 (Linux; U; Android 14)';
    case 'mobile':
      return device.platform === 'Android'
        ? 'Dalvik/2.1.0 (Linux; U; Android 14; SM-S921B Build/UP1A.231005.007) PKeyAuth/1.0'
        : `Mozilla/5.0 (${system}) AppleWebKit/605.1.15 (KHTML, like Gecko) PKeyAuth/1.0`;
    case 'powershell':
      return 'Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.26100.4061';
    case 'cli':
      return 'python-requests/2.32.3';
    case 'script':
      return device.scriptAgent;
    case 'service':
      return 'python-requests/2.31.0';
  }
}

/** Whether the directory recognises the device in a sign-in. */
export function isKnown(device: Device, client: ClientKind): boolean {
  return device.deviceId !== '' && client !== 'script' && client !== 'service';
}

/** Text of DeviceDetail; a device that the directory knows shows more. */
export function deviceDetail(device: Device, client: ClientKind): string {
  const browser =
    client === 'browser'
      ? `${device.browser} ${device.browserVersion}`
      : client === 'rich' || client === 'powershell'
        ? 'Rich Client 4.66.1.0'
        : client === 'mobile'
          ? 'Mobile Safari 18.5'
          : client === 'script' || client === 'cli' || client === 'service'
            ? ''
            : 'Rich Client 5.0.1.0';
  if (!isKnown(device, client))
    return JSON.stringify({ deviceId: '', operatingSystem: device.operatingSystem, browser });
  const { deviceId, name, isCompliant, operatingSystem, trustType } = device;
  const isManaged = trustType !== 'Azure AD registered';
  return (
    `{"browser":"${browser}","deviceId":"${deviceId}","displayName":"${name}","isCompliant":${isCompliant},` +
    `"isManaged":${isManaged},"operatingSystem":"${operatingSystem}","trustType":"${trustType}"}`
  );
}

export function statusText(result: ResultCode, situation: Situation): string {
  if (result !== '0') return JSON.stringify({ errorCode: Number(result), failureReason: RESULTS[result] });
  if (situation === 'mfaByClaim') {
    return JSON.stringify({ errorCode: 0, additionalDetails: 'MFA requirement satisfied by claim in the token' });
  }
  if (situation === 'mfa') return JSON.stringify({ errorCode: 0, additionalDetails: 'MFA completed in Azure AD' });
  return '{"errorCode":0}';
}

/** The policies of every tenant: [name, grant controls, session controls, in which situations it applies]. */
const POLICIES: readonly (readonly [string, readonly string[], readonly string[], readonly Situation[]])[] = [
  ['CA001: Require multifactor authentication for admins', ['Mfa'], [], ['mfa']],
  ['CA002: Block legacy authentication', ['Block'], [], []],
  ['CA003: Require multifactor authentication for all users', ['Mfa'], [], ['mfa', 'mfaByClaim', 'risky']],
  [
    'CA004: Require compliant or hybrid joined device',
    ['RequireCompliantDevice', 'RequireDomainJoinedDevice'],
    [],
    ['compliantDevice'],
  ],
  ['CA005: Require approved client app on phones', ['RequireApprovedApp'], [], []],
  ['CA006: Block access from countries without staff', ['Block'], [], []],
  ['CA007: Sign-in frequency for unmanaged devices', [], ['SignInFrequency'], []],
  ['CA008: Require multifactor authentication for risky sign-ins', ['Mfa'], [], ['risky']],
  ['CA009: Guests must accept the terms of use', ['TermsOfUse'], [], []],
  ['CA010: Exchange Online requires a compliant device', ['RequireCompliantDevice'], [], []],
];

interface ConditionalAccess {
  readonly policies: string;
  readonly status: string;
}

/** By result and situation: each partition asks for the same. */
const judgements = new WeakMap<Tenant, Map<string, ConditionalAccess>>();

/** ConditionalAccessPolicies and ConditionalAccessStatus of a sign-in. */
export function conditionalAccess(tenant: Tenant, result: ResultCode, situation: Situation): ConditionalAccess {
  let known = judgements.get(tenant);
  if (!known) judgements.set(tenant, (known = new Map()));
  const key = `${result}/${situation}`;
  let judgement = known.get(key);
  if (!judgement) known.set(key, (judgement = judge(tenant, result, situation)));
  return judgement;
}

function judge(tenant: Tenant, result: ResultCode, situation: Situation): ConditionalAccess {
  const blocked = result === '53003' || result === '53000';
  let applied = 0;
  const entries = POLICIES.map(([displayName, enforcedGrantControls, enforcedSessionControls, situations], index) => {
    const applies = situations.includes(situation);
    if (applies) applied++;
    const blocks = blocked && index === (result === '53003' ? 5 : 3);
    const outcome = blocks
      ? 'failure'
      : applies
        ? 'success'
        : index === 9
          ? 'reportOnlyNotApplied'
          : index === 8
            ? 'notEnabled'
            : 'notApplied';
    return {
      id: policyId(tenant.tenantId, index),
      displayName,
      enforcedGrantControls,
      enforcedSessionControls,
      result: outcome,
      conditionsSatisfied: applies || blocks ? 7 : 1,
      conditionsNotSatisfied: applies || blocks ? 0 : 2,
    };
  });
  return { policies: JSON.stringify(entries), status: blocked ? 'failure' : applied > 0 ? 'success' : 'notApplied' };
}

/** The id of a tenant's conditional access policy by its position. */
export function policyId(tenantId: string, index: number): string {
  return `${tenantId.slice(0, 24)}${(0xca0000 + index * 7919).toString(16).padStart(12, '0')}`;
}

/** Names of the tenant's conditional access policies. */
export const POLICY_NAMES: readonly string[] = POLICIES.map(([name]) => name);

/** What a sign-in went through, step by step, each at the row's own time. */
export function authenticationSteps(
  result: ResultCode,
  situation: Situation,
): { AuthenticationDetails: string; AuthenticationMethodsUsed: string } {
  const step = (
    method: string,
    detail: string,
    succeeded: boolean,
    resultDetail: string,
    requirement: string,
    sequence: number,
  ) => ({
    authenticationStepDateTime: `${TIME_MARK}+00:00`,
    authenticationMethod: method,
    ...(detail === '' ? {} : { authenticationMethodDetail: detail }),
    succeeded,
    authenticationStepResultDetail: resultDetail,
    authenticationStepRequirement: requirement,
    StatusSequence: 0,
    RequestSequence: sequence,
  });
  const primary = 'Primary authentication';
  const second = 'Multi-factor authentication';
  const steps = [];
  if (result === '50126' || result === '50053' || result === '50055' || result === '50057') {
    steps.push(step('Password', 'Password in the cloud', false, RESULTS[result], primary, 1));
  } else if (situation === 'session' || situation === 'mfaByClaim') {
    const claim = 'requirement satisfied by claim in the token';
    steps.push(step('Previously satisfied', '', true, `First factor ${claim}`, primary, 0));
    if (situation === 'mfaByClaim') steps.push(step('Previously satisfied', '', true, `MFA ${claim}`, second, 0));
  } else {
    steps.push(step('Password', 'Password in the cloud', true, '', primary, 1));
    if (result === '500121') {
      steps.push(step('Mobile app notification', '', false, 'MFA denied; user declined the authentication', second, 1));
    } else if (situation === 'mfa' && result === '0') {
      steps.push(step('Mobile app notification', '', true, 'MFA completed in Azure AD', second, 1));
    }
  }
  return {
    AuthenticationDetails: JSON.stringify(steps),
    AuthenticationMethodsUsed: situation === 'mfa' && result === '0' ? 'Mobile app notification' : '',
  };
}
