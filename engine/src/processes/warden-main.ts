import { endGroups } from "./cgroup-folders.ts";
import { killOwned } from "./owner.ts";

/**
 * The program of the warden: waits until the engine lets go of its standard input, because it closed or because its process is gone,
 * and kills what the engine's processes have left. Arguments: the owner to look for, the folder of the engine's cgroups, the range of the marks in limits.
 */
const owner = process.argv[2] ?? "";
if (!/^\w+$/.test(owner)) process.exit(64);
// Ctrl-C in a terminal and a closing session are for the engine's process to survive or not.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
const cgroups = process.argv[3];
const [from, to] = process.argv.slice(4).map(Number);
const limits = from === undefined || to === undefined ? undefined : { from, to };
const end = async (): Promise<never> => {
  await killOwned({ owner, limits });
  if (cgroups) await endGroups(cgroups);
  process.exit(0);
};
process.stdin.on("close", () => void end());
process.stdin.on("error", () => {}); // its close follows
process.stdin.resume();
