/** Resource names ("tenants/a/projects/p/tasks/t") as the parameters of a route. */
export interface Parts {
  tenant: string;
  project: string;
  task: string;
  assignment: string;
  template: string;
  version: string;
  delivery: string;
  import: string;
  refusal: string;
  user: string;
  key: string;
  annotator: string;
}

/** The parts of a name; what it does not have is empty, and no route of it asks for that. */
export function at(name: string): Parts {
  const parts: Record<string, string> = {};
  const words = name.split("/");
  for (let place = 0; place + 1 < words.length; place += 2) {
    parts[words[place]!.replace(/s$/, "")] = words[place + 1]!;
  }
  return parts as unknown as Parts;
}

/** The last part of a name: what people see. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
