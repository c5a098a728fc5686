import { describe, expect, test } from 'vitest';
import { takeTurns, timingOf } from '../../../bench/measure.ts';

describe('contestants', () => {
  test('take turns, each first in every second one', async () => {
    const order: string[] = [];
    const contestant = (name: string) => ({ name, before: () => order.push(`-${name}`), run: () => order.push(name) });
    const timings = await takeTurns([contestant('a'), contestant('b')], { repetitions: 3, warmups: 1 });
    expect(order.join('')).toBe('-b b-a a'.replaceAll(' ', '') + '-aa-bb' + '-bb-aa' + '-aa-bb');
    expect(timings['a']!.samples.length).toBe(3);
    expect(timings['b']!.samples.length).toBe(3);
  });

  test('wait for each other', async () => {
    let running = 0;
    const run = async () => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    };
    const timings = await takeTurns(
      [
        { name: 'a', run },
        { name: 'b', run },
      ],
      { repetitions: 2, warmups: 0 },
    );
    expect(timings['a']!.least).toBeGreaterThan(0.003);
  });
});

describe('a timing', () => {
  test('has the median of its samples, which stay in their order', () => {
    expect(timingOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3, samples: [3, 1, 2] });
    expect(timingOf([4, 1, 3, 2]).median).toBe(2.5);
    expect(timingOf([7])).toEqual({ median: 7, least: 7, most: 7, samples: [7] });
  });
});
