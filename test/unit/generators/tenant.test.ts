import { describe, expect, test } from 'vitest';
import { PEOPLE } from '../../../generators/assumptions.ts';
import { loadScenario } from '../../../generators/scenario.ts';
import { Tenant } from '../../../generators/tenant.ts';

const { tenant: profile } = loadScenario('contoso-2k');

describe('a tenant', () => {
  test('of 100,000 users has no two of one name, in sign-ins or in the directory', () => {
    const tenant = new Tenant({ ...profile, users: 100_000 }, 3);
    const names = new Set<string>();
    const directory = new Set<string>();
    for (let ordinal = 0; ordinal < 100_000; ordinal++) {
      names.add(tenant.signInName(ordinal));
      directory.add(tenant.directoryName(ordinal).toLowerCase());
    }
    expect(names.size).toBe(100_000);
    expect(directory.size).toBe(100_000);
  });

  test('differs by seed', () => {
    const [one, two] = [new Tenant(profile, 1), new Tenant(profile, 2)];
    expect(one.tenantId).not.toBe(two.tenantId);
    const same = Array.from({ length: 500 }, (_, i) => i).filter((i) => one.signInName(i) === two.signInName(i));
    expect(same.length).toBeLessThan(5);
  });

  test('has everyone that a tenant has, however small', () => {
    for (const users of [20, 300, 2_000]) {
      const tenant = new Tenant({ ...profile, users }, 7);
      const counts = Object.values(tenant.ranges).map(([from, to]) => to - from);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      expect(counts.reduce((a, b) => a + b, 0)).toBe(users);
      expect(tenant.account(0).roles).toContain('Global Administrator');
      expect(tenant.secretPrincipals.length).toBeGreaterThan(0);
    }
  });

  test('says the same of an account every time', () => {
    const [one, two] = [new Tenant(profile, 9), new Tenant(profile, 9)];
    for (const ordinal of [0, 15, 700, 1990]) {
      expect(two.account(ordinal)).toEqual(one.account(ordinal));
      expect(two.devices(ordinal)).toEqual(one.devices(ordinal));
      expect(two.mobilePlace(two.account(ordinal), 3)).toEqual(one.mobilePlace(one.account(ordinal), 3));
      expect(one.account(ordinal).office).toBe(one.officeOf(ordinal));
    }
    expect(one.mobilePlace(one.account(15), 3).ip).not.toBe(one.mobilePlace(one.account(15), 4).ip);
  });

  test('has everybody report to somebody of their department, up to one who reports to nobody', () => {
    const tenant = new Tenant({ ...profile, users: 2000 }, 3);
    const reports = new Map<number, number>();
    const tops: number[] = [];
    for (let ordinal = 0; ordinal < tenant.userCount; ordinal++) {
      const { kind, dedicated, department } = tenant.account(ordinal);
      const manager = tenant.managerOf(ordinal);
      if (kind === 'guest' || kind === 'serviceAccount' || dedicated) {
        expect(manager).toBeUndefined();
      } else if (manager === undefined) {
        tops.push(ordinal);
      } else {
        expect(manager).not.toBe(ordinal);
        reports.set(manager, (reports.get(manager) ?? 0) + 1);
        // Only heads of departments report outside their own, and they do to the one at the top.
        const above = tenant.managerOf(manager);
        if (tenant.account(manager).department !== department) expect(above).toBeUndefined();
      }
    }
    expect(tops).toHaveLength(1);
    expect(tenant.account(tops[0]!).department).toBe('Management');
    const departments = new Set([...reports.keys()].map((ordinal) => tenant.account(ordinal).department));
    expect(departments.size).toBe(12);
    const spans = [...reports].filter(([ordinal]) => ordinal !== tops[0]).map(([, count]) => count);
    expect(spans.length).toBeGreaterThan(150);
    expect(Math.max(...spans)).toBe(PEOPLE.reportsPerManager);
  });

  test('writes a guest home address and #EXT# name that belong together', () => {
    const tenant = new Tenant(profile, 9);
    const [from, to] = tenant.ranges.guest;
    for (let ordinal = from; ordinal < to; ordinal++) {
      expect(tenant.signInName(ordinal)).toMatch(/^[a-z.]+\d*@[a-z]+\.com$/);
      expect(tenant.directoryName(ordinal)).toBe(
        `${tenant.signInName(ordinal).replace('@', '_')}#EXT#@contoso.onmicrosoft.com`,
      );
    }
  });
});
