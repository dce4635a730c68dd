import { expect, it } from "vitest";
import { cpuFraction, readMachine } from "./machine.ts";

const MEMINFO = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n";

it("takes the cgroup that is fuller than the machine, and does not count what the kernel gives up first", () => {
  const files: Record<string, string> = {
    "/proc/meminfo": MEMINFO,
    "/proc/self/cgroup": "0::/pod/box\n",
    "/sys/fs/cgroup/pod/box/memory.max": "max\n",
    "/sys/fs/cgroup/pod/memory.max": "1000\n",
    "/sys/fs/cgroup/pod/memory.current": "900\n",
    "/sys/fs/cgroup/pod/memory.stat": "anon 700\ninactive_file 100\n",
    "/sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
    "/sys/fs/cgroup/pod/cpu.stat": "usage_usec 2000000\nuser_usec 1\n",
  };
  const figures = readMachine((path) => files[path]);
  expect(figures).toEqual({ memoryFraction: 0.8, memoryLimitBytes: 1_000, cpuUsedMs: 2_000, cpuCount: 1.5 });
  const later = { ...figures, cpuUsedMs: 2_750 };
  expect(cpuFraction(figures, later, 1_000)).toBe(0.5);
});

it("takes the machine where no cgroup limits", () => {
  const files: Record<string, string> = { "/proc/meminfo": MEMINFO, "/proc/self/cgroup": "0::/\n" };
  expect(readMachine((path) => files[path])).toMatchObject({ memoryFraction: 0.6, memoryLimitBytes: 1_024_000 });
});

it("gives figures that make sense on this machine, and where there is no /proc", () => {
  for (const figures of [readMachine(), readMachine(() => undefined)]) {
    expect(figures.memoryFraction).toBeGreaterThan(0);
    expect(figures.memoryFraction).toBeLessThanOrEqual(1);
    expect(figures.memoryLimitBytes).toBeGreaterThan(100_000_000);
    expect(figures.cpuUsedMs).toBeGreaterThan(0);
    expect(figures.cpuCount).toBeGreaterThan(0);
  }
});
