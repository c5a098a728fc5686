/** The way out for everything that goes wrong: one message, one documented exit code. */
import { CommanderError } from 'commander';
import { EXIT_CODES, TocsinError, toPlainError } from '../base/errors.ts';
import type { Terminal } from './terminal.ts';

/**
 * Any thrown value as the error that the user gets.
 *
 * @param help - the command that helps with a wrong command line.
 */
function asTocsinError(error: unknown, help: string): TocsinError {
  if (error instanceof TocsinError) return error;
  if (error instanceof CommanderError) {
    // commander's text is "error: what. (Did you mean x?)", at times on two lines.
    const [message = '', ...hints] = error.message.replace(/^error: /, '').split(/\n|(?=\(Did you mean )/);
    const hint = hints.map((text) => text.replace(/^\((.*)\)$/, '$1')).join(' ');
    return new TocsinError('USAGE', { message: message.trim(), hint: hint || `${help} shows what there is` });
  }
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined) {
    return new TocsinError('INPUT', `${path ?? syscall}: ${(error as Error).message}`, { cause: error });
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new TocsinError(
    'INTERNAL',
    { message: text, hint: 'this is a fault in Tocsin: please report it with the command that led to it' },
    { cause: error },
  );
}

/**
 * Prints an error to stderr (as one JSON object where the user asked for JSON) and returns the exit code.
 * What commander has already answered with help needs no message.
 */
export function reportFailure(thrown: unknown, terminal: Terminal, help = 'tocsin --help'): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT_CODES.ok;
  if (thrown instanceof CommanderError && thrown.code === 'commander.help') return EXIT_CODES.usage;
  const error = asTocsinError(thrown, help);
  terminal.clear();
  if (terminal.json) {
    const { code, message, problems } = toPlainError(error);
    terminal.note(JSON.stringify({ schema: 'tocsin.error/1', code, exitCode: error.exitCode, message, problems }));
  } else {
    terminal.note(`${terminal.noteColors.red('error:')} ${error.message}`);
  }
  return error.exitCode;
}
