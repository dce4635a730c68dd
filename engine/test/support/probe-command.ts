// The probe as an executable: its input on standard input, its result as JSON on standard output.
import { readFileSync } from "node:fs";
import { type ProbeInput, tool } from "./probe.ts";

const input = JSON.parse(readFileSync(0, "utf8")) as ProbeInput;
const noCalls = () => Promise.reject(new Error("an executable calls no tools"));
const context = { signal: new AbortController().signal, callId: "", path: [], call: noCalls };
process.stdout.write(JSON.stringify(await tool.run(input, context)));
