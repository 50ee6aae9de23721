#!/usr/bin/env python3
"""Runs the commands of the pages in docs/, and checks their links: python3 tests/docs/run.py PATH-OF-KEYFILL [PAGE ...]

A comment before a code block says what it is:

    <!-- file: NAME -->      a file; commands further down run beside it
    <!-- run -->             commands that succeed; <!-- run: 4 --> ones that end with 4
    <!-- says -->            lines that the commands above print, on stdout or stderr
    <!-- not run: WHY -->    commands of programs that are not here

On a page that has such comments, every block of the language sh has one. With mdbook on the path the book is built too.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"<!-- (file|run|says|not run)(?:: (.*))? -->")
LINK = re.compile(r"\]\(([^()\s]+)\)")


def blocks(text):
    """The code blocks: the comment before it, its language, its text and its line."""
    mark, inside, lines = None, None, []
    for number, line in enumerate(text.split("\n"), 1):
        if inside is not None:
            if line.strip() == "```":
                yield inside[0], inside[1], "\n".join(lines) + "\n", inside[2]
                inside, mark = None, None
            else:
                lines.append(line)
        elif found := MARK.fullmatch(line.strip()):
            mark = (found[1], found[2])
        elif line.startswith("```"):
            inside, lines = (mark, line[3:].strip(), number), []
        elif line.strip():
            mark = None


def environment(folder, binary):
    """Nothing of this machine's settings."""
    commands = folder / ".commands"
    commands.mkdir()
    (commands / "keyfill").symlink_to(binary)
    return {"PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(folder / ".home"), "LANG": "C.UTF-8"}


def check_page(page, binary):
    """The problems of a page, and how many commands ran."""
    found, ran, said = [], 0, ""
    text = page.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = environment(folder, binary)
        for mark, language, content, line in blocks(text):
            where = f"{page.relative_to(ROOT)}:{line}"
            kind, argument = mark or (None, None)
            if kind == "file":
                (folder / argument).parent.mkdir(parents=True, exist_ok=True)
                (folder / argument).write_text(content)
            elif kind == "run":
                done = subprocess.run(["bash", "-euc", content], cwd=folder, env=env, capture_output=True, text=True,
                                      timeout=60)
                ran, said = ran + 1, done.stdout + done.stderr
                if done.returncode != int(argument or 0):
                    found.append(f"{where}: ended with {done.returncode}\n{said}")
            elif kind == "says":
                found += [f"{where}: this was not said: {wanted}\n{said}" for wanted in content.strip().split("\n")
                          if wanted.strip() not in said]
            elif language == "sh" and kind is None and MARK.search(text):
                found.append(f"{where}: no comment says whether these commands run")
    return found, ran


def anchors(path):
    """The anchors of a page's headings, as GitHub and mdBook make them."""
    plain = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    for heading in re.findall(r"^#+ (.*)$", plain, re.M):
        kept = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        yield kept.strip().replace(" ", "-")


def check_links(page):
    """Links that lead nowhere in this repository."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for link in LINK.findall(text):
        if re.match("[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_relative_to(ROOT) or not target.exists():
            yield f"{page.relative_to(ROOT)}: there is no {link}"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{page.relative_to(ROOT)}: {path or page.name} has no heading for #{anchor}"


def main():
    binary = Path(sys.argv[1]).resolve(strict=True)
    docs = sorted((ROOT / "docs").glob("*.md"))
    pages = [Path(name).resolve() for name in sys.argv[2:]] or docs
    failed, ran = 0, 0
    for page in pages:
        found, count = check_page(page, binary)
        found += check_links(page)
        ran += count
        failed += len(found)
        print("\n".join(found), end="\n" if found else "")
    if pages is docs:
        for page in sorted(ROOT.glob("*.md")):
            for problem in check_links(page):
                failed += 1
                print(problem)
        listed = set(LINK.findall((ROOT / "docs/SUMMARY.md").read_text()))
        for page in docs:
            if page.name not in listed | {"SUMMARY.md"}:
                print(f"docs/SUMMARY.md does not name {page.name}: the book is without it")
        if mdbook := shutil.which("mdbook"):
            built = subprocess.run([mdbook, "build"], cwd=ROOT, capture_output=True, text=True)
            failed += bool(built.returncode)
            print(built.stderr if built.returncode else "the book was built")
        else:
            print("left out: mdbook is not there")
    print(f"commands of pages: {ran} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
