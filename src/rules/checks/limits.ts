/** The limits on a rule's schedule, which more than one check goes by. */
import { TICKS_PER_DAY, TICKS_PER_MINUTE } from '../../base/time.ts';

export const MIN_INTERVAL = 5n * TICKS_PER_MINUTE;
export const MAX_INTERVAL = 14n * TICKS_PER_DAY;
