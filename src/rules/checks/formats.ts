/** Findings in the forms that other tools read: SARIF 2.1.0 and GitHub's annotations; and the checks as documentation. */
import type { Position } from '../../base/errors.ts';
import { type Check, CHECKS, type CheckSeverity, type Finding, FILE_CHECKS, type RuleCheck } from './index.ts';

const LEVELS: Readonly<Record<CheckSeverity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/**
 * A SARIF 2.1.0 log with one run.
 *
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 *
 * @param version - of Tocsin.
 */
export function toSarif(checked: readonly RuleCheck[], version: string): Record<string, unknown> {
  const rules = [...FILE_CHECKS, ...CHECKS];
  const indexOf = new Map(rules.map((check, index) => [check.id, index]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Tocsin',
            version,
            rules: rules.map((check) => ({
              id: check.id,
              shortDescription: { text: check.title },
              fullDescription: { text: check.why },
              help: {
                text: [check.fix, `docs/checks.md#${check.id}`].filter((text) => text !== '').join('\n'),
                markdown: sectionOf(check).join('\n'),
              },
              defaultConfiguration: { level: LEVELS[check.severity] },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: checked.flatMap(({ file, findings }) =>
          findings.map((finding) => {
            const { check, severity, problem, proof } = finding;
            return {
              ruleId: check,
              ruleIndex: indexOf.get(check),
              level: LEVELS[severity],
              message: { text: textOf(finding) },
              ...(proof && { properties: { proof } }),
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: uriOf(file) },
                    region: {
                      startLine: problem.position?.line ?? 1,
                      startColumn: problem.position?.column ?? 1,
                      ...(problem.excerpt && {
                        endColumn: Math.max(
                          problem.position!.column + 1,
                          Math.min(problem.position!.column + problem.excerpt.length, problem.excerpt.line.length + 1),
                        ),
                      }),
                    },
                  },
                },
              ],
            };
          }),
        ),
      },
    ],
  };
}

/** What is the matter, what it cost where that was measured, and how to fix it. */
function textOf({ message, proof, fix }: Finding): string {
  return [message, ...(proof ? [`Measured: ${proof.message}`] : []), ...(fix ? [fix] : [])].join('. ');
}

/** A relative path as a URI reference. */
function uriOf(file: string): string {
  return file.split(/[\\/]/).map(encodeURIComponent).join('/');
}

/** One GitHub workflow command for each finding: `::warning file=...,line=...,col=...,title=...::message`. */
export function toAnnotations({ file, findings }: RuleCheck): string[] {
  const commands = { error: 'error', warning: 'warning', info: 'notice' } as const;
  return findings.map((finding) => {
    const { check, severity, problem } = finding;
    const position = problem.position ?? { file, line: 1, column: 1 };
    return workflowCommand(commands[severity], check, textOf(finding), { ...position, file });
  });
}

/**
 * An annotation, as GitHub's runner reads it from the output of a step.
 *
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
export function workflowCommand(
  level: 'error' | 'warning' | 'notice',
  title: string,
  message: string,
  position?: Position,
): string {
  const place = position ? `file=${escapeProperty(position.file)},line=${position.line},col=${position.column},` : '';
  return `::${level} ${place}title=${escapeProperty(title)}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** docs/checks.md: every check with its reason, its remedy and both its examples. */
export function checksAsMarkdown(): string {
  const rules = [...FILE_CHECKS, ...CHECKS];
  const lines = [
    '# Checks of rules',
    '',
    '`tocsin check FILE` finds what Sentinel would refuse, and what works otherwise than the rule says. `error`: refused, or cannot work. `warning`: works otherwise than it says. `info`: could be better.',
    '',
    'A comment in the file switches checks off for it: `# tocsin-disable: upn-of-guests, result-not-filtered`, or `// tocsin-disable: ...` in the query.',
    '',
    '`tocsin check FILE --with DATASET` replays the rule, and says of the findings that this proves what they cost: `loses 28 of 51 attack events`. For a check that is marked *replayed*, it also replays the rule with this one fault repaired, everything else as it is, and says what that finds and returns more, or less: `repairing this alone finds 28 more attack events (8 more attacks)`. A finding without a cost is not refuted; the dataset may hold no such case.',
    '',
    '| check | severity | what it finds | |',
    '|---|---|---|---|',
    ...rules.map(
      (check) =>
        `| [${check.id}](#${check.id}) | ${check.severity} | ${check.title} | ${'repair' in check ? 'replayed' : ''} |`,
    ),
    '',
  ];
  for (const check of rules) lines.push(`## ${check.id}`, '', ...sectionOf(check));
  return lines.join('\n');
}

type Documented = Pick<Check, 'severity' | 'title' | 'why' | 'fix'> & Partial<Pick<Check, 'bad' | 'good'>>;

/** What is written of a check below its heading. */
function sectionOf({ severity, title, why, fix, bad, good }: Documented): string[] {
  const yaml = (text: string): string[] => ['```yaml', text.trimEnd(), '```', ''];
  return [
    `${title} (${severity}). ${why}`,
    '',
    ...(fix ? [fix, ''] : []),
    ...(bad === undefined ? [] : ['Found in:', '', ...yaml(bad)]),
    ...(good === undefined ? [] : ['Not in:', '', ...yaml(good)]),
  ];
}
