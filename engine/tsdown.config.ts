import * as plugin from "rollup-plugin-license";
import { defineConfig } from "tsdown";

// It is CommonJS, and its types name a default export that it does not have.
const license = plugin.default as unknown as typeof plugin.default.default;

const carried = "../python/src/endstop/_engine";

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
