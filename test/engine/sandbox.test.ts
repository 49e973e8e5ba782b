/** One test per line of docs/sandbox.md, for each user. */
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, chownSync } from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GoalSpec } from './helpers.ts';
import { textSource } from './helpers.ts';
import type { ProbeResult } from './probe.ts';
import { type User, makeUsers } from './users.ts';

const users = await makeUsers();
afterAll(() => {
  for (const user of users) rmSync(user.home, { recursive: true, force: true });
});

const text = textSource('hello', 'hello');
const metadata = '{"$message_type":"artifact","artifact":"/build/out/lib.rmeta","emit":"metadata"}';
const python = (code: string) => `python3 -c '${code}'`;

/** What the sandboxes are asked. Each answer is a goal of its own, built in one run per user. */
function questions(user: User): Record<string, GoalSpec> {
  const cache = path.join(user.home, 'cache');
  const mount = { id: 'state', target: '/state', sharing: 'locked', transactional: false } as const;
  return {
    p1: { script: 'id' },
    p2: { script: 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status' },
    p3: {
      script: [
        'touch /build/file; chmod 755 /build/file; chmod u+s /build/file || echo no set-user-id',
        'chmod g+s /build/file || echo no set-group-id',
        python('import os; os.setxattr("/build/file", "user.x", b"1")').concat(' 2>&1 | tail -1'),
        python('import os; os.getxattr("/build/file", "user.x")').concat(' 2>&1 | tail -1'),
      ].join('\n'),
    },
    p4: { script: 'cd /proc; ls -d [0-9]*; kill -0 $PPID || echo not mine', env: { outside: String(process.pid) } },
    p5: {
      script:
        'readlink /proc/self/fd/0; ls /proc/$$/fd; (: < /dev/tty) || echo no terminal; cut -d" " -f6 /proc/$$/stat',
    },
    p6: { script: 'hostname' },
    p7: {
      script: `tail -n +3 /proc/net/dev | cut -d: -f1; ${python(
        'import socket,os\ns=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(); socket.create_connection(s.getsockname()); print("loopback works")\ntry:\n  socket.create_connection(("127.0.0.1",int(os.environ["port"])),2)\nexcept OSError as e: print(e.strerror)\ntry:\n  socket.create_connection(("192.0.2.1",80),2)\nexcept OSError as e: print(e.strerror)',
      )}`,
      env: { port: String(port) },
    },
    p8: { script: 'env -u _ -u SHLVL', env: { own: 'value' } },
    f1: { script: 'ls -A /' },
    f2: {
      script: [
        'for place in / /usr /usr/bin /etc /nix /nix/store /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern /proc/self/oom_score_adj $hello; do',
        '  if [ -d $place ]; then (: > $place/x) && echo wrote in $place; else (echo x > $place) && echo wrote to $place; fi',
        'done 2>/dev/null',
        'chmod 777 $hello /usr/bin/env /nix/store 2>/dev/null && echo changed',
        'find /proc -maxdepth 3 -type f -writable 2>/dev/null | head',
        'find / -xdev -writable -not -type l 2>/dev/null',
        'for place in /build /tmp /dev/shm $out; do : > $place/x; done; echo the rest is writable',
      ].join('\n'),
      sources: [text],
      env: { hello: text.path },
    },
    f3: { script: 'pwd; ls -A /build /tmp; stat -c "%n %a" /build /tmp; stat -f -c %T /build /tmp' },
    f4: { script: 'ls -A /etc; cat /etc/passwd /etc/group /etc/hosts' },
    f5: { script: 'ls -A /dev' },
    f6: { script: '/usr/bin/env echo found; ls /usr' },
    lib: { script: `echo meta > $out/lib.rmeta; echo x > $out/lib.rlib; echo '${metadata}'`, early: 'lib.rmeta' },
    f7: { script: 'ls /nix/store; cat $hello', sources: [text], needs: { p1: 'whole' }, env: { hello: text.path } },
    f8: { script: 'ls $lib', needs: { lib: 'early' } },
    f9: {
      script:
        'cat /home/somebody/project; ls -A /home /home/somebody; (echo x > /home/somebody/project) 2>/dev/null || echo read-only',
      sources: [text],
      views: [{ source: text.path, target: '/home/somebody/project' }],
    },
    f10: { script: 'echo written > /state/file', mounts: [{ ...mount, ro: false, directory: cache }] },
    f10again: {
      script: 'cat /state/file; (echo x > /state/other) 2>/dev/null || echo read-only',
      needs: { f10: 'whole' },
      mounts: [{ ...mount, ro: true, directory: cache }],
    },
    o1: { script: 'ls -A $out; stat -c %F $out' },
    o2: {
      script:
        'mkdir -m 700 $out/dir; echo x > $out/dir/file; install -m 700 /bin/true $out/program; ln -s dir $out/link',
    },
    o2fifo: { script: 'mkfifo $out/fifo' },
    o2socket: {
      script: python('import socket; socket.socket(socket.AF_UNIX).bind("/build/s")') + '; mv /build/s $out/',
    },
  };
}

let port = 0;
const listener = net.createServer((socket) => socket.destroy());
beforeAll(async () => {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  port = (listener.address() as net.AddressInfo).port;
});
afterAll(() => void listener.close());

describe.each(users.map((user) => [user.name, user] as const))('as %s', (_name, user) => {
  let answers: Record<string, ProbeResult>;
  const lines = (key: string) => answers[key]?.lines ?? [];
  beforeAll(() => {
    answers = user.probe(questions(user), { SECRET: 'of the caller', SSH_AUTH_SOCK: '/run/agent' });
  });

  test('P1: user 1000, group 100', () => {
    expect(lines('p1')).toEqual(['uid=1000(nixbld) gid=100(nixbld) groups=100(nixbld)']);
  });
  test('P2: no capability, and none to be had', () => {
    expect(lines('p2').map((line) => line.replace(/\s+/, ' '))).toEqual([
      ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}: 0000000000000000`),
      'NoNewPrivs: 1',
    ]);
  });
  test('P3: no set-id bits, no extended attributes', () => {
    const answer = lines('p3').join('\n');
    expect(answer).toMatch(/no set-user-id[^]*no set-group-id/);
    expect(answer.match(/Operation not supported/g)).toHaveLength(2);
  });
  test('P4: only its own processes', () => {
    expect(lines('p4').filter((line) => /^\d+$/.test(line)).length).toBeLessThanOrEqual(4);
  });
  test('P5: session, terminal, open files', () => {
    const answer = lines('p5').filter((line) => !line.includes('/dev/tty'));
    expect(answer[0]).toBe('/dev/null');
    expect(
      answer
        .slice(1)
        .filter((line) => /^\d+$/.test(line))
        .slice(0, -1),
    ).toEqual(['0', '1', '2']);
    expect(answer).toContain('no terminal');
    expect(Number(answer.at(-1))).toBeLessThan(10);
  });
  test('P6: the name of the host', () => {
    expect(lines('p6')).toEqual(['localhost']);
  });
  test('P7: loopback alone', () => {
    expect(lines('p7').map((line) => line.trim())).toEqual([
      'lo',
      'loopback works',
      'Connection refused',
      'Network is unreachable',
    ]);
  });
  test('P8: the environment', () => {
    expect(lines('p8').toSorted()).toEqual(
      [
        ...['HOME=/homeless-shelter', 'PATH=/usr/bin:/bin', 'NIX_STORE=/nix/store', 'NIX_BUILD_CORES=2'],
        ...['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP', 'PWD'].map((name) => `${name}=/build`),
        ...['NIX_LOG_FD=2', 'TERM=xterm-256color', 'DRYDOCK_JOBSERVER=/build/.jobserver', 'own=value'],
        `out=${answers['p8']?.outPath}`,
      ].toSorted(),
    );
  });
  test('F1: the top', () => {
    const host = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].filter((name) =>
      lstatSync(`/${name}`, { throwIfNoEntry: false }),
    );
    expect(lines('f1').toSorted()).toEqual([...host, 'build', 'dev', 'etc', 'nix', 'proc', 'tmp', 'usr'].toSorted());
  });
  test('F2: what can be written to', () => {
    expect(lines('f2')).toEqual(['/build', '/tmp', 'the rest is writable']);
  });
  test('F3: /build and /tmp', () => {
    expect(lines('f3')).toEqual([
      '/build',
      '/build:',
      '.jobserver',
      '',
      '/tmp:',
      '/build 755',
      '/tmp 1777',
      'tmpfs',
      'tmpfs',
    ]);
  });
  test('F4: /etc', () => {
    const [alternatives, group, hosts, cache, passwd, ...rest] = lines('f4');
    expect([alternatives, group, hosts, cache, passwd]).toEqual([
      'alternatives',
      'group',
      'hosts',
      'ld.so.cache',
      'passwd',
    ]);
    expect(rest).toHaveLength(8);
    expect(rest).toContain('nixbld:x:1000:100:Nix build user:/build:/noshell');
  });
  test('F5: /dev', () => {
    expect(lines('f5').toSorted().join(' ')).toBe(
      'core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero',
    );
  });
  test('F6: /usr is the host’s', () => {
    expect(lines('f6')).toEqual(['found', ...readdirSync('/usr').toSorted()]);
  });
  test('F7: the closure, nothing else', () => {
    const names = [answers['p1'], answers['f7']].map((answer) => path.basename(answer?.outPath ?? ''));
    expect(lines('f7')).toEqual([...[...names, path.basename(text.path)].toSorted(), 'hello']);
  });
  test('F8: the early file alone', () => {
    expect(lines('f8')).toEqual(['lib.rmeta']);
  });
  test('F9: a view', () => {
    expect(lines('f9')).toEqual(['hello/home:', 'somebody', '', '/home/somebody:', 'project', 'read-only']);
  });
  test('F10: a cache mount', () => {
    expect(lines('f10again')).toEqual(['written', 'read-only']);
    const file = path.join(user.home, 'cache/file');
    expect(statSync(file).uid).toBe(user.uid);
    expect(readFileSync(file, 'utf8')).toBe('written\n');
  });
  test('O1: $out is there', () => {
    expect(lines('o1')).toEqual(['directory']);
  });
  test('O2: outputs are canonical', () => {
    const out = answers['o2']?.hostPath ?? '';
    const modes = ['', 'dir', 'dir/file', 'program'].map((name) => statSync(path.join(out, name)).mode & 0o7777);
    expect(modes).toEqual([0o555, 0o555, 0o444, 0o555]);
    for (const name of ['', 'dir', 'dir/file', 'program', 'link'])
      expect(lstatSync(path.join(out, name)).mtimeMs).toBe(1000);
    for (const key of ['o2fifo', 'o2socket'])
      expect(answers[key]).toMatchObject({ status: 'failed', reason: { kind: 'input', code: 'D0506' } });
  });
});

test('a directory of the host that only its owner can enter is as good as any other', () => {
  for (const user of users) {
    const secret = path.join(user.home, 'tools');
    mkdirSync(secret, { mode: 0o700 });
    writeFileSync(path.join(secret, 'tool'), '#!/bin/sh\necho used\n', { mode: 0o755 });
    if (process.getuid?.() === 0)
      for (const file of [secret, path.join(secret, 'tool')]) chownSync(file, user.uid, user.uid);
    const source = { kind: 'host-directory', path: textSource('tools', secret).path, from: secret } as const;
    const { tool } = user.probe({ tool: { script: `${source.path}/tool`, sources: [source] } });
    expect(tool?.lines).toEqual(['used']);
  }
});
