import { describe, expect, it } from 'vitest';
import { operatorsBench } from '../../../bench/operators.bench.ts';

describe('the benchmark of operators', () => {
  it('measures each operator and its naive form over equal results', () => {
    const names = operatorsBench(500).tasks.map((task) => task.name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names.filter((n) => !n.endsWith('(naive)'))) expect(names).toContain(`${name} (naive)`);
  });
});
