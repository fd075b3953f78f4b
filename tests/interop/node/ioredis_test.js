// ioredis against a server: node ioredis_test.js PORT. Prints one line for each test; exits with 1 when one fails.
import assert from "node:assert/strict";
import Redis from "ioredis";

const port = Number(process.argv[2]);
const client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 1, retryStrategy: null });

const tests = {
  async "set and get"() {
    assert.equal(await client.set("key", "value"), "OK");
    assert.equal(await client.get("key"), "value");
    assert.equal(await client.get("missing"), null);
  },
  async "bytes come back as they went"() {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await client.set("bytes", bytes);
    assert.deepEqual(await client.getBuffer("bytes"), bytes);
  },
  async "set with options"() {
    assert.equal(await client.set("key", "value", "EX", 100, "NX"), "OK");
    assert.equal(await client.set("key", "other", "NX"), null);
    const seconds = await client.ttl("key");
    assert.ok(seconds > 98 && seconds <= 100, `ttl ${seconds}`);
  },
  async "numbers"() {
    assert.equal(await client.incr("count"), 1);
    assert.equal(await client.incrby("count", 41), 42);
    await assert.rejects(client.incrby("count", "x"), {
      message: "ERR value is not an integer or out of range",
    });
  },
  async "many at once"() {
    assert.equal(await client.mset({ a: "1", b: "2" }), "OK");
    assert.deepEqual(await client.mget("a", "b", "c"), ["1", "2", null]);
  },
  async "a pipeline"() {
    const pipeline = client.pipeline();
    for (let number = 0; number < 1000; number++) pipeline.set(`key:${number}`, number);
    pipeline.get("key:999").incr("key:1").get();
    const replies = await pipeline.exec();
    assert.equal(replies.length, 1003);
    assert.deepEqual(replies[1000], [null, "999"]);
    assert.deepEqual(replies[1001], [null, 2]);
    assert.equal(replies[1002][0].message, "ERR wrong number of arguments for 'get' command");
    assert.equal(await client.dbsize(), 1000);
  },
  async "scanning sees every key once or more"() {
    const pipeline = client.pipeline();
    for (let number = 0; number < 500; number++) pipeline.set(`scan:${number}`, number);
    await pipeline.exec();
    const found = new Set();
    for await (const keys of client.scanStream({ match: "scan:*", count: 50 })) keys.forEach((key) => found.add(key));
    assert.equal(found.size, 500);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await client.flushall();
    await test();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`failed ${name}: ${error.message}`);
  }
}
client.disconnect();
process.exit(failed ? 1 : 0);
