/**
 * The hot loops of generation, in AssemblyScript: silent sign-ins, which are four rows of five, what applications do to
 * accounts, which is most of the rest, and the way of every row from where it is made to where it stands in order of time. `npm run kernel` compiles it into kernel.ts, which is kept in
 * the repository so that a build needs no compiler; index.ts says what is where in the memory.
 *
 * What is drawn here is drawn from the account's stream as `RandomStream` (src/base/random.ts) would: a loop is given the
 * stream's counter and returns it as it is afterwards. Arithmetic is that of the same expressions there, operation by
 * operation, so that a row does not depend on who makes it.
 *
 * Rows in the making are records, times and codes side by side: writing one touches a single line of the cache, and so does
 * fetching it when the rows are put in order, where columns would cost a miss each. Records of one slice of time are kept
 * together in chunks, so that putting them in order does not leave the cache either.
 */

const UNIT: f64 = 1.0 / 4294967296.0;
const WEYL: i32 = 0x9e3779b9;

// What index.ts lays out: numbers that hold for all rows, and lists.
const SETTINGS: usize = 1024;
const START: usize = SETTINGS + 0;
const END: usize = SETTINGS + 8;
const SLICES_PER_TICK: usize = SETTINGS + 16;
const DUPLICATES: usize = SETTINGS + 24;
const FAILURE_SHARE: usize = SETTINGS + 32;
const RISK_ABOVE: usize = SETTINGS + 40;
const RENEWAL_FROM: usize = SETTINGS + 48;
const RENEWAL_WIDTH: usize = SETTINGS + 56;
const WAKE_FROM: usize = SETTINGS + 64;
const WAKE_WIDTH: usize = SETTINGS + 72;
const PRT_HOURS: usize = SETTINGS + 80;
const PRT_LATE_FROM: usize = SETTINGS + 88;
const PRT_LATE_WIDTH: usize = SETTINGS + 96;
const START_DELAY_FROM: usize = SETTINGS + 104;
const START_DELAY_WIDTH: usize = SETTINGS + 112;
const START_TICKETS: usize = SETTINGS + 120;
const START_BURST: usize = SETTINGS + 128;
const PAGE_FEWEST: usize = SETTINGS + 136;
const PAGE_WIDTH: usize = SETTINGS + 144;
const PAGE_SECONDS: usize = SETTINGS + 152;
const RENEWAL_TO: usize = SETTINGS + 160;
const AWAKE_FROM: usize = SETTINGS + 168;
const AWAKE_TO: usize = SETTINGS + 176;
const AWAKE_SHARE: usize = SETTINGS + 184;
const NIGHT_SHARE: usize = SETTINGS + 192;
const CAE_FROM: usize = SETTINGS + 200;
const CAE_WIDTH: usize = SETTINGS + 208;
const ADDRESS_MS: usize = SETTINGS + 216;
const ROAMING_FROM: usize = SETTINGS + 224;
const ROAMING_TO: usize = SETTINGS + 232;
const FAILURE_TOTAL: usize = SETTINGS + 240;
const RISK_TOTAL: usize = SETTINGS + 248;
const DURATION_MS: usize = SETTINGS + 256;
const LONG_TAIL_SHARE: usize = SETTINGS + 264;
const ACT_TOTAL: usize = SETTINGS + 272;

const PUBLISH: usize = 2048;
const INGESTION: usize = PUBLISH + 8 * 4097;
const PAGE_HOURS: usize = INGESTION + 8 * 4097;
const FAILURE_WEIGHTS: usize = PAGE_HOURS + 8 * 24;
const FAILURE_CODES: usize = FAILURE_WEIGHTS + 8 * 64;
const RISK_WEIGHTS: usize = FAILURE_CODES + 4 * 64;
/** Codes of a risk by situation. */
const RISK_CODES: usize = RISK_WEIGHTS + 8 * 64;
const PAGE_CODES: usize = RISK_CODES + 3 * 4 * 64;
const STALE: usize = PAGE_CODES + 4 * 64;
/** Of each device: access, client and whether it has continuous access evaluation, of each program. */
const PROGRAMS: usize = STALE + 16 * 256;
const PROGRAMS_SIZE: usize = 12 * 64;
const COLUMNS: usize = PROGRAMS + 8 * PROGRAMS_SIZE;
const ACT_WEIGHTS: usize = COLUMNS + 12 * 64;
/** Of each act: its first step, how many it has, its initiator's code. */
const ACTS: usize = ACT_WEIGHTS + 8 * 64;
const ACT_SIZE: usize = 12;
/** Of each step: the least time after the one before and by how much it varies, the activity's code, and targets' by variety. */
const STEP_SIZE: usize = 32;
const STEP_ACTIVITY: usize = 16;
const STEP_TARGETS: usize = 20;
const VARIETIES: i32 = 2;
/** Of each slice: where its next record goes, where its last chunk ends, its first chunk, how many records it has. */
const SLICE: usize = 131072;
const SLICES: i32 = 1024;
const RECORD: usize = 0;
const LIMIT: usize = 4;
const FIRST: usize = 8;
const COUNT: usize = 12;
const LISTS: usize = SLICE + 16 * SLICES;

const CHUNK: usize = 16;
/** In front of a chunk: the address of the next. A line of the cache, so that records are lines. */
const CHUNK_HEAD: usize = 64;

const MS_PER_SECOND: f64 = 1000;
const MS_PER_MINUTE: f64 = 60000;
const MS_PER_HOUR: f64 = 3600000;
const MS_PER_DAY: f64 = 86400000;

const OFFICE: i32 = 0;
const HOME: i32 = 1;
const VPN: i32 = 2;
const HOME_DESK: i32 = 3;
const MOBILE: i32 = 4;
const EPOCHS_BEFORE: i32 = 16;
const DAYS_BEFORE: i32 = 8;

/** The code of the account's place at a spot that it has not been seen at yet. */
@external("env", "place")
declare function newPlace(spot: i32): i32;
/** The code of a step's activity, and of what it is done to, where the account at work needs it for the first time. */
@external("env", "activity")
declare function newActivity(step: i32): i32;
@external("env", "target")
declare function newTarget(step: i32, variety: i32): i32;

let outages: usize = 0;
let outageCount: i32 = 0;
/** Start, end and site of each workday; NaN on a day off. */
let workdays: usize = 0;
let placeCodes: usize = 0;
let spotCount: i32 = 0;
let heap: usize = 0;

let recordBytes: usize = 64;
let generatedAt: usize = 8;
let ingestedOffset: usize = 16;
let longestDelay: f64 = 0;
let rowCount: i32 = 0;

let first: i32 = 0;
let second: i32 = 0;
let drawn: i32 = 0;

let steps: usize = 0;
let stepCount: i32 = 0;
let actCount: i32 = 0;
let longTailFrom: i32 = 0;
let actDetail: i32 = 0;
let actOutcome: i32 = 0;

let account: i32 = 0;
let ordinal: i32 = 0;
let zoneMs: f64 = 0;
let nextCounter: i32 = 0;
let nextCorrelation: i32 = 0;
let failureCount: i32 = 0;
let riskCount: i32 = 0;
let staleCount: i32 = 0;
let staleCode: i32 = 0;
let situation: i32 = 0;
let isPhone: bool = false;
let deviceIndex: i32 = 0;

/** Where lists begin that are as long as the dataset; what lies behind them is for records. */
export function lists(): usize {
  return LISTS;
}

export function layOut(
  outagesAt: usize,
  outagesMany: i32,
  workdaysAt: usize,
  placesAt: usize,
  placesMany: i32,
  stepsAt: usize,
  heapAt: usize,
  failures: i32,
  risks: i32,
): void {
  outages = outagesAt;
  outageCount = outagesMany;
  workdays = workdaysAt;
  placeCodes = placesAt;
  spotCount = placesMany;
  steps = stepsAt;
  heap = (heapAt + 63) & ~63;
  failureCount = failures;
  riskCount = risks;
}

/** Begins anew, with records of so many bytes; where in them TimeGenerated and the time of ingestion stand. */
export function clear(bytes: usize, generated: usize, ingested: usize): void {
  recordBytes = bytes;
  generatedAt = generated;
  ingestedOffset = ingested;
  longestDelay = 0;
  rowCount = 0;
  memory.fill(SLICE, 0, 16 * SLICES);
}

export function rows(): i32 {
  return rowCount;
}

/** The longest time from TimeGenerated to ingestion of all rows that were put in order. */
export function maxDelay(): f64 {
  return longestDelay;
}

// Drawing.

// @ts-ignore: decorator
@inline
function mix(value: i32): i32 {
  let hash = value;
  hash = (hash ^ (hash >>> 16)) * 0x21f0aaad;
  hash = (hash ^ (hash >>> 15)) * 0x735a2d97;
  return hash ^ (hash >>> 15);
}

// @ts-ignore: decorator
@inline
function draw(): u32 {
  drawn++;
  return mix(mix((drawn * WEYL) ^ first) + second) as u32;
}

// @ts-ignore: decorator
@inline
function unit(): f64 {
  return (draw() as f64) * UNIT;
}

// @ts-ignore: decorator
@inline
function below(count: f64): i32 {
  return Math.floor((draw() as f64) * UNIT * count) as i32;
}

// @ts-ignore: decorator
@inline
function between(from: f64, width: f64): f64 {
  return from + (draw() as f64) * UNIT * width;
}

function weighted(weights: usize, count: i32, total: f64): i32 {
  let rest = (draw() as f64) * UNIT * total;
  const last = count - 1;
  for (let i = 0; i < last; i++) {
    rest -= load<f64>(weights + ((i as usize) << 3));
    if (rest < 0) return i;
  }
  return last;
}

// @ts-ignore: decorator
@inline
function drawFrom(table: usize): f64 {
  const bits = draw();
  const slot = table + (((bits >>> 20) as usize) << 3);
  const low = load<f64>(slot);
  const share = ((bits & 0xfffff) as f64) / 1048576.0;
  return low + share * (load<f64>(slot, 8) - low);
}

// Records.

function newChunk(slice: usize): usize {
  const chunk = heap;
  heap += CHUNK_HEAD + CHUNK * recordBytes;
  reserve(heap);
  store<u32>(chunk, 0);
  const limit = load<u32>(slice, LIMIT) as usize;
  if (limit === 0) store<u32>(slice, chunk as u32, FIRST);
  else store<u32>(limit - CHUNK * recordBytes - CHUNK_HEAD, chunk as u32);
  store<u32>(slice, heap as u32, LIMIT);
  return chunk + CHUNK_HEAD;
}

/** Makes the memory reach to `end`. */
function reserve(end: usize): void {
  const pages = memory.size();
  const needed = ((end + 0xffff) >>> 16) as i32;
  // A quarter more at a time: views of the memory are made anew after each growth.
  if (needed > pages && memory.grow(max(needed - pages, pages >> 2)) < 0) unreachable();
}

// @ts-ignore: decorator
@inline
function sliceOf(generated: f64): i32 {
  const slice = Math.floor((generated - load<f64>(START)) * load<f64>(SLICES_PER_TICK)) as i32;
  return slice < 0 ? 0 : slice < SLICES ? slice : SLICES - 1;
}

/** The address of a new record for a row of this time, which the caller fills. */
export function next(generated: f64): usize {
  const slice = SLICE + ((sliceOf(generated) as usize) << 4);
  let record = load<u32>(slice, RECORD) as usize;
  if (record === (load<u32>(slice, LIMIT) as usize)) record = newChunk(slice);
  store<u32>(slice, (record + recordBytes) as u32, RECORD);
  store<i32>(slice, load<i32>(slice, COUNT) + 1, COUNT);
  rowCount++;
  return record;
}

/** The slice of a time, and how many records it has. */
export function slice(generated: f64): i32 {
  return sliceOf(generated);
}

export function countOf(slice: i32): i32 {
  return load<i32>(SLICE + ((slice as usize) << 4), COUNT);
}

function ingestedAt(generated: f64): f64 {
  let at = generated + Math.floor(drawFrom(INGESTION) * 1e7);
  for (let i = 0; i < outageCount; i++) {
    const outage = outages + ((i as usize) << 4);
    const from = load<f64>(outage);
    const to = load<f64>(outage, 8);
    if (at >= from && at < to) at = Math.floor(to + (at - from) * 0.02);
  }
  return at;
}

// @ts-ignore: decorator
@inline
function put(
  created: f64,
  generated: f64,
  ingested: f64,
  access: i32,
  client: i32,
  place: i32,
  outcome: i32,
  latency: i32,
  counter: i32,
  correlation: i32,
  session: i32,
  step: i32,
): void {
  const record = next(generated);
  store<f64>(record, created);
  store<f64>(record, generated, 8);
  store<f64>(record, ingested, 16);
  store<i32>(record, account, 24);
  store<i32>(record, access, 28);
  store<i32>(record, client, 32);
  store<i32>(record, place, 36);
  store<i32>(record, outcome, 40);
  store<i32>(record, latency, 44);
  store<i32>(record, counter, 48);
  store<i32>(record, correlation, 52);
  store<i32>(record, session, 56);
  store<i32>(record, step, 60);
}

function addRow(
  atMs: f64,
  lagSeconds: f64,
  access: i32,
  client: i32,
  place: i32,
  outcome: i32,
  step: i32,
  correlation: i32,
  session: i32,
): void {
  const counter = nextCounter++;
  const bits = draw();
  const created = load<f64>(START) + Math.floor(atMs * 10000);
  const generated = created + Math.floor(lagSeconds * 1e7);
  const ingested = ingestedAt(generated);
  if (atMs < 0 || generated >= load<f64>(END)) return;
  const latency = (bits & 255) as i32;
  put(created, generated, ingested, access, client, place, outcome, latency, counter, correlation, session, step);
  if (((bits >>> 8) as f64) < load<f64>(DUPLICATES)) {
    const again = generated + 4000000 + ((bits & 0xffffff) as f64);
    if (again < load<f64>(END)) {
      const taken = ingestedAt(again);
      put(created, again, taken, access, client, place, outcome, latency, counter, correlation, session, step);
    }
  }
}

/** Adds a sign-in, drawing from the stream whose keys and counter are given. @returns the counter afterwards. */
export function add(
  firstKey: i32,
  secondKey: i32,
  counter: i32,
  atMs: f64,
  lagSeconds: f64,
  access: i32,
  client: i32,
  place: i32,
  outcome: i32,
  step: i32,
  correlation: i32,
  session: i32,
): i32 {
  first = firstKey;
  second = secondKey;
  drawn = counter;
  addRow(atMs, lagSeconds, access, client, place, outcome, step, correlation, session);
  return drawn;
}

// Silent sign-ins of one account.

/** The rows that follow are this account's, the one of that number in this partition. */
export function begin(number: i32): void {
  account = number;
  nextCounter = 0;
}

export function beginSilent(firstKey: i32, secondKey: i32, accountOrdinal: i32, zone: f64, stale: i32): void {
  first = firstKey;
  second = secondKey;
  ordinal = accountOrdinal;
  zoneMs = zone;
  staleCode = stale;
  nextCorrelation = 0;
  staleCount = 0;
  situation = 0;
  memory.fill(placeCodes, 255, (spotCount as usize) << 2);
}

/** The requests that follow are this device's. */
export function use(phone: i32, index: i32, judged: i32, staleSpans: i32): void {
  isPhone = phone !== 0;
  deviceIndex = index;
  situation = judged;
  staleCount = staleSpans;
}

// @ts-ignore: decorator
@inline
function workdayAt(localDay: i32): usize {
  return workdays + ((localDay + DAYS_BEFORE) as usize) * 24;
}

/** As `Calendar.spotOf`. */
function spotOf(atMs: f64): i32 {
  const local = atMs + zoneMs;
  const day = Math.floor(local / MS_PER_DAY);
  const localDay = day as i32;
  const workday = workdayAt(localDay);
  const atWork = atMs >= load<f64>(workday) - 10 * MS_PER_MINUTE && atMs < load<f64>(workday, 8);
  const site = load<f64>(workday, 16) as i32;
  if (isPhone) {
    const hour = (local - day * MS_PER_DAY) / MS_PER_HOUR;
    const roaming =
      hour >= load<f64>(ROAMING_FROM) &&
      hour < load<f64>(ROAMING_TO) &&
      (ordinal + (Math.floor(hour / 3) as i32) + localDay) % 3 !== 0;
    if (roaming) return MOBILE + (Math.floor(atMs / load<f64>(ADDRESS_MS)) as i32) + EPOCHS_BEFORE;
    return atWork && site === OFFICE ? OFFICE : HOME;
  }
  if (!atWork || deviceIndex > 0) return HOME;
  return site;
}

/** The code of the place where the device in use is. */
export function placeCode(atMs: f64): i32 {
  const spot = spotOf(atMs);
  const known = placeCodes + ((spot as usize) << 2);
  let code = load<i32>(known);
  if (code < 0) {
    code = newPlace(spot);
    store<i32>(known, code);
  }
  return code;
}

function outcomeOf(atMs: f64, success: i32): i32 {
  for (let i = 0; i < staleCount; i++) {
    const span = STALE + ((i as usize) << 4);
    if (atMs >= load<f64>(span) && atMs < load<f64>(span, 8)) return staleCode;
  }
  const luck = unit();
  if (luck < load<f64>(FAILURE_SHARE)) {
    return load<i32>(FAILURE_CODES + ((weighted(FAILURE_WEIGHTS, failureCount, load<f64>(FAILURE_TOTAL)) as usize) << 2));
  }
  if (luck > load<f64>(RISK_ABOVE)) {
    const risk = weighted(RISK_WEIGHTS, riskCount, load<f64>(RISK_TOTAL));
    return load<i32>(RISK_CODES + ((((situation << 6) + risk) as usize) << 2));
  }
  return success;
}

function joinRow(
  atMs: f64,
  lag: f64,
  access: i32,
  client: i32,
  place: i32,
  success: i32,
  correlation: i32,
  session: i32,
): void {
  addRow(atMs, lag, access, client, place, outcomeOf(atMs, success), 0, correlation, session);
}

function renewRow(atMs: f64, access: i32, client: i32, place: i32, success: i32, session: i32): void {
  const lag = drawFrom(PUBLISH);
  joinRow(atMs, lag, access, client, place, success, nextCorrelation++, session);
}

/** A request of its own, with its own publication: nearly always a success, now and then a failure that just happens. */
export function renew(
  counter: i32,
  atMs: f64,
  access: i32,
  client: i32,
  place: i32,
  success: i32,
  session: i32,
): i32 {
  drawn = counter;
  renewRow(atMs, access, client, place, success, session);
  return drawn;
}

/** A request among others that leave together. */
export function join(
  counter: i32,
  atMs: f64,
  lag: f64,
  access: i32,
  client: i32,
  place: i32,
  success: i32,
  correlation: i32,
  session: i32,
): i32 {
  drawn = counter;
  joinRow(atMs, lag, access, client, place, success, correlation, session);
  return drawn;
}

/** A request whose outcome is certain. */
export function settle(
  counter: i32,
  atMs: f64,
  access: i32,
  client: i32,
  place: i32,
  outcome: i32,
  session: i32,
): i32 {
  drawn = counter;
  const lag = drawFrom(PUBLISH);
  addRow(atMs, lag, access, client, place, outcome, 0, nextCorrelation++, session);
  return drawn;
}

// @ts-ignore: decorator
@inline
function renewalMs(): f64 {
  return between(load<f64>(RENEWAL_FROM), load<f64>(RENEWAL_WIDTH)) * MS_PER_MINUTE;
}

/** A stretch of work at a computer: its primary refresh token, all its programs as it wakes, then each by itself. */
export function computer(
  counter: i32,
  startMs: f64,
  endMs: f64,
  lunchMs: f64,
  lunchEndMs: f64,
  prtAccess: i32,
  broker: i32,
  success: i32,
  session: i32,
  device: i32,
  programCount: i32,
): i32 {
  drawn = counter;
  const startPlace = placeCode(startMs);
  for (let at = startMs; at < endMs; ) {
    renewRow(at, prtAccess, broker, startPlace, success, session);
    at +=
      load<f64>(PRT_HOURS) * MS_PER_HOUR +
      between(load<f64>(PRT_LATE_FROM), load<f64>(PRT_LATE_WIDTH)) * MS_PER_MINUTE;
  }

  // The machine wakes: every program asks at once, and published together they share a time.
  const programs = PROGRAMS + (device as usize) * PROGRAMS_SIZE;
  const startLag = drawFrom(PUBLISH);
  let at = startMs + between(load<f64>(START_DELAY_FROM), load<f64>(START_DELAY_WIDTH)) * MS_PER_SECOND;
  for (let i = 0; i < programCount; i++) {
    const program = programs + (i as usize) * 12;
    const correlation = nextCorrelation++;
    const tickets = 1 + below(load<f64>(START_TICKETS));
    for (let ticket = 0; ticket < tickets; ticket++) {
      joinRow(at, startLag, load<i32>(program), load<i32>(program, 4), startPlace, success, correlation, session);
    }
    at += (unit() * load<f64>(START_BURST) * 2000) / (programCount as f64);
  }

  for (let i = 0; i < programCount; i++) {
    const program = programs + (i as usize) * 12;
    if (load<i32>(program, 8) !== 0) continue;
    const access = load<i32>(program);
    const client = load<i32>(program, 4);
    let next = startMs + renewalMs();
    while (next < endMs) {
      // A machine asleep over lunch renews when it wakes, and all its programs do.
      if (next >= lunchMs && next < lunchEndMs) {
        next = lunchEndMs + between(load<f64>(WAKE_FROM), load<f64>(WAKE_WIDTH)) * MS_PER_SECOND;
      }
      renewRow(next, access, client, placeCode(next), success, session);
      next += renewalMs();
    }
  }
  return drawn;
}

/** Pages that are loaded in a stretch of work, each asking for several tokens at once. */
export function pages(
  counter: i32,
  count: i32,
  startMs: f64,
  endMs: f64,
  midnightMs: f64,
  pageCodes: i32,
  client: i32,
  success: i32,
  session: i32,
): i32 {
  drawn = counter;
  for (let page = 0; page < count; page++) {
    let at: f64 = 0;
    for (let attempt = 0; attempt < 12; attempt++) {
      const share = unit();
      let hour = 0;
      while (hour < 24 && load<f64>(PAGE_HOURS + ((hour as usize) << 3)) < share) hour++;
      at = midnightMs + ((hour as f64) + unit()) * MS_PER_HOUR;
      if (at >= startMs && at < endMs) break;
      at = startMs + unit() * (endMs - startMs);
    }
    const place = placeCode(at);
    const lag = drawFrom(PUBLISH);
    const correlation = nextCorrelation++;
    let access = below(pageCodes as f64);
    const size = (load<f64>(PAGE_FEWEST) as i32) + below(load<f64>(PAGE_WIDTH));
    for (let i = 0; i < size; i++) {
      const code = load<i32>(PAGE_CODES + ((access as usize) << 2));
      joinRow(at, lag, code, client, place, success, correlation, session);
      if (++access === pageCodes) access = 0;
      // Half of a page's requests leave in the same instant.
      if ((i & 1) === 1) at += (unit() * load<f64>(PAGE_SECONDS) * 1000) / (size as f64);
    }
  }
  return drawn;
}

/** A day of a phone, of which `share` is used. */
export function phone(
  counter: i32,
  midnightMs: f64,
  share: f64,
  success: i32,
  session: i32,
  device: i32,
  programCount: i32,
): i32 {
  drawn = counter;
  const awakeShare = load<f64>(AWAKE_SHARE) * share;
  const nightShare = load<f64>(NIGHT_SHARE) * share;
  const endMs = midnightMs + 24 * MS_PER_HOUR;
  for (let i = 0; i < programCount; i++) {
    const program = PROGRAMS + (device as usize) * PROGRAMS_SIZE + (i as usize) * 12;
    const access = load<i32>(program);
    const client = load<i32>(program, 4);
    if (load<i32>(program, 8) !== 0) {
      const at = midnightMs + between(load<f64>(CAE_FROM), load<f64>(CAE_WIDTH)) * MS_PER_HOUR;
      renewRow(at, access, client, placeCode(at), success, session);
      continue;
    }
    for (let at = midnightMs + unit() * load<f64>(RENEWAL_TO) * MS_PER_MINUTE; at < endMs; at += renewalMs()) {
      const local = at + zoneMs;
      const hour = (local - Math.floor(local / MS_PER_DAY) * MS_PER_DAY) / MS_PER_HOUR;
      const awake = hour >= load<f64>(AWAKE_FROM) && hour < load<f64>(AWAKE_TO);
      if (!(unit() < (awake ? awakeShare : nightShare))) continue;
      renewRow(at, access, client, placeCode(at), success, session);
    }
  }
  return drawn;
}

// What applications do to one account.

/** @param longTail - the first step of the rare acts, which have one each. */
export function layOutActs(stepMany: i32, actMany: i32, longTail: i32, detail: i32, outcome: i32): void {
  stepCount = stepMany;
  actCount = actMany;
  longTailFrom = longTail;
  actDetail = detail;
  actOutcome = outcome;
}

export function beginActs(firstKey: i32, secondKey: i32, number: i32, countFrom: i32): void {
  first = firstKey;
  second = secondKey;
  account = number;
  nextCounter = countFrom;
  nextCorrelation = countFrom;
  for (let step = 0; step < stepCount; step++) {
    store<i64>(steps + (step as usize) * STEP_SIZE, -1, STEP_TARGETS);
  }
}

/** So many acts of applications in a day. */
export function acts(counter: i32, count: i32, midnightMs: f64): i32 {
  drawn = counter;
  for (let i = 0; i < count; i++) {
    const act = ACTS + (weighted(ACT_WEIGHTS, actCount, load<f64>(ACT_TOTAL)) as usize) * ACT_SIZE;
    let step = load<i32>(act);
    let left = load<i32>(act, 4);
    if (unit() < load<f64>(LONG_TAIL_SHARE)) {
      step = longTailFrom + below((stepCount - longTailFrom) as f64);
      left = 1;
    }
    let atMs = midnightMs + between(0, 24) * MS_PER_HOUR;
    const correlation = nextCorrelation++;
    const variety = below(VARIETIES as f64);
    for (; left > 0; left--, step++) {
      const taken = steps + (step as usize) * STEP_SIZE;
      atMs += between(load<f64>(taken), load<f64>(taken, 8)) * MS_PER_SECOND;
      const number = nextCounter++;
      if (!(atMs >= 0 && atMs < load<f64>(DURATION_MS))) continue;
      const known = taken + ((variety as usize) << 2);
      let target = load<i32>(known, STEP_TARGETS);
      if (target < 0) {
        target = newTarget(step, variety);
        store<i32>(known, target, STEP_TARGETS);
      }
      let activity = load<i32>(taken, STEP_ACTIVITY);
      if (activity < 0) {
        activity = newActivity(step);
        store<i32>(taken, activity, STEP_ACTIVITY);
      }
      const at = load<f64>(START) + Math.floor(atMs * 10000);
      const ingested = ingestedAt(at);
      const record = next(at);
      store<f64>(record, at);
      store<f64>(record, ingested, 8);
      store<i32>(record, account, 16);
      store<i32>(record, activity, 20);
      store<i32>(record, load<i32>(act, 8), 24);
      store<i32>(record, target, 28);
      store<i32>(record, actDetail, 32);
      store<i32>(record, actOutcome, 36);
      store<i32>(record, number, 40);
      store<i32>(record, correlation, 44);
    }
  }
  return drawn;
}

// Putting rows in order.

/** Where the numbers of a slice's records come to stand in order of time. */
let order: usize = 0;
let columnsAt: usize = 0;

/** Where the numbers of a slice's records stand in order of time, after `place`. */
export function orderAt(): usize {
  return order;
}

/**
 * Lays out the columns that `COLUMNS` lists (where in a record, bytes of a value) and gives their start: they follow each
 * other, each beginning at a multiple of 8. What is worked with lies behind them.
 */
export function prepare(columnCount: i32): usize {
  columnsAt = (heap + 63) & ~63;
  let at = columnsAt;
  for (let i = 0; i < columnCount; i++) {
    const column = COLUMNS + (i as usize) * 12;
    store<u32>(column, at as u32, 8);
    at += ((rowCount as usize) * (load<u32>(column, 4) as usize) + 7) & ~7;
  }
  let most = 0;
  for (let i: usize = 0; i < (SLICES as usize); i++) most = max(most, load<i32>(SLICE + (i << 4), COUNT));
  order = (at + 63) & ~63;
  // Numbers, times, places and addresses, and the records side by side.
  reserve(order + ((most as usize) + 2) * (4 + 8 + 8 + 4 + 4 + recordBytes) + 1024);
  return columnsAt;
}

/** Puts the records of a slice in order of time, stably, and copies them to the columns' rows from `row` on. */
export function place(slice: i32, row: i32, columnCount: i32): void {
  const count = load<i32>(SLICE + ((slice as usize) << 4), COUNT) as usize;
  if (count === 0) return;
  const times = (order + 4 * count + 7) & ~7;
  const made = times + 8 * count;
  const places = made + 8 * count;
  const addresses = places + 4 * (count + 1);
  const sorted = (addresses + 4 * count + 63) & ~63;

  let min = Infinity;
  let max_ = -Infinity;
  let longest = longestDelay;
  let n: usize = 0;
  let chunk = load<u32>(SLICE + ((slice as usize) << 4), FIRST) as usize;
  while (n < count) {
    const end = min_(count - n, CHUNK);
    let record = chunk + CHUNK_HEAD;
    for (let i: usize = 0; i < end; i++) {
      const time = load<f64>(record + generatedAt);
      longest = max(longest, load<f64>(record + ingestedOffset) - time);
      store<f64>(made + (n << 3), time);
      store<u32>(addresses + (n << 2), record as u32);
      if (time < min) min = time;
      if (time > max_) max_ = time;
      record += recordBytes;
      n++;
    }
    chunk = load<u32>(chunk) as usize;
  }
  longestDelay = longest;

  // Records are dealt out by time, then put right where they stand; the product rises with the time, rounded or not.
  const scale: f64 = max_ > min ? ((count - 1) as f64) / (max_ - min) : 0;
  memory.fill(places, 0, 4 * (count + 1));
  for (let i: usize = 0; i < count; i++) {
    const at = places + (((((load<f64>(made + (i << 3)) - min) * scale) as i32) as usize) << 2);
    store<i32>(at, load<i32>(at, 4) + 1, 4);
  }
  let sum = 0;
  for (let i: usize = 0; i <= count; i++) {
    sum += load<i32>(places + (i << 2));
    store<i32>(places + (i << 2), sum);
  }
  for (let i: usize = 0; i < count; i++) {
    const time = load<f64>(made + (i << 3));
    const at = places + (((((time - min) * scale) as i32) as usize) << 2);
    const to = load<i32>(at) as usize;
    store<i32>(at, (to + 1) as i32);
    store<f64>(times + (to << 3), time);
    store<u32>(order + (to << 2), i as u32);
  }
  for (let i: usize = 1; i < count; i++) {
    const time = load<f64>(times + (i << 3));
    if (load<f64>(times + ((i - 1) << 3)) <= time) continue;
    const number = load<u32>(order + (i << 2));
    let to = i;
    for (; to > 0 && load<f64>(times + ((to - 1) << 3)) > time; to--) {
      store<f64>(times + (to << 3), load<f64>(times + ((to - 1) << 3)));
      store<u32>(order + (to << 2), load<u32>(order + ((to - 1) << 2)));
    }
    store<f64>(times + (to << 3), time);
    store<u32>(order + (to << 2), number);
  }

  // Side by side in order first: a slice's chunks lie apart in steps that a cache maps to few of its lines.
  for (let i: usize = 0; i < count; i++) {
    const from = load<u32>(addresses + ((load<u32>(order + (i << 2)) as usize) << 2)) as usize;
    const to = sorted + i * recordBytes;
    for (let k: usize = 0; k < recordBytes; k += 16) v128.store(to + k, v128.load(from + k));
  }
  for (let c: usize = 0; c < (columnCount as usize); c++) {
    const column = COLUMNS + c * 12;
    const size = load<u32>(column, 4) as usize;
    let from = sorted + (load<u32>(column) as usize);
    let to = (load<u32>(column, 8) as usize) + (row as usize) * size;
    const end = to + count * size;
    if (size === 8) {
      for (; to < end; to += 8, from += recordBytes) store<f64>(to, load<f64>(from));
    } else if (size === 4) {
      for (; to < end; to += 4, from += recordBytes) store<u32>(to, load<u32>(from));
    } else if (size === 2) {
      for (; to < end; to += 2, from += recordBytes) store<u16>(to, load<u32>(from) as u16);
    } else {
      for (; to < end; to++, from += recordBytes) store<u8>(to, load<u32>(from) as u8);
    }
  }
}

// @ts-ignore: decorator
@inline
function min_(a: usize, b: usize): usize {
  return a < b ? a : b;
}
