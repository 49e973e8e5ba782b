/** What `drydock doctor` says of bubblewrap and the kernel. */
import { readFile } from 'node:fs/promises';
import { run } from '../../sys/run.ts';
import type { Finding } from './finding.ts';
import { versionOf } from './version.ts';

/** bubblewrap, tried for real; where the trial fails, what the kernel says about user namespaces. */
export async function sandbox(): Promise<Finding[]> {
  const version = await versionOf('bwrap', ['--version']);
  if ('why' in version) {
    const todo = 'sudo apt-get install bubblewrap (the package has this name in other distributions too)';
    return [{ state: 'missing', seen: `${version.why} (bubblewrap): there is no sandbox without it`, todo }];
  }
  const tried = await run('bwrap', TRIAL);
  if (tried.code === 0) return [{ state: 'ok', seen: `${version.line}: a sandbox can be made` }];
  const said = tried.stderr.toString().trim() || 'no message';
  return [{ state: 'missing', seen: `${version.line}: no sandbox can be made (${said})` }, ...(await userNamespaces())];
}

/** The namespaces and mounts that every unit's sandbox has. */
const TRIAL = [
  '--unshare-all',
  // Without this root makes do without a user namespace where it cannot have one; builders cannot.
  '--unshare-user',
  '--uid',
  '1000',
  '--gid',
  '100',
  '--ro-bind',
  '/',
  '/',
  '--proc',
  '/proc',
  '--dev',
  '/dev',
  '--tmpfs',
  '/tmp',
  '/bin/true',
];

async function userNamespaces(): Promise<Finding[]> {
  const found: Finding[] = [];
  const refuse = (seen: string, todo: string) => found.push({ state: 'missing', seen, todo });
  if ((await setting('kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    refuse('AppArmor keeps unprivileged programs from making user namespaces', APPARMOR);
  }
  if ((await setting('kernel/unprivileged_userns_clone')) === '0') {
    refuse(
      'the kernel keeps unprivileged programs from making user namespaces',
      'sudo sysctl kernel.unprivileged_userns_clone=1',
    );
  }
  if ((await setting('user/max_user_namespaces')) === '0') {
    refuse('the kernel allows no user namespaces', 'sudo sysctl user.max_user_namespaces=15000');
  }
  if (found.length > 0) return found;
  const todo = 'in a container: allow it to make namespaces and to mount (its seccomp profile, or --privileged)';
  return [
    {
      state: 'note',
      seen: 'the settings of the kernel allow user namespaces: something around this process does not',
      todo,
    },
  ];
}

const APPARMOR = `write a profile for bwrap, then load it:
printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/bwrap
sudo apparmor_parser -r /etc/apparmor.d/bwrap`;

async function setting(name: string): Promise<string | null> {
  try {
    return (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
  } catch {
    return null;
  }
}
