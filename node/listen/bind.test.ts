import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectChannel } from '../connect.js';
import { cert, key } from '../channel/fixtures/certificate.js';
import { listening } from './testing/raw.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'dservice-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('a TCP port', () => {
  test('in use is told by its number', async () => {
    const first = await listening();
    const second = listening({ port: first.port });
    await expect(second).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: `cannot listen on 127.0.0.1:${first.port}: it is in use`,
      cause: { code: 'EADDRINUSE' },
    });
    await first.close();
  });

  test('is free again once close has resolved', async () => {
    const first = await listening();
    const channel = await connectChannel(`tcp://127.0.0.1:${first.port}`);
    channel.open({ receive() {}, drain() {}, close() {} });
    await first.close();
    const second = await listening({ port: first.port });
    await second.close();
    await second.close();
    channel.destroy();
  });

  test('of an address that is not here is told', async () => {
    await expect(listening({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    await expect(listening({ host: 'nowhere.invalid' })).rejects.toMatchObject({
      code: 'ERR_LISTEN',
    });
  });

  test('of all addresses is listed by each one, loopback first', async () => {
    const it = await listening({ host: '0.0.0.0' });
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((one) => one.family === 'IPv4')
      .map((one) => `tcp://${one.address}:${it.port}`);
    expect([...it.listener.endpoints].sort()).toEqual([...new Set(own)].sort());
    expect(it.listener.endpoints[0]).toBe(`tcp://127.0.0.1:${it.port}`);
    await it.close();
  });

  test('of IPv6 loopback stands in brackets, and is reached', async () => {
    const it = await listening({ host: '::1' });
    expect(it.listener.endpoints).toEqual([`tcp://[::1]:${it.port}`]);
    const channel = await connectChannel(`tcp://[::1]:${it.port}`);
    expect(channel.peer.address).toBe(`[::1]:${it.port}`);
    channel.destroy();
    channel.open({ receive() {}, drain() {}, close() {} });
    await it.close();
  });

  test('with TLS is listed as such', async () => {
    const it = await listening({ tls: { key, cert } });
    expect(it.listener.endpoints).toEqual([`tls://127.0.0.1:${it.port}`]);
    await it.close();
  });
});

describe('a unix socket', () => {
  test('comes first, is its owner’s only, and goes with the listener', async () => {
    const path = join(folder(), 's');
    const it = await listening({ path });
    expect(it.listener.endpoints).toEqual([`unix:${path}`, `tcp://127.0.0.1:${it.port}`]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const next = it.channel();
    const channel = await connectChannel(`unix://${path}`);
    channel.open({ receive() {}, drain() {}, close() {} });
    channel.write('{}\n');
    expect((await next).peer.transport).toBe('unix');
    channel.destroy();
    await it.close();
    expect(existsSync(path)).toBe(false);
  });

  test('alone has no port', async () => {
    const path = join(folder(), 's');
    const it = await listening({ path, port: false });
    expect([it.listener.endpoints, it.listener.port]).toEqual([[`unix:${path}`], undefined]);
    await it.close();
  });

  test('on which somebody listens is not taken away', async () => {
    const path = join(folder(), 's');
    const first = await listening({ path });
    await expect(listening({ path })).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: `cannot listen on ${path}: it is in use`,
    });
    const channel = await connectChannel(`unix:${path}`);
    channel.open({ receive() {}, drain() {}, close() {} });
    channel.destroy();
    await first.close();
  });

  test('left by a process that was killed is replaced', async () => {
    const path = join(folder(), 's');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log(1))`;
    const child = spawn(process.execPath, ['-e', script]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(path)).toBe(true);
    const it = await listening({ path });
    const channel = await connectChannel(`unix:${path}`);
    channel.open({ receive() {}, drain() {}, close() {} });
    channel.destroy();
    await it.close();
  });

  test('is not put in the place of a file', async () => {
    const path = join(folder(), 'precious');
    writeFileSync(path, 'data');
    await expect(listening({ path })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    expect(existsSync(path)).toBe(true);
  });

  test('is given up where the port cannot be had', async () => {
    const other = await listening();
    const path = join(folder(), 's');
    await expect(listening({ path, port: other.port })).rejects.toMatchObject({
      code: 'ERR_LISTEN',
    });
    expect(existsSync(path)).toBe(false);
    await other.close();
  });
});
