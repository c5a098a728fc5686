/**
 * TargetResources of many rows, as pieces. What an operation says of its target differs from account to account in names,
 * ids and a few drawn values, so its text (audit-texts.ts) is made once with marks where those stand, and cut at the marks:
 * a recipe. A row's text then is the numbers of its pieces, and no row costs its JSON.
 */
import type { RandomStream } from '../src/base/random.ts';
import { type PiecedTexts, PiecedTextsBuilder } from '../src/dataset/pieced-texts.ts';
import {
  type Directory,
  directoryOf,
  type Draws,
  drawsFrom,
  hasRole,
  type Person,
  type Subject,
  targetResources,
} from './audit-texts.ts';
import type { Tenant } from './tenant.ts';

type Read = (subject: Subject, directory: Directory) => string;
/** The values that most texts read: of the user that they are about. */
const USER_ID: Read = ({ user }) => user!.userId;
const USER_NAME: Read = ({ user }) => user!.directoryName;
type Draw = (draws: Draws) => string;

interface Recipe {
  /** What stands between the values, and the values by number: first those that are read, then those that are drawn. */
  readonly parts: readonly (string | number)[];
  readonly reads: readonly Read[];
  /** In the order in which they are drawn. */
  readonly draws: readonly Draw[];
}

/** Marks are characters of the private use area: from here those of values that are read, then of those that are drawn. */
const FIRST_READ = 0xe100;
const FIRST_DRAWN = 0xe200;
const MARKS = /([\ue100-\ue2ff])/;

/** Hands out marks, and remembers what each stands for. */
class Marks {
  readonly #reads: Read[] = [];
  readonly #draws: Draw[] = [];

  read(value: Read): string {
    return String.fromCharCode(FIRST_READ + this.#reads.push(value) - 1);
  }

  draw(value: Draw): string {
    return String.fromCharCode(FIRST_DRAWN + this.#draws.push(value) - 1);
  }

  person(person: Person, find: (subject: Subject, directory: Directory) => Person): Person {
    // Both values of a text are asked for one after the other.
    let about: Subject | undefined;
    let found = person;
    const findOnce = (subject: Subject, directory: Directory): Person => {
      if (subject !== about) {
        about = subject;
        found = find(subject, directory);
      }
      return found;
    };
    return {
      ...person,
      userId: this.read((subject, directory) => findOnce(subject, directory).userId),
      directoryName: this.read((subject, directory) => findOnce(subject, directory).directoryName),
    };
  }

  /** `subject` with marks for all that texts take over from it. */
  subject({ user, group, principal, application, device, domain, role }: Subject): Subject {
    return {
      role,
      user: user && { ...user, userId: this.read(USER_ID), directoryName: this.read(USER_NAME) },
      group: group === undefined ? undefined : this.read((subject) => subject.group!),
      principal: principal && {
        ...principal,
        name: this.read((subject) => subject.principal!.name),
        appId: this.read((subject) => subject.principal!.appId),
        objectId: this.read((subject) => subject.principal!.objectId),
        applicationObjectId: this.read((subject) => subject.principal!.applicationObjectId),
        keyId: this.read((subject) => subject.principal!.keyId),
      },
      application: application && {
        name: this.read((subject) => subject.application!.name),
        appId: this.read((subject) => subject.application!.appId),
        objectId: this.read((subject) => subject.application!.objectId),
      },
      device: device && {
        id: this.read((subject) => subject.device!.id),
        name: this.read((subject) => subject.device!.name),
        os: this.read((subject) => subject.device!.os),
      },
      domain,
    };
  }

  directory(directory: Directory): Directory {
    return {
      ...directory,
      idOf: (name) => {
        const [before, mark, after] = name.split(MARKS);
        if (mark === undefined) return directory.idOf(name);
        const value = this.#reads[mark.charCodeAt(0) - FIRST_READ]!;
        return this.read((subject, asked) => asked.idOf(before! + value(subject, asked) + after!));
      },
      managerOf: (user) => {
        const manager = directory.managerOf(user);
        return manager && this.person(manager, (subject, asked) => asked.managerOf(subject.user!)!);
      },
      guestFor: (user) => this.person(directory.guestFor(user), (subject, asked) => asked.guestFor(subject.user!)),
    };
  }

  draws(): Draws {
    return {
      unit: () => {
        throw new RangeError('a text that goes by a draw has no recipe');
      },
      guid: () => this.draw((draws) => draws.guid()),
      number: (from, count) => this.draw((draws) => draws.number(from, count)),
      hex: () => this.draw((draws) => draws.hex()),
    };
  }

  /** Cuts a text at its marks. */
  recipe(text: string): Recipe {
    const read = new Map<string, number>();
    const cut = text.split(MARKS).filter((part) => part !== '');
    for (const part of cut) {
      const code = part.charCodeAt(0);
      if (code >= FIRST_READ && code < FIRST_DRAWN && !read.has(part)) read.set(part, read.size);
    }
    return {
      parts: cut.map((part) => {
        if (!MARKS.test(part)) return part;
        return read.get(part) ?? read.size + part.charCodeAt(0) - FIRST_DRAWN;
      }),
      reads: Array.from(read.keys(), (mark) => this.#reads[mark.charCodeAt(0) - FIRST_READ]!),
      draws: this.#draws,
    };
  }
}

/** All that decides the wording of an operation's text, as a number. */
function wordingOf(directory: Directory, operation: string, subject: Subject): number {
  const { user, group, principal, application, device, domain } = subject;
  const reports = operation === 'Set user manager' && user !== undefined && directory.hasManager(user);
  return (
    (user ? 1 : 0) |
    (user && hasRole(user) ? 2 : 0) |
    (group === undefined ? 0 : 4) |
    (principal ? 8 : 0) |
    (application ? 16 : 0) |
    (device ? 32 : 0) |
    (domain === undefined ? 0 : 64) |
    (reports ? 128 : 0)
  );
}

interface Cookbook {
  readonly directory: Directory;
  /** By role, operation and wording. */
  readonly recipes: Map<string | undefined, Map<string, Recipe[]>>;
}

const cookbooks = new WeakMap<Tenant, Cookbook>();

function cookbookOf(tenant: Tenant): Cookbook {
  let cookbook = cookbooks.get(tenant);
  if (!cookbook) cookbooks.set(tenant, (cookbook = { directory: directoryOf(tenant), recipes: new Map() }));
  return cookbook;
}

function recipeOf({ directory, recipes }: Cookbook, operation: string, subject: Subject): Recipe {
  let ofRole = recipes.get(subject.role);
  if (!ofRole) recipes.set(subject.role, (ofRole = new Map()));
  let ofOperation = ofRole.get(operation);
  if (!ofOperation) ofRole.set(operation, (ofOperation = []));
  const wording = wordingOf(directory, operation, subject);
  let recipe = ofOperation[wording];
  if (!recipe) {
    const marks = new Marks();
    const text = targetResources(marks.directory(directory), operation, marks.subject(subject), marks.draws());
    ofOperation[wording] = recipe = marks.recipe(text);
  }
  return recipe;
}

/** The TargetResources of one partition's rows. */
export class TargetTexts {
  readonly #cookbook: Cookbook;
  readonly #texts = new PiecedTextsBuilder();
  /** For each recipe the pieces of its parts; of a value its number, inverted. */
  readonly #partPieces = new Map<Recipe, Int32Array>();
  readonly #constants = new Map<Recipe, number>();
  /** Pieces of values that are read: an account is a subject many times. */
  readonly #valuePieces = new Map<string, number>();
  /** The user that the last text was about, and the pieces of what it read of it. */
  #user: Person | undefined;
  #userId: number | undefined;
  #userName: number | undefined;
  /** The pieces of the values of the text in the making, -1 for those that have not been read. */
  #pieces = new Int32Array(16);

  constructor(tenant: Tenant) {
    this.#cookbook = cookbookOf(tenant);
  }

  /** Adds a text that nothing is known of. */
  append(json: string): number {
    this.#texts.add(this.#texts.piece(json));
    return this.#texts.end();
  }

  /** Adds the text of an operation: what {@link targetResources} gives for the same. */
  describe(operation: string, subject: Subject, random: RandomStream): number {
    const { directory } = this.#cookbook;
    // These go by draws, and are rare.
    if (subject.policy !== undefined) {
      return this.append(targetResources(directory, operation, subject, drawsFrom(random)));
    }
    const recipe = recipeOf(this.#cookbook, operation, subject);
    const { reads, draws } = recipe;
    const texts = this.#texts;
    const values = reads.length + draws.length;
    if (values === 0) return this.#constant(recipe);
    if (values > this.#pieces.length) this.#pieces = new Int32Array(2 * values);
    const pieces = this.#pieces.fill(-1, 0, reads.length);
    if (draws.length > 0) {
      const drawn = drawsFrom(random);
      draws.forEach((draw, index) => (pieces[reads.length + index] = texts.piece(draw(drawn))));
    }
    const parts = this.#partPieces.get(recipe) ?? this.#number(recipe);
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (part >= 0) {
        texts.add(part);
        continue;
      }
      const value = ~part;
      if (pieces[value] === -1) pieces[value] = this.#read(reads[value]!, subject);
      texts.add(pieces[value]!);
    }
    return texts.end();
  }

  /** The text of a recipe that is always the same. */
  #constant(recipe: Recipe): number {
    let index = this.#constants.get(recipe);
    if (index === undefined) this.#constants.set(recipe, (index = this.append(recipe.parts.join(''))));
    return index;
  }

  #number(recipe: Recipe): Int32Array {
    const numbers = Int32Array.from(recipe.parts, (part) =>
      typeof part === 'string' ? this.#texts.piece(part) : ~part,
    );
    this.#partPieces.set(recipe, numbers);
    return numbers;
  }

  #read(read: Read, subject: Subject): number {
    const text = read(subject, this.#cookbook.directory);
    if (read !== USER_ID && read !== USER_NAME) return this.#valuePiece(text);
    // One account after another is what most texts of a row of texts are about.
    if (subject.user !== this.#user) {
      this.#user = subject.user;
      this.#userId = undefined;
      this.#userName = undefined;
    }
    return read === USER_ID ? (this.#userId ??= this.#valuePiece(text)) : (this.#userName ??= this.#valuePiece(text));
  }

  #valuePiece(text: string): number {
    let piece = this.#valuePieces.get(text);
    if (piece === undefined) this.#valuePieces.set(text, (piece = this.#texts.piece(text)));
    return piece;
  }

  /** The texts. The writer must not be used afterwards. */
  seal(): PiecedTexts {
    return this.#texts.seal();
  }
}
