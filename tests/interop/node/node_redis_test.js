// node-redis: commands, transactions, scripts, functions, Pub/Sub, and its client-side cache, which tracking feeds.
import assert from "node:assert";
import { createClient, defineScript } from "redis";

const url = `redis://127.0.0.1:${process.argv[2]}`;
const client = await createClient({
  url,
  RESP: 3,
  scripts: {
    addTo: defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
      parseCommand(parser, key, amount) { parser.pushKey(key); parser.push(String(amount)); },
      transformReply: undefined,
    }),
  },
}).connect();

await client.set("key", "value");
assert.strictEqual(await client.get("key"), "value");
assert.deepStrictEqual({ ...await client.hGetAll("none") }, {});
console.log("ok commands");

assert.deepStrictEqual(await client.multi().set("n", 1).incr("n").get("n").exec(), ["OK", 2, "2"]);
console.log("ok transactions");

assert.strictEqual(await client.addTo("n", 5), 7);
await client.scriptFlush();
assert.strictEqual(await client.addTo("n", 5), 12);
console.log("ok scripts");

await client.functionLoad("#!lua name=node\nredis.register_function('twice', function(k, a) return a[1] * 2 end)", { REPLACE: true });
assert.strictEqual(await client.fCall("twice", { arguments: ["21"] }), 42);
await client.functionFlush();
console.log("ok functions");

const subscriber = await client.duplicate().connect();
const heard = new Promise((done) => subscriber.subscribe("channel", done));
while (!await client.publish("channel", "message"));
assert.strictEqual(await heard, "message");
subscriber.destroy();
console.log("ok Pub/Sub");

const cached = await createClient({ url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: "LRU" } }).connect();
await client.set("cached", "old");
assert.strictEqual(await cached.get("cached"), "old");
assert.strictEqual(await cached.get("cached"), "old");
await client.set("cached", "new");
while (await cached.get("cached") === "old") await new Promise(setImmediate);
assert.strictEqual(await cached.get("cached"), "new");
cached.destroy();
console.log("ok tracking");

client.destroy();
process.exit(0);
