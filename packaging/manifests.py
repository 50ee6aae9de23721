"""Writes a Homebrew formula and a krew manifest: manifests.py URL HOMEPAGE FOLDER.

FOLDER holds the archives; URL is where the release has them.
"""

import hashlib
import sys
from pathlib import Path

from targets import DESCRIPTION, LICENSE, TARGETS, version

FORMULA = """\
class Keyfill < Formula
  desc "{description}"
  homepage "{homepage}"
  version "{version}"
  license "{license}"
{systems}
  def install
    bin.install "keyfill"
    bash_completion.install "completions/keyfill.bash" => "keyfill" if File.exist? "completions/keyfill.bash"
    zsh_completion.install "completions/_keyfill" if File.exist? "completions/_keyfill"
    fish_completion.install "completions/keyfill.fish" if File.exist? "completions/keyfill.fish"
    man1.install Dir["man/*.1"]
  end

  test do
    (testpath/"app.yaml").write "apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: a\\ndata:\\n  a: <path:p#k>\\n"
    (testpath/"secrets.yaml").write "p:\\n  k: value\\n"
    system "chmod", "600", "secrets.yaml"
    filled = shell_output("#{{bin}}/keyfill generate app.yaml --source file --secrets-file secrets.yaml")
    assert_match "a: value", filled
  end
end
"""

KREW = """\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: keyfill
spec:
  version: v{version}
  homepage: {homepage}
  shortDescription: Render manifests and fill their secrets
  description: |
    Renders kustomizations, Helm charts and plain YAML with the bytes of the
    official tools, fills placeholders from a secret store, and prints YAML:
      kubectl keyfill generate DIR | kubectl apply -f -
  platforms:
{platforms}"""


def archives(folder):
    """The archives that are there, with their checksums."""
    for one in TARGETS:
        path = Path(folder, f"keyfill-{version()}-{one.triple}.tar.gz")
        if path.exists():
            yield one, path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def formula(url, homepage, found):
    """The text of keyfill.rb."""
    systems = ""
    for system in ("macos", "linux"):
        parts = [(one, name, checksum) for one, name, checksum in found if (one.homebrew or "")[:1] == (system,)]
        if parts:
            blocks = "".join(f'    on_{one.homebrew[1]} do\n      url "{url}/{name}"\n      sha256 "{checksum}"\n'
                             "    end\n" for one, name, checksum in parts)
            systems += f"\n  on_{system} do\n{blocks}  end\n"
    return FORMULA.format(description=DESCRIPTION, homepage=homepage, version=version(), license=LICENSE,
                          systems=systems)


def krew(url, homepage, found):
    """The text of the plugin's manifest."""
    platforms = "".join(
        f"  - selector:\n      matchLabels: {{os: {one.krew[0]}, arch: {one.krew[1]}}}\n    uri: {url}/{name}\n"
        f"    sha256: {checksum}\n    files:\n"
        f"    - {{from: keyfill-{version()}-{one.triple}/{one.program}, to: .}}\n"
        f"    - {{from: keyfill-{version()}-{one.triple}/LICENSE, to: .}}\n    bin: {one.program}\n"
        for one, name, checksum in found if one.krew)
    return KREW.format(version=version(), homepage=homepage, platforms=platforms)


def main(url, homepage, folder):
    found = list(archives(folder))
    if not found:
        sys.exit(f"{folder} holds no archive of version {version()}: packaging/archive.sh makes them")
    Path(folder, "keyfill.rb").write_text(formula(url, homepage, found))
    Path(folder, "keyfill.yaml").write_text(krew(url, homepage, found))


if __name__ == "__main__":
    main(*sys.argv[1:])
