import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createEngine } from "../api/engine.ts";
import { Policies } from "../policy/policy.ts";
import { labelOf } from "./label.ts";
import { isSecretName, redactEnding, redactText, secretsOf } from "./redaction.ts";
import type { Encoded } from "./values.ts";

const DEFAULT = new Policies({}).engine.redact;

interface Vector {
  readonly name: string;
  readonly redact?: readonly string[];
  readonly input: Encoded;
  readonly text: string;
  readonly expected: string;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/redaction.json", import.meta.url), "utf8"),
);

it.each(vectors)("hides $name", ({ input, text, expected, redact = DEFAULT }) => {
  expect(redactText(text, secretsOf(input, redact), redact)).toBe(expected);
});

describe("which names are secret", () => {
  it.each(
    "password apiKey API-KEY my_api_key accessToken accesstoken Authorization x-auth clientSecret db.password".split(
      " ",
    ),
  )("%s is, unless somebody says otherwise", (name) => expect(isSecretName(name, DEFAULT)).toBe(true));
  it.each("author max_tokens keyboard path query compass secretary authority __proto__".split(" "))(
    "%s is not",
    (name) => expect(isSecretName(name, DEFAULT)).toBe(false),
  );
});

it("secret values are found however deep they are, and hidden wherever they stand in a text", () => {
  const input = { q: "cats", auth: { user: "bob", pins: [1234, "hunter2"] }, list: [{ password: 'a"b\\c!' }] };
  const secrets = secretsOf(input, DEFAULT);
  const hidden = (text: string): string => redactText(text, secrets, DEFAULT);
  expect(hidden("no hunter2, 1234 nor bob for cats")).toBe("no ***, *** nor *** for cats");
  expect(hidden("bobsled 12345")).toBe("bobsled ***5"); // a value of four signs is looked for anywhere
  expect(hidden(JSON.stringify(input))).not.toMatch(/hunter2|a\\"b/);
  expect(hidden("cut at the end: hunte…")).toBe("cut at the end: ***…");
});

it("what stands beside a secret name in a text is hidden, though no argument had it", () => {
  const hidden = (text: string): string => redactText(text, [], DEFAULT);
  expect(hidden('{"token": "abc\\"d", "page": 1, "apiKey": \'x\'}')).toBe(
    '{"token": "***", "page": 1, "apiKey": \'***\'}',
  );
  expect(hidden("GET /?api_key=abc&page=2 Authorization: Bearer abc.def; x")).toBe(
    "GET /?api_key=***&page=2 Authorization: ***; x",
  );
  expect(hidden('{"password": "cut in the mid')).toBe('{"password": "***"');
});

it("a label leaves secret values out, and with * all of them", () => {
  const input = { url: "a", password: "hunter2" };
  expect(labelOf("t", input, DEFAULT)).toBe("t(url=a, password=***)");
  expect(labelOf("t", input, ["url"])).toBe("t(url=***, password=hunter2)");
  expect(labelOf("t", input, ["*"])).toBe("t(…)");
});

it("finds a secret that is bytes, and the same value under another name", () => {
  const input = {
    password: { $bytes: Buffer.from("hunter2").toString("base64") },
    note: "for hunter2",
    token: "sk-4242",
  };
  const secrets = secretsOf(input, DEFAULT);
  expect(redactText("no b'hunter2' here", secrets, DEFAULT)).toBe("no b'***' here");
  expect(labelOf("t", input, DEFAULT)).toBe("t(password=***, note=for ***, token=***)");
  expect(labelOf("t", { token: "sk-4242", url: "sk-4242" }, DEFAULT)).toBe("t(token=***, url=***)");
});

it("two messages that differ in a secret are no repetition of each other", () => {
  const digest = (secret: string): unknown => {
    const error = {
      name: "E",
      message: `wrong: ${secret}`,
      stack: "",
      cause: { name: "E", message: secret, stack: "" },
    };
    const ending = redactEnding({ type: "raised", error }, [secret], DEFAULT);
    expect(JSON.stringify(ending)).not.toContain(secret);
    return "digest" in ending && ending.digest;
  };
  expect(digest("hunter-a")).not.toBe(digest("hunter-b"));
  expect(digest("hunter-a")).toBe(digest("hunter-a"));
});

it("an engine hides them in failures and notices, while cache and loops see the real values", async () => {
  const engine = createEngine({ redact: ["code"] });
  let bodies = 0;
  engine.register({
    name: "open",
    cache: true,
    run: ({ code }: { code: string }) => {
      bodies += 1;
      if (code.startsWith("bad")) throw Object.assign(new Error(`no door for ${code}`), { tried: code, code: "E" });
      return code.length;
    },
  });
  const run = engine.run();
  const failed = await run.call("open", { code: "bad-9f8e7d" });
  expect(JSON.stringify(failed)).not.toContain("9f8e7d");
  expect(failed).toMatchObject({ failure: { message: expect.stringContaining("no door for ***") } });
  for (const code of ["aaaa", "bbbb", "aaaa"]) expect(await run.call("open", { code })).toMatchObject({ value: 4 });
  expect(bodies).toBe(3);
  await engine.close();
});

it.each([
  ["too large to be read", { rest: "x".repeat(2_000_000), password: "hunter2" }],
  ["too many to be read", { rest: Array.from({ length: 300_000 }, () => ({ a: {} })), password: "hunter2" }],
  ["of no encoding", { rest: () => 0, password: "hunter2" }],
  ["a map", new Map<string, unknown>([["token", Buffer.from("hunter2")]])],
])("an input that is %s has its secrets hidden too", async (_what, input) => {
  const engine = createEngine();
  const run = (): never => {
    throw new Error("no door for hunter2");
  };
  engine.register({ name: "open", run });
  const outcome = await engine.call("open", input);
  expect(outcome).toMatchObject({ failure: { message: expect.stringContaining("no door for ***") } });
  await engine.close();
});

it("a text of many megabytes is looked through as fast as it is long, and long words end in names too", () => {
  expect(redactText("x".repeat(30_000_000), [], DEFAULT).length).toBe(30_000_000);
  expect(redactText(`${"x".repeat(100)}_token=abcdef "my-password": "p w"`, [], DEFAULT)).toBe(
    `${"x".repeat(100)}_token=*** "my-password": "***"`,
  );
});
