export const tool = { name: "pid", run: () => process.pid };
