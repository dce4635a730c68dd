import { describe, expect, it } from "vitest";
import { cgroupPlace } from "./cgroup-place.ts";

/** A machine by its files. */
function place(files: Record<string, string>, wish?: string) {
  return cgroupPlace((path) => files[path], wish);
}

const V2_MOUNT = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

describe("the place for cgroups", () => {
  it("is the process's own cgroup", () => {
    const files = { "/proc/self/cgroup": "0::/user.slice/app\n", "/proc/self/mountinfo": V2_MOUNT };
    expect(place(files)).toEqual({ version: 2, folder: "/sys/fs/cgroup/user.slice/app" });
  });

  it("is in version 1 where that has the memory controller", () => {
    const mountinfo = `31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 24 0:29 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
`;
    const cgroup = "5:cpu,cpuacct:/\n4:memory:/job/7\n0::/\n";
    expect(place({ "/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mountinfo })).toEqual({
      version: 1,
      folder: "/sys/fs/cgroup/memory/job/7",
    });
  });

  it("is seen from where a container's part of the hierarchy is mounted", () => {
    const mountinfo = "33 24 0:29 /docker/ab\\0401 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    const of = (path: string) =>
      place({ "/proc/self/cgroup": `4:memory:${path}\n`, "/proc/self/mountinfo": mountinfo });
    expect(of("/docker/ab 1")).toEqual({ version: 1, folder: "/sys/fs/cgroup/memory" });
    expect(of("/docker/ab 1/job")).toEqual({ version: 1, folder: "/sys/fs/cgroup/memory/job" });
    expect(of("/docker/ab 12")).toBeUndefined();
  });

  it("is where it is wished, absolute or seen from the process's own", () => {
    const files = {
      "/proc/self/cgroup": "0::/app.service/main\n",
      "/proc/self/mountinfo": V2_MOUNT,
      "/sys/fs/cgroup/app.service/cgroup.controllers": "memory pids\n",
    };
    const folder = "/sys/fs/cgroup/app.service";
    expect(place(files, "..")).toEqual({ version: 2, folder });
    expect(place(files, folder)).toEqual({ version: 2, folder });
    expect(place(files, "/cg1/memory/x")).toEqual({ version: 1, folder: "/cg1/memory/x" });
  });

  it("is nowhere on another system, and where no hierarchy is mounted", () => {
    expect(place({})).toBeUndefined();
    expect(place({}, "..")).toBeUndefined();
    expect(place({ "/proc/self/cgroup": "4:memory:/\n0::/\n", "/proc/self/mountinfo": "" })).toBeUndefined();
  });
});
