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
    return {
      ...person,
      userId: this.read((subject, directory) => find(subject, directory).userId),
      directoryName: this.read((subject, directory) => find(subject, directory).directoryName),
    };
  }

  /** `subject` with marks for all that texts take over from it. */
  subject({ user, group, principal, application, device, domain }: Subject): Subject {
    return {
      user: user && this.person(user, (subject) => subject.user!),
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
      idOf: (name) =>
        MARKS.test(name)
          ? this.read((subject, asked) => asked.idOf(this.#filled(name, subject, asked)))
          : directory.idOf(name),
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

  #filled(text: string, subject: Subject, directory: Directory): string {
    return text.replace(MARKS, (mark) => this.#reads[mark.charCodeAt(0) - FIRST_READ]!(subject, directory));
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
  const reports = operation === 'Set user manager' && user !== undefined && directory.managerOf(user) !== undefined;
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
  /** By operation and wording. */
  readonly recipes: Map<string, Recipe[]>;
}

const cookbooks = new WeakMap<Tenant, Cookbook>();

function cookbookOf(tenant: Tenant): Cookbook {
  let cookbook = cookbooks.get(tenant);
  if (!cookbook) cookbooks.set(tenant, (cookbook = { directory: directoryOf(tenant), recipes: new Map() }));
  return cookbook;
}

function recipeOf({ directory, recipes }: Cookbook, operation: string, subject: Subject): Recipe {
  let ofOperation = recipes.get(operation);
  if (!ofOperation) recipes.set(operation, (ofOperation = []));
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
  /** Pieces of values that are read: an account is a subject many times. */
  readonly #valuePieces = new Map<string, number>();
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
    // These are worded by what they are about, and rare.
    if (subject.role !== undefined || subject.policy !== undefined) {
      return this.append(targetResources(directory, operation, subject, drawsFrom(random)));
    }
    const recipe = recipeOf(this.#cookbook, operation, subject);
    const { reads, draws } = recipe;
    const texts = this.#texts;
    const values = reads.length + draws.length;
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
      if (pieces[value] === -1) pieces[value] = this.#valuePiece(reads[value]!(subject, directory));
      texts.add(pieces[value]!);
    }
    return texts.end();
  }

  #number(recipe: Recipe): Int32Array {
    const numbers = Int32Array.from(recipe.parts, (part) =>
      typeof part === 'string' ? this.#texts.piece(part) : ~part,
    );
    this.#partPieces.set(recipe, numbers);
    return numbers;
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
