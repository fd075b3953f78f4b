// ioredis: its scripts, and tracking redirected to a second connection, as RESP2 has it.
import assert from "node:assert";
import Redis from "ioredis";

const options = { host: "127.0.0.1", port: Number(process.argv[2]) };
const client = new Redis(options);
const listener = new Redis(options);

client.defineCommand("addTo", { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
assert.strictEqual(await client.addTo("n", 5), 5);
await client.script("FLUSH");
assert.strictEqual(await client.addTo("n", 5), 10);
assert.deepStrictEqual(await client.pipeline().set("a", 1).addTo("n", 1).exec(), [[null, "OK"], [null, 11]]);
console.log("ok scripts");

const invalidated = new Promise((done) => listener.on("message", (channel, keys) => done([channel, keys])));
const id = await listener.client("ID");
await listener.subscribe("__redis__:invalidate");
await client.client("TRACKING", "ON", "REDIRECT", id);
await client.get("key");
const other = new Redis(options);
await other.set("key", "new");
assert.deepStrictEqual(await invalidated, ["__redis__:invalidate", "key"]);
console.log("ok tracking");

for (const one of [client, listener, other]) one.disconnect();
process.exit(0);
