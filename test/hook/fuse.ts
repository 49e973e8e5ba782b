/** A file system of a user's own (FUSE) that says of its files whatever it likes. */
import { type ChildProcess, spawn } from 'node:child_process';

/** Numbers and structures: linux/fuse.h, version 7.31. */
const server = String.raw`
use strict;
my ($directory, $says, $user, $text) = @ARGV;
open(my $file, "<", $text) or die;
my $content = do { local $/; <$file> };
$^F = 100;
open(my $fuse, "+<", "/dev/fuse") or die;
my $options = "fd=" . fileno($fuse) . ",rootmode=40000,user_id=$user,group_id=$user,allow_other";
system("mount", "-i", "-t", "fuse", "-o", $options, "forged", $directory) == 0 or die;
$| = 1;
print "mounted\n";
sub attributes {
  my ($node) = @_;
  my ($mode, $size) = $node == 1 ? (040755, 0) : (0100644, length $content);
  return pack("Q6L10", $node, $size, 0, 0, 0, 0, 0, 0, 0, $mode, 1, $says, $says, 0, 4096, 0);
}
while (sysread($fuse, my $asked, 1 << 18)) {
  my ($length, $kind, $unique, $node) = unpack("LLQQ", $asked);
  my $rest = substr($asked, 40);
  my ($error, $answer) = (0, "");
  if ($kind == 2 || $kind == 36 || $kind == 42) { next }
  elsif ($kind == 26) { $answer = pack("LLLLSSLLSSL8", 7, 31, 0, 0, 8, 8, 1 << 16, 1, 0, 0, (0) x 8) }
  elsif ($kind == 1 && $rest =~ /\.grant\0$/) { $answer = pack("Q4LL", 2, 0, 0, 0, 0, 0) . attributes(2) }
  elsif ($kind == 1) { $error = -2 }
  elsif ($kind == 3) { $answer = pack("QLL", 0, 0, 0) . attributes($node) }
  elsif ($kind == 14) { $answer = pack("QLL", 0, 0, 0) }
  elsif ($kind == 15) { my (undef, $from) = unpack("QQ", $rest); $answer = $from < length $content ? substr($content, $from) : "" }
  elsif ($kind == 17) { $answer = "\0" x 80 }
  else { $error = -38 }
  syswrite($fuse, pack("LlQ", 16 + length $answer, $error, $unique) . $answer);
}
`;

/** Mounts it for everybody: `user`'s, with one file for each name that ends in `.grant`. All of it is `says`'s, it says. */
export async function serveAsOwners(
  directory: string,
  says: number,
  user: number,
  text: string,
): Promise<ChildProcess> {
  const words = ['-e', server, directory, `${says}`, `${user}`, text];
  const served = spawn('perl', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    served.stdout.once('data', resolve);
    served.once('exit', () => reject(new Error('this test needs /dev/fuse and perl')));
  });
  return served;
}
