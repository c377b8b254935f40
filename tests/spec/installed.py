"""puras installed below a prefix, and programs compiled against it, as somebody else's machine does it."""
import os
import subprocess
import tempfile

from harness import BUILD, TOP

PREFIX = tempfile.mkdtemp(prefix="puras-prefix-")
# A server with a sanitizer needs clients without: their library is loaded into programs that have none.
CLIENTS = os.path.join(TOP, os.environ.get("PURAS_CLIENT_BUILD", BUILD))
EXAMPLE = os.path.join(TOP, "examples", "c", "generate.c")


def install():
    subprocess.run([os.path.join(TOP, "scripts", "install.sh"), CLIENTS, PREFIX], check=True, stdout=subprocess.DEVNULL)


def pkg_config(*args):
    env = dict(os.environ, PKG_CONFIG_PATH=PREFIX + "/lib/pkgconfig")
    return subprocess.run(["pkg-config", *args, "puras"], env=env, check=True, stdout=subprocess.PIPE).stdout.decode().split()


def build(source, out):
    subprocess.run(["cc", "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Werror", source, "-o", out] + pkg_config("--cflags", "--libs"), check=True)
    return out
