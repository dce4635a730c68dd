// Hands frames from the host to one worker and back, over the channels that an engine has. It decides nothing.
import { createServer } from "node:net";

const LENGTHS_BYTES = 8;

let worker;
createServer((socket) => {
  worker = socket;
  process.stdout.write("connected");
  socket.on("data", (frame) => pass(frame, process.stdout, (id) => ({ type: "outcome", id, status: "succeeded" })));
}).listen(process.argv[2], () => process.stdout.write("listening"));
process.stdin.on("data", (frame) => pass(frame, worker, (id) => ({ type: "run", id, attempt: 1 })));
process.stdin.on("end", () => process.exit());

function pass(frame, channel, headerOf) {
  const bodyStart = LENGTHS_BYTES + frame.readUInt32BE(0);
  const { id } = JSON.parse(frame.toString("utf8", LENGTHS_BYTES, bodyStart));
  const header = Buffer.from(JSON.stringify(headerOf(id)));
  const body = frame.subarray(bodyStart);
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES);
  lengths.writeUInt32BE(header.length, 0);
  lengths.writeUInt32BE(body.length, 4);
  channel.write(Buffer.concat([lengths, header, body]));
}
