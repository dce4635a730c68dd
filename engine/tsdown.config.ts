import { defineConfig } from "tsdown";

export default defineConfig([
  {
    name: "library",
    // What the library starts as processes or threads stands in entries of its own, found beside it.
    entry: {
      index: "src/index.ts",
      "node-guest": "src/placement/node/guest.ts",
      "watchdog-thread": "src/placement/host/watchdog-thread.ts",
      "warden-main": "src/supervise/warden-main.ts",
    },
    platform: "node",
    target: "node22.18",
    dts: { entry: "src/index.ts" },
    outDir: "dist",
  },
  {
    // The engine that the Python wheel carries: one file, nothing to install beside it.
    name: "server",
    entry: { endstop: "src/server/main.ts" },
    platform: "node",
    target: "node22.18",
    dts: false,
    outDir: "../python/src/endstop/_engine",
    deps: { alwaysBundle: /./, onlyBundle: false },
    outputOptions: { codeSplitting: false },
  },
]);
