/**
 * A dataset is a folder:
 *
 * ```
 * manifest.json                      what is in it (this file's types)
 * truth.ndjson                       one planted incident a line (truth.ts); empty where nothing was planted
 * tables/<table>/<partition>.arrow   rows of one table and partition in order of TimeGenerated (facts.ts)
 * ```
 *
 * The folder is written under a temporary name beside its target and renamed when whole, so a folder with a manifest
 * is complete.
 */

/** One file of rows. Times are ISO 8601 with seven decimals, undefined where no row has a TimeGenerated. */
export interface PartitionFile {
  readonly partition: number;
  /** Path inside the dataset, with forward slashes. */
  readonly file: string;
  readonly rowCount: number;
  readonly firstGenerated: string | undefined;
  readonly lastGenerated: string | undefined;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface TableManifest {
  readonly table: string;
  readonly rowCount: number;
  /** One entry per partition that has rows, in order of partition. */
  readonly files: readonly PartitionFile[];
  /** Columns that the import met but the schema does not know, with how many rows had them. */
  readonly unknownColumns?: Readonly<Record<string, number>>;
}

export interface Manifest {
  readonly format: 'tocsin.dataset/2';
  /** What made it: a scenario and its settings, or an import and its files. */
  readonly origin:
    | {
        readonly kind: 'scenario';
        readonly scenario: string;
        readonly seed: number;
        readonly users: number;
        readonly days: number;
      }
    | { readonly kind: 'import'; readonly files: readonly string[] };
  /** The time that the dataset covers: from `start` (inclusive) to `end` (exclusive), ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly partitionCount: number;
  readonly tables: readonly TableManifest[];
  /** Of an import that kept only these columns: the columns by table. Other tables were left out. */
  readonly columns?: Readonly<Record<string, readonly string[]>>;
  readonly incidents: { readonly attacks: number; readonly lookalikes: number };
  /** How soon analysts close the incidents that they are shown; absent: never within the replay. */
  readonly analysts?: { readonly timeToCloseMs: number };
}
