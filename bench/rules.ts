/**
 * The rules of the cases. They are compiled in a thread that is gone before anything is measured: Microsoft's parser leaves a
 * large heap behind, through which every collection in this thread would have to look, and which a replay whose plan comes
 * from the cache never has.
 */
import { readFileSync } from 'node:fs';
import type { QueryPlan } from '../src/plan/plan.ts';
import { type CompiledRule, compileRule } from '../src/rules/compile.ts';
import { readRule } from '../src/rules/rule.ts';
import { runTasks } from './pool.ts';

/** A rule as it crosses threads: its text is read again where it is needed, its query is not parsed again. */
export interface PortableRule {
  readonly file: string;
  readonly text: string;
  readonly plan: QueryPlan;
}

export interface CompileTask {
  readonly kind: 'compile';
  readonly file: string;
}

/** Compiles a rule; called in a worker. */
export function portableRule({ file }: CompileTask): PortableRule {
  return { file, text: readFileSync(file, 'utf8'), plan: compileRule(file).plan };
}

/** @throws TocsinError RULE where a file is none that runs. */
export function benchRules(files: readonly string[]): Promise<PortableRule[]> {
  return runTasks<PortableRule>(
    files.map((file) => ({ kind: 'compile', file })),
    1,
    () => {},
  );
}

/** The rule that this thread read last. */
let lastRead: { readonly text: string; readonly read: ReturnType<typeof readRule> } | undefined;

export function compiledOf({ file, text, plan }: PortableRule): CompiledRule {
  if (lastRead?.text !== text) lastRead = { text, read: readRule(text, file) };
  const { rule, source } = lastRead.read;
  return { rule: rule!, plan, source, warnings: [] };
}
