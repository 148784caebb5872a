// @grpc/grpc-js against a Kvorum gRPC server: node test_kv.mjs host:port.
// The server is a front end over an in-memory node with the echo service of ../echo.proto.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const here = path.dirname(fileURLToPath(import.meta.url));
const definition = loader.loadSync(['kv.proto', 'kvorum/v1/kv.proto', 'grpc/health/v1/health.proto', 'echo.proto'], {
  includeDirs: [path.join(here, '..', '..', '..', 'proto'), path.join(here, '..')],
  keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true,
});
const protos = grpc.loadPackageDefinition(definition);
const address = process.argv[2];
const credentials = grpc.credentials.createInsecure();
const options = { 'grpc.max_receive_message_length': 64 << 20, 'grpc.max_send_message_length': 64 << 20 };
const kv = new protos.kvorum.v1.KV(address, credentials, options);
const echo = new protos.kvorum.test.Echo(address, credentials, options);
const compat = new protos.kv.KV(address, credentials, options);
const health = new protos.grpc.health.v1.Health(address, credentials, options);
const leader = '127.0.0.1:50051';
const manyScripts = '100% проверка – 検証 «ü»\n';
const { status } = grpc;

const unary = (client, method, request, metadata = new grpc.Metadata(), options = {}) =>
  new Promise((resolve, reject) =>
    client[method](request, metadata, options, (error, reply) => (error ? reject(error) : resolve(reply))));

const all = (stream) => new Promise((resolve, reject) => {
  const messages = [];
  stream.on('data', (message) => messages.push(message));
  stream.on('error', (error) => reject(Object.assign(error, { messages })));
  stream.on('end', () => resolve(messages));
});

async function fails(code, promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.code, code, `${status[error.code]}: ${error.details}`);
    return error;
  }
  assert.fail(`want ${status[code]}, got an answer`);
}

const tests = {
  async putGetDelete() {
    const put = await unary(kv, 'Put', { key: Buffer.from('js:1'), value: Buffer.from('john_doe') });
    assert.equal(put.header.leader, leader);
    assert.equal(put.header.ack, 'majority');
    const got = await unary(kv, 'Get', { key: Buffer.from('js:1') });
    assert.ok(got.found && got.value.equals(Buffer.from('john_doe')));
    assert.equal(got.header.version, put.header.version);
    await unary(kv, 'Delete', { key: Buffer.from('js:1') });
    assert.equal((await unary(kv, 'Get', { key: Buffer.from('js:1') })).found, false);
  },
  async binaryKeys() {
    const key = Buffer.from([...Array(256).keys()]);
    await unary(kv, 'Put', { key, value: key });
    assert.ok((await unary(kv, 'Get', { key })).value.equals(key));
  },
  async scan() {
    for (let i = 0; i < 40; i++) {
      await unary(kv, 'Put', { key: Buffer.from(`jscan:${String(i).padStart(2, '0')}`), value: Buffer.alloc(20000) });
    }
    const pages = await all(kv.Scan({ prefix: Buffer.from('jscan:') }));
    assert.ok(pages.length > 2);
    const keys = pages.flatMap((page) => page.entries.map((entry) => entry.key.toString()));
    assert.deepEqual(keys, Array.from({ length: 40 }, (_, i) => `jscan:${String(i).padStart(2, '0')}`));
    const some = await all(kv.Scan({ prefix: Buffer.from('jscan:'), reverse: true, limit: 2, keys_only: true }));
    assert.deepEqual(some.flatMap((page) => page.entries.map((entry) => entry.key.toString())), ['jscan:39', 'jscan:38']);
    assert.ok(some.at(-1).more);
    await fails(status.INVALID_ARGUMENT, all(kv.Scan({ token: Buffer.from('x') })));
  },
  async conditions() {
    const key = Buffer.from(`js:cas:${process.pid}`);
    await unary(kv, 'Put', { key, value: key, if_version: 0 });
    const error = await fails(status.ABORTED, unary(kv, 'Put', { key, value: key, if_version: 0 }));
    assert.deepEqual(error.metadata.get('kvorum-status'), ['condition-failed']);
  },
  async errorsAndTheirTrailers() {
    const error = await fails(status.UNAVAILABLE, unary(kv, 'Put', { key: Buffer.from('status:Unavailable') }));
    assert.equal(error.details, 'as programmed – « é »');
    assert.deepEqual(error.metadata.get('kvorum-retry'), ['safe']);
    assert.deepEqual(error.metadata.get('kvorum-leader'), [leader]);
  },
  async textOfManyScripts() {
    const error = await fails(status.ABORTED, unary(echo, 'One', { key: Buffer.from('abort') }));
    assert.equal(error.details, manyScripts);
    assert.ok(error.metadata.get('why-bin')[0].equals(Buffer.from([0, 255, 1])));
  },
  async handlerException() {
    const error = await fails(status.UNKNOWN, unary(echo, 'One', { key: Buffer.from('throw') }));
    assert.ok(!error.details.includes('secret'));
  },
  async unknownMethod() {
    const nothing = new (grpc.makeGenericClientConstructor({
      Nothing: {
        path: '/kvorum.v1.KV/Nothing', requestStream: false, responseStream: false,
        requestSerialize: (bytes) => bytes, responseDeserialize: (bytes) => bytes,
      },
    }))(address, credentials);
    const error = await fails(status.UNIMPLEMENTED, unary(nothing, 'Nothing', Buffer.alloc(0)));
    assert.match(error.details, /\/kvorum\.v1\.KV\/Nothing/);
    nothing.close();
  },
  async threeMegabytes() {
    const value = crypto.randomBytes(3 << 20);
    assert.ok((await unary(echo, 'One', { value })).value.equals(value));
  },
  async whatMayBeWrittenCanBeReadWithDefaultSettings() {
    const stock = new protos.kvorum.v1.KV(address, credentials);
    const [key, value] = [Buffer.alloc(4096, 'j'), crypto.randomBytes((4 << 20) - (64 << 10))];
    await unary(stock, 'Put', { key, value });
    assert.ok((await unary(stock, 'Get', { key })).value.equals(value));
    const pages = await all(stock.Scan({ prefix: key }));
    assert.ok(pages.flatMap((page) => page.entries).some((entry) => entry.value.equals(value)));
    assert.ok((await unary(stock, 'Delete', { key, return_previous: true })).previous.equals(value));
    stock.close();
  },
  async overTheLimit() {
    const error = await fails(status.RESOURCE_EXHAUSTED, unary(echo, 'One', { value: Buffer.alloc(5 << 20) }));
    assert.match(error.details, /limit of 4198400 bytes/);
  },
  async gzip() {
    const zipped = new protos.kvorum.test.Echo(address, credentials, { ...options, 'grpc.default_compression_algorithm': 2 });
    const value = Buffer.alloc(100000, 'abc');
    assert.ok((await unary(zipped, 'One', { value })).value.equals(value));
    zipped.close();
  },
  async deflateIsRefused() {
    const deflated = new protos.kvorum.test.Echo(address, credentials, { ...options, 'grpc.default_compression_algorithm': 1 });
    await fails(status.UNIMPLEMENTED, unary(deflated, 'One', { value: Buffer.alloc(1000) }));
    deflated.close();
  },
  async metadata() {
    const metadata = new grpc.Metadata();
    metadata.set('x-text', 'hello');
    metadata.set('x-bytes-bin', Buffer.from([0, 1, 255]));
    const [initial, last] = await new Promise((resolve, reject) => {
      let first;
      const call = echo.One({ key: Buffer.from('metadata') }, metadata, (error) => error && reject(error));
      call.on('metadata', (received) => { first = received; });
      call.on('status', (end) => resolve([first, end.metadata]));
    });
    assert.deepEqual(initial.get('x-initial'), ['first']);
    assert.deepEqual(last.get('x-text'), ['hello']);
    assert.ok(last.get('x-bytes-bin')[0].equals(Buffer.from([0, 1, 255])));
  },
  async deadline() {
    const started = Date.now();
    const options = () => ({ deadline: Date.now() + 200 });
    await fails(status.DEADLINE_EXCEEDED, unary(echo, 'One', { key: Buffer.from('wait') }, new grpc.Metadata(), options()));
    await fails(status.DEADLINE_EXCEEDED, unary(kv, 'Put', { key: Buffer.from('hang') }, new grpc.Metadata(), options()));
    await fails(status.DEADLINE_EXCEEDED, all(echo.Repeat({ key: Buffer.from('wait'), request_id: 1 }, options())));
    assert.ok(Date.now() - started < 5000);
  },
  async cancellation() {
    const stream = echo.Repeat({ key: Buffer.from('wait'), request_id: 1 });
    const ended = fails(status.CANCELLED, all(stream));
    await sleep(100);
    stream.cancel();
    await ended;
  },
  async serverStream() {
    assert.equal((await all(echo.Repeat({ value: Buffer.from('v'), request_id: 1000 }))).length, 1000);
    const error = await fails(status.ABORTED, all(echo.Repeat({ key: Buffer.from('late'), request_id: 10 })));
    assert.equal(error.messages.length, 10);
  },
  async clientStream() {
    const joined = await new Promise((resolve, reject) => {
      const call = echo.Join((error, reply) => (error ? reject(error) : resolve(reply)));
      for (let i = 0; i < 500; i++) call.write({ value: Buffer.from(`${i},`) });
      call.end();
    });
    assert.equal(joined.value.toString(), [...Array(500).keys()].map((i) => `${i},`).join(''));
  },
  async errorBeforeTheClientIsDone() {
    const call = echo.Talk();
    call.write({ key: Buffer.from('early') });
    const timer = setInterval(() => call.write({ value: Buffer.from('more') }), 10);
    const error = await fails(status.ABORTED, all(call));
    clearInterval(timer);
    assert.equal(error.details, 'enough');
  },
  async pingPong() {
    const call = echo.Talk();
    let i = 0;
    call.on('data', (message) => {
      assert.equal(message.value.toString(), `${i}`);
      if (++i < 100) call.write({ value: Buffer.from(`${i}`) }); else call.end();
    });
    call.write({ value: Buffer.from('0') });
    await new Promise((resolve, reject) => call.on('end', resolve).on('error', reject));
    assert.equal(i, 100);
  },
  async pipeline() {
    const call = kv.Pipeline();
    const replies = all(call);
    for (let id = 0; id < 1000; id++)
      call.write({ id, put: { key: Buffer.from(`js:p${id}`), value: Buffer.from('v') } });
    call.write({ id: 1000, get: { key: Buffer.from('') } });
    call.end();
    const byId = new Map((await replies).map((reply) => [reply.id, reply]));
    assert.equal(byId.size, 1001);
    assert.equal(byId.get(1000).error.code, status.INVALID_ARGUMENT);
    assert.ok(byId.get(999).put.header.version > 0);
  },
  async manyAtOnce() {
    const calls = [...Array(300).keys()].map((i) => unary(kv, 'Put', { key: Buffer.from(`js:m${i}`), value: Buffer.from('v') }));
    assert.equal((await Promise.all(calls)).length, 300);
  },
  async healthOfTheNode() {
    const state = await unary(kv, 'Health', {});
    assert.deepEqual([state.node_id, state.is_leader, state.term, state.partitions.length], ['node-1', true, 5, 3]);
    assert.equal((await unary(health, 'Check', { service: 'kvorum.v1.KV' })).status, 'SERVING');
  },
  async firstDesign() {
    const put = await unary(compat, 'Put', { key: 'js:old', value: Buffer.from('v'), client_id: 'js', request_id: process.pid });
    assert.deepEqual([put.ok, put.leader], [true, '']);
    assert.equal((await unary(compat, 'Get', { key: 'js:old' })).value.toString(), 'v');
    const metadata = new grpc.Metadata();
    metadata.set('kvorum-no-redirect', 'true');
    const hint = await unary(compat, 'Put', { key: 'not-mine' }, metadata);
    assert.deepEqual([hint.ok, hint.leader], [false, leader]);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await Promise.race([test(), sleep(20000, undefined, { ref: false }).then(() => { throw new Error('timed out'); })]);
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
console.log(failed ? `${failed} of ${Object.keys(tests).length} failed` : `all passed (${Object.keys(tests).length})`);
process.exit(failed ? 1 : 0);
