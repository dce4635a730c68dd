// An application to be bundled. Prints what came of a call on the host, of one in a Node worker and of a command; then a command runs until the
// application is killed. Arguments: the URL of the worker's module, the file that the last command writes its process id to.
import { createEngine } from "endstop";

const [, , module, log] = process.argv;
const print = (line) => process.stdout.write(`${line}\n`);

async function main() {
  const engine = createEngine({ timeout: null });
  engine.register({ name: "host", run: () => "on the host" });
  print((await engine.call("host")).value);
  try {
    await engine.register(new URL(module));
    print((await engine.call("pid")).status);
  } catch (error) {
    print(error.message);
  }
  try {
    engine.register({ name: "spin", command: ["sh", "-c", `echo $$ > ${log}; while :; do :; done`] });
    await engine.call("spin");
  } catch (error) {
    print(error.message);
    await engine.close();
  }
}

process.on("warning", ({ code }) => print(code));
main();
