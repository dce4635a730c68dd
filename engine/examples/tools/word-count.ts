// A tool in a module of its own: each worker imports this file, the program that registers it does not.
import type { Tool } from "endstop";

export const tool: Tool<{ text: string; forever?: boolean }> = {
  name: "word_count",
  description: "Counts the words of a text.",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
  timeout: "10s",
  run({ text, forever = false }) {
    while (forever); // nothing in this process could stop it
    return text.split(/\s+/).filter(Boolean).length;
  },
};
