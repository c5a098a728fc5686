import { expect, it } from 'vitest';
import { purposeKey, RandomStream } from '../../../src/base/random.ts';
import { ACTIVITIES } from '../../../generators/audit-activities.ts';
import { TargetTexts } from '../../../generators/audit-targets.ts';
import { directoryOf, drawsFrom, groupNames, type Subject, targetResources } from '../../../generators/audit-texts.ts';
import { loadScenario } from '../../../generators/scenario.ts';
import { Tenant } from '../../../generators/tenant.ts';

it('put together from pieces, the targets of every operation are what their definition says', () => {
  const { tenant: profile, seed } = loadScenario('contoso-2k', { users: 300 });
  const tenant = new Tenant(profile, seed);
  const groups = groupNames(tenant);
  const people = Object.values(tenant.ranges).map(([from]) => tenant.account(from));
  const subjects = people.flatMap((user, index): Subject[] => {
    const principal = tenant.servicePrincipals[index]!;
    const application = { name: `App ${index % 2}`, appId: `a-${index}`, objectId: `o-${index}` };
    return [
      {},
      { user },
      { group: groups[index]! },
      { user, group: groups[index + 1]! },
      { principal },
      { principal, user },
      { principal, group: groups[index]! },
      { application },
      { application, user },
      { device: { id: `d-${index}`, name: `LW-${index}`, os: 'Windows' }, user },
      { domain: 'mail.contoso.com' },
      { policy: index, user },
      { role: 'Helpdesk Administrator', user },
    ];
  });
  const texts = new TargetTexts(tenant);
  const expected: string[] = [];
  const indices: number[] = [];
  ACTIVITIES.forEach(({ category, operation }, index) => {
    for (const name of [operation, `${category}/${operation}`]) {
      for (const subject of subjects) {
        const stream = (): RandomStream => new RandomStream(seed, purposeKey(name), index, expected.length);
        const [one, other] = [stream(), stream()];
        expected.push(targetResources(directoryOf(tenant), name, subject, drawsFrom(one)));
        indices.push(texts.describe(name, subject, other));
        // As much is drawn, too.
        expect([name, subject, other.u32()]).toEqual([name, subject, one.u32()]);
      }
    }
  });
  const sealed = texts.seal();
  expect(indices.map((index) => sealed.text(index))).toEqual(expected);
  expect(new Set(expected).size).toBeGreaterThan(1000);
});
