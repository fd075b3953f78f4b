// BullMQ: a queue whose every step is a script.
import assert from "node:assert";
import { Queue, QueueEvents, Worker } from "bullmq";

const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };
const prefix = "{bull}";
const queue = new Queue("jobs", { connection, prefix });
const events = new QueueEvents("jobs", { connection, prefix });
await events.waitUntilReady();

const order = [];
const worker = new Worker("jobs", async (job) => {
  order.push(job.data.n);
  if (job.data.fail && job.attemptsMade === 0) throw new Error("first time");
  return job.data.n * 2;
}, { connection, prefix, autorun: false });

const jobs = await queue.addBulk([
  { name: "plain", data: { n: 1 } },
  { name: "retried", data: { n: 2, fail: true }, opts: { attempts: 2 } },
  { name: "delayed", data: { n: 3 }, opts: { delay: 30 } },
  { name: "important", data: { n: 4 }, opts: { priority: 1 } },
]);
worker.run();
const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 20000)));
assert.deepStrictEqual(results, [2, 4, 6, 8]);
console.log("ok jobs are done, with a retry, a delay and a priority");
assert.deepStrictEqual(order.slice().sort(), [1, 2, 2, 3, 4]);
console.log("ok each ran as often as it had to");
const counts = await queue.getJobCounts();
assert.strictEqual(counts.completed, 4);
assert.strictEqual(counts.failed, 0);
console.log("ok counts");
await worker.close();
await queue.obliterate({ force: true });
await events.close();
await queue.close();
console.log("ok closed");
process.exit(0);
