/**
 * How rows are held in a dataset: as a star. A fact table keeps a few numbers per row; what repeats (a user's names, an
 * app's ids, a device with its IP address and location) stands once in a dimension, and what can be derived (ids) is not
 * stored at all. One dimension feeds many columns: `UserPrincipalName`, `UserId` and `UserDisplayName` share the codes of
 * one `user` field. Each partition has dimensions of its own, so a worker reads nothing but its partition.
 *
 * **Ids.** An id is 128 bits made from (salt, ordinal, counter), all arithmetic modulo 2^32, `mix` the finaliser of
 * MurmurHash3 (shifts 16, 13, 16; factors 85ebca6b, c2b2ae35), `rotl` a rotation to the left:
 *
 * ```
 * s0 = mix(FNV-1a of the salt's UTF-16 units)      s1 = mix(that FNV-1a ^ 9e3779b9)
 * u  = mix(ordinal ^ s0)                           v  = mix(counter ^ u ^ s1)
 * w0 = u ^ mix(v ^ 243f6a88)                       w1 = v ^ mix(w0 ^ 85a308d3)
 * w2 = mix(w0 + rotl(w1, 13) + s1)                 w3 = mix(w1 + rotl(w0, 7) + (w2 ^ s0))
 * ```
 *
 * (ordinal, counter) to (w0, w1) is one to one, so ids of one salt differ wherever their sources do, but for the six bits
 * that mark a guid as version 4. `guid` prints w0..w3 as a UUID, `token` as base64url without padding; `directory` is
 * `Directory_<guid of the correlation>_<w2 as five letters of base 26, lowest first>_<10000000 + w3 mod 90000000>`.
 */
import type { ScalarType } from '../columns/value.ts';
import type { PiecedTexts } from './pieced-texts.ts';
import type { Utf8Texts } from './utf8-texts.ts';

/** Numbers of a fact table, one per row: Float64 for times (ticks since 2020), longs and reals; codes otherwise. */
export type FieldArray = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/**
 * The attribute values of a dimension. `string`, `guid` and `decimal` as text; `dynamic` as JSON text; the empty text
 * is null for `dynamic` and `guid`. Numbers serve account ordinals. Entries may repeat.
 */
export type Attribute = readonly string[] | Utf8Texts | PiecedTexts | Float64Array;

/** Stands in a text for the time of the row that shows it. Private use: no log has it. */
export const TIME_MARK = '\ue000';

export interface Dimension {
  readonly size: number;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Where the values of one column come from. A column of the schema that is not listed is null (empty, for a string). */
export type ColumnSource =
  /** bool (Uint8Array; 2 is null), int, long, real, datetime or timespan (Float64Array) straight from a field; NaN is null. */
  | { readonly from: 'field'; readonly field: string }
  /**
   * `field` holds codes into `dimension`. Any type, from a number attribute or from text: `true` and `false`, whole
   * numbers in decimal (ticks for timespan), datetimes in ISO 8601; for all but a string the empty text is null.
   */
  | { readonly from: 'dimension'; readonly field: string; readonly dimension: string; readonly attribute: string }
  /**
   * As from a dimension, for texts in which each TIME_MARK stands for a time of the row's own, that of the Float64 field
   * `time`: `2026-05-29T10:11:12.1234567`.
   */
  | {
      readonly from: 'timed';
      readonly field: string;
      readonly dimension: string;
      readonly attribute: string;
      readonly time: string;
    }
  /** One value for every row; text as in a dimension, numbers for int, long and real (ticks for timespan). */
  | { readonly from: 'constant'; readonly value: string | number | boolean }
  /**
   * An id made from (salt, account ordinal, counter), the same however accounts are partitioned. The ordinal is the number
   * attribute `ordinal` of `dimension`, coded by `account`; `counter` is a Uint32 field.
   * Forms: `guid`; `token` (22 characters of base64url); `directory` (`Directory_<guid of CorrelationId>_<5 letters>_<number>`,
   * where the guid is made from `correlation`, another counter field, with salt `correlationSalt`).
   */
  | {
      readonly from: 'id';
      readonly form: 'guid' | 'token' | 'directory';
      readonly salt: string;
      readonly dimension: string;
      readonly account: string;
      readonly counter: string;
      readonly correlation?: string;
      readonly correlationSalt?: string;
    };

/**
 * A field of this name numbers rows in the order that they came in. Where it is there, rows with one TimeGenerated stand
 * in its order when partitions are merged; otherwise in order of account ordinal.
 */
export const ROW_ORDER_FIELD = '$order';

export interface FactColumn {
  readonly name: string;
  readonly type: ScalarType;
  readonly source: ColumnSource;
}

/** An event that ground truth names: `row` of the fact table carries event `id` of truth.ndjson. */
export interface Label {
  readonly row: number;
  readonly event: string;
}

/**
 * The rows of one table in one partition. `columns` must include TimeGenerated and the hidden `$IngestionTime`
 * (schema/tables.ts), both from Float64 fields without nulls. Rows of one TimeGenerated stand account by account in order
 * of account ordinal; whoever stores the rows sorts them stably by TimeGenerated, unless they are in that order already.
 */
export interface Facts {
  readonly table: string;
  readonly rowCount: number;
  readonly fields: Readonly<Record<string, FieldArray>>;
  readonly dimensions: Readonly<Record<string, Dimension>>;
  readonly columns: readonly FactColumn[];
  readonly labels: readonly Label[];
  /**
   * Only where whoever made the rows knows it, so that nobody has to look: they are in order of TimeGenerated, no Float64
   * field has a null, and no row was longer on its way to ingestion than this, in ticks.
   */
  readonly inOrder?: { readonly maxDelay: number };
}
