import { isAbsolute, join } from "node:path";
import type { ReadText } from "../util/read-text.ts";

/** A folder of the cgroup file system under which groups may be made that bound memory. */
export interface CgroupPlace {
  /** The two interfaces of Linux's kernel name their files differently. */
  readonly version: 1 | 2;
  readonly folder: string;
}

/**
 * Where this process's own cgroup is in the hierarchy that has the memory controller (version 1 where that has it, since a controller
 * is in one hierarchy only), or the folder that `wish` names, absolute or seen from there. Undefined where there is none.
 * Format of the two files: cgroups(7), proc_pid_mountinfo(5).
 */
export function cgroupPlace(read: ReadText, wish: string | undefined): CgroupPlace | undefined {
  const own = ownPlace(read);
  if (!wish) return own;
  const folder = isAbsolute(wish) ? wish : own && join(own.folder, wish);
  if (folder === undefined) return undefined;
  return { version: read(join(folder, "cgroup.controllers")) === undefined ? 1 : 2, folder };
}

function ownPlace(read: ReadText): CgroupPlace | undefined {
  const mounts = (read("/proc/self/mountinfo") ?? "").split("\n").map(parseMount);
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.+)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isVersion1 = controllers.split(",").includes("memory");
    if (!isVersion1 && controllers !== "") continue;
    const mount = mounts.find((each) =>
      isVersion1 ? each?.type === "cgroup" && each.options.includes("memory") : each?.type === "cgroup2",
    );
    // A container may see only a part of the hierarchy.
    const isSeen = mount && (mount.root === "/" || path === mount.root || path.startsWith(`${mount.root}/`));
    if (!isSeen) continue;
    const below = mount.root === "/" ? path : path.slice(mount.root.length);
    return { version: isVersion1 ? 1 : 2, folder: join(mount.point, below) };
  }
  return undefined;
}

function parseMount(line: string) {
  const [place, device] = line.split(" - ");
  const [, , , root, point] = place?.split(" ") ?? [];
  const [type, , options] = device?.split(" ") ?? [];
  if (root === undefined || point === undefined || options === undefined) return undefined;
  return { root: unescaped(root), point: unescaped(point), type, options: options.split(",") };
}

function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
