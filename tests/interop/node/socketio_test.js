// Socket.IO: two servers joined by the adapter, each with a client; what is said on one arrives at the other.
import assert from "node:assert";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const url = `redis://127.0.0.1:${process.argv[2]}`;
const closers = [];

async function start() {
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(publisher, subscriber) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  closers.push(() => server.close());
  return { server, port: http.address().port };
}

function connect(port) {
  const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"] });
  closers.push(() => client.close());
  return new Promise((done, fail) => { client.on("connect", () => done(client)); client.on("connect_error", fail); });
}

const one = await start();
const other = await start();
one.server.on("connection", (socket) => socket.join("room"));
other.server.on("connection", (socket) => socket.join("room"));
const clients = [await connect(one.port), await connect(other.port)];

const heard = clients.map((client) => new Promise((done) => client.on("news", done)));
one.server.to("room").emit("news", { text: "hello" });
assert.deepStrictEqual(await Promise.all(heard), [{ text: "hello" }, { text: "hello" }]);
console.log("ok a room over two servers");

const sockets = await one.server.in("room").fetchSockets();
assert.strictEqual(sockets.length, 2);
console.log("ok who is in the room");

other.server.on("ping-other", (text, answer) => answer(`heard ${text}`));
const answers = await one.server.serverSideEmitWithAck("ping-other", "x");
assert.deepStrictEqual(answers, ["heard x"]);
console.log("ok servers answer each other");

for (const close of closers.reverse()) await close();
process.exit(0);
