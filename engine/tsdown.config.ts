import * as plugin from "rollup-plugin-license";
import { defineConfig } from "tsdown";

// It is CommonJS, and its types name a default export that it does not have.
const license = plugin.default as unknown as typeof plugin.default.default;

const programs = {
  "node-guest": "src/execution/node/guest.ts",
  "watchdog-thread": "src/execution/host/watchdog-thread.ts",
  "warden-main": "src/processes/warden-main.ts",
};
const carried = "../python/src/endstop/_engine";

export default defineConfig([
  {
    name: "library",
    entry: { index: "src/index.ts" },
    platform: "node",
    target: "node22.18",
    dts: true,
    outDir: "dist",
    clean: ["dist"],
  },
  // What the library starts as processes or threads: one file each, so that it can be copied, or bundled again.
  ...Object.entries(programs).map(([name, source]) => ({
    name,
    entry: { [name]: source },
    platform: "node" as const,
    target: "node22.18",
    dts: false,
    outDir: "dist",
    clean: false,
    outputOptions: { codeSplitting: false },
  })),
  {
    // The engine that the Python wheel carries: one file, nothing to install beside it.
    name: "server",
    entry: { endstop: "src/server/main.ts" },
    platform: "node",
    target: "node22.18",
    dts: false,
    outDir: carried,
    deps: { alwaysBundle: /./, onlyBundle: false },
    outputOptions: { codeSplitting: false },
    // Who bundles a library passes on its notice; `dev build` makes the wheel's list of parts from the second file.
    plugins: [
      license({
        thirdParty: {
          multipleVersions: true,
          output: [
            { file: `${carried}/THIRD_PARTY_NOTICES.txt` },
            {
              file: "../.cache/bundled.json",
              template: (parts) => JSON.stringify(parts.map(({ name, version }) => `${name}@${version}`)),
            },
          ],
        },
      }),
    ],
  },
]);
