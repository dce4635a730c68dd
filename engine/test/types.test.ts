import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const ENGINE = join(import.meta.dirname, "..");

/** What the compiler says of these lines, each of which uses an `engine`. */
function complaints(lines: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "endstop-types-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "use.mts");
  const head = [
    `import { createEngine, type Tool, type CommandTool } from "${ENGINE}/src/index.ts";`,
    `import { jsonSchema } from "${ENGINE}/node_modules/@ai-sdk/provider-utils/dist/index.js";`,
    `import { z } from "${ENGINE}/node_modules/zod/index.js";`,
    "export const engine = createEngine();",
  ];
  writeFileSync(file, [...head, ...lines].join("\n"));
  const config = { extends: join(ENGINE, "tsconfig.json"), files: [file], include: [] };
  const compilerOptions = { noUnusedLocals: false, typeRoots: [join(ENGINE, "node_modules/@types")] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...config, compilerOptions }));
  const compiler = join(ENGINE, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [compiler, "--pretty", "false", "-p", folder], { encoding: "utf8" });
  return stdout
    .trim()
    .split(/\n(?=\S)/)
    .filter(Boolean);
}

// One run of the compiler, since that is the costly part: who writes only what is right is not complained of.
it("takes a tool that was declared as one before, types a body's input by its schema, and names what is wrong with a tool", {
  timeout: 60_000,
}, () => {
  const found = complaints([
    "const plain: Tool = { name: 'plain', run: () => 1 };",
    "engine.register(plain);",
    "const typed: Tool<{ city: string }> = { name: 'typed', inputSchema: z.object({ city: z.string() }), run: ({ city }) => city };",
    "engine.register(typed);",
    "for (const each of [plain, plain]) engine.register(each);",
    "const command: CommandTool = { name: 'command', command: ['ls'] };",
    "engine.register(command);",
    "const either: Tool | CommandTool = plain;",
    "engine.register(either);",
    "engine.register({ name: 'a', inputSchema: z.object({ city: z.string() }), run: ({ city }) => city.length });",
    "engine.register({ name: 'b', inputSchema: { type: 'object' }, run: ({ page }: { page: number }) => page });",
    "engine.register({ name: 'c', run: (input: { n: number }) => input.n });",
    "engine.register({ name: 'd', inputSchema: jsonSchema<{ n: number }>({ type: 'object' }), run: ({ n }) => n });",
    "engine.register({ name: 'a', timout: '1s', run: () => 1 });",
    "engine.register({ name: 'b', inputSchema: z.object({ city: z.string() }), timout: '1s', run: ({ city }) => city.length });",
    "engine.register({ name: 'c', timeout: 5, run: () => 1 });",
    "engine.register({ name: 'd', inputSchema: z.object({ city: z.string() }), run: ({ town }) => town });",
    "engine.register('./x.mjs');",
  ]);
  expect(found).toEqual([
    expect.stringContaining("'timout' does not exist in type"),
    expect.stringContaining("'timout' does not exist in type"),
    expect.stringContaining("Type 'number' is not assignable to type 'string'"),
    expect.stringContaining("Property 'town' does not exist on type"),
    expect.stringContaining("Argument of type 'string' is not assignable"),
  ]);
  expect(found.join()).not.toContain("'URL'");
});
