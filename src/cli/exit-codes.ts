/** Every exit code with the sentence that `--help` and docs/command-line.md print for it. */
import { EXIT_CODES } from '../base/errors.ts';

const MEANINGS: Record<keyof typeof EXIT_CODES, string> = {
  ok: 'done',
  expectation: 'there are results, but an expectation failed or they prove nothing',
  usage: 'the command line is wrong',
  definition: 'the rule, query or scenario is wrong, or asks for what is not supported',
  io: 'a file cannot be read or written',
  internal: 'a fault in Tocsin itself',
  interrupted: 'interrupted',
};

/** One line for each exit code, in order. */
export function exitCodeLines(): string[] {
  return Object.entries(EXIT_CODES).map(
    ([name, code]) => `${String(code).padEnd(3)}  ${MEANINGS[name as keyof typeof EXIT_CODES]}`,
  );
}
