/**
 * What is kept on this device until the server has it: unfinished values and answers on their way.
 * IndexedDB, since values can be larger than localStorage takes. Entries belong to one person.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Value } from "./value";

export interface LocalDraft {
  /** The assignment's name. */
  name: string;
  person: string;
  value: Value;
  /** The server's revision it stands on. */
  revision: number;
  seconds: number;
  /** Does the server have it? */
  stored: boolean;
  changed: number;
}

export interface Waiting {
  key: string;
  name: string;
  person: string;
  project: string;
  task: string;
  token: number;
  value: Value;
  seconds: number;
  grace: number;
  time: number;
  verdict?: { verdict: "APPROVED" | "REJECTED" | "FIXED"; comment: string };
}

interface Kept extends DBSchema {
  drafts: { key: string; value: LocalDraft };
  outbox: { key: string; value: Waiting };
}

let opened: Promise<IDBPDatabase<Kept>> | undefined;

function database(): Promise<IDBPDatabase<Kept>> {
  opened ??= openDB<Kept>("labelmill", 1, {
    upgrade(db) {
      db.createObjectStore("drafts", { keyPath: "name" });
      db.createObjectStore("outbox", { keyPath: "key" });
    },
  });
  return opened;
}

export async function keepDraft(draft: LocalDraft): Promise<void> {
  await (await database()).put("drafts", draft);
}

export async function draftOf(name: string, person: string): Promise<LocalDraft | undefined> {
  const found = await (await database()).get("drafts", name);
  return found?.person === person ? found : undefined;
}

export async function dropDraft(name: string): Promise<void> {
  await (await database()).delete("drafts", name);
}

export async function keepWaiting(one: Waiting): Promise<void> {
  await (await database()).put("outbox", one);
}

export async function dropWaiting(key: string): Promise<void> {
  await (await database()).delete("outbox", key);
}

/** Answers of this person that the server does not have yet, oldest first. */
export async function waiting(person: string): Promise<Waiting[]> {
  const all = await (await database()).getAll("outbox");
  return all.filter((one) => one.person === person).sort((a, b) => a.time - b.time);
}
