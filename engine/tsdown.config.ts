import { defineConfig } from "tsdown";

export default defineConfig([
  {
    name: "library",
    entry: { index: "src/index.ts" },
    platform: "node",
    target: "node22.18",
    dts: true,
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
