#!/usr/bin/env python3
"""Opens the pages that keyfill writes in a headless Chromium: python3 tests/pages/run.py PATH-OF-KEYFILL [FOLDER]

Each page is opened in light and in dark, on a desk and on a phone. Nothing may be said in the console, nothing asked
for but the page itself, nothing that an author wrote may act, and everything must be reached by keyboard alone. With
FOLDER, pictures of the pages are kept there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZES = {"desk": (1280, 900), "phone": (360, 740)}
HOSTILE = """</pre><script>document.title='acted'</script><img src=x onerror="document.title='acted'">'"&"""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {label}}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - name: web
        image: registry.example/team/a-long-name-of-an-image-that-does-not-fit-on-a-phone/web:{tag}
        env: [{{name: LEVEL, value: {level}}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: shop}}
stringData:
  password: <path:secret/data/shop/db#password#{version}>
  plain: {plain}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data:
  app.ini: |
    [server]
    address = 0.0.0.0
    port = {port}
    log = /var/log/app.log
  hostile: {hostile}
"""


def git(folder, *args):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *args]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def put(folder, path, text):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "state")


def repository(folder):
    """Two states of a repository with something of everything that a page shows."""
    git(folder, "init", "-q", "-b", "main")
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    put(folder, "apps/shop/kustomization.yaml", "resources: [all.yaml]\n")
    put(folder, "apps/shop/all.yaml",
        DEPLOYMENT.format(replicas=2, label="web", tag="1.4.2", level="info", version=3, plain="hunter2"))
    put(folder, "apps/settings/m.yaml", CONFIG.format(port=8080, hostile=quoted))
    put(folder, "apps/old/kustomization.yaml", "resources: [m.yaml]\n")
    put(folder, "apps/old/m.yaml", CONFIG.format(port=1, hostile="x"))
    put(folder, "apps/broken/kustomization.yaml", "resources: []\nnamePrefix: a-\n")
    commit(folder)
    put(folder, "apps/shop/all.yaml",
        DEPLOYMENT.format(replicas=3, label="web2", tag="1.5.0", level="debug", version=4, plain="hunter3"))
    put(folder, "apps/settings/m.yaml", CONFIG.format(port=9090, hostile=quoted.replace("acted", "Acted")))
    shutil.rmtree(folder / "apps/old")
    put(folder, "apps/new/kustomization.yaml", "resources: [m.yaml]\n")
    put(folder, "apps/new/m.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: new}\nspec: {ports: [{port: 80}]}\n")
    put(folder, "apps/broken/kustomization.yaml", "resources: [nowhere.yaml]\n")
    commit(folder)


def page_of(binary, folder):
    command = [binary, "diff", "HEAD~1", "HEAD", "--format", "html"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 3, f"a root that fails is exit code 3, not {done.returncode}: {done.stderr}"
    return done.stdout


REFERENCES = """\
apiVersion: v1
kind: Secret
metadata: {{name: s{number}}}
stringData:
  user: <path:secret/data/shop/app-{number}/a-long-path-of-a-secret-that-does-not-fit-on-a-phone#user>
  shared: <path:secret/data/shop/shared#token | trim>
"""


def references_of(binary, folder):
    """The page of `refs` over some roots, one of which has an author's key that would act."""
    tree = folder / "references"
    for number in range(5):
        put(tree, f"app-{number}/kustomization.yaml", "resources: [s.yaml]\n")
        put(tree, f"app-{number}/s.yaml", REFERENCES.format(number=number))
    hostile = "<script>document.title='acted'</script><img src=x onerror=alert(1)>"
    put(tree, "hostile/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: h, annotations: {avp.kubernetes.io/path: "
        f"\"secret/data/{hostile}\"}}}}\nstringData: {{a: <user>}}\n")
    done = subprocess.run([binary, "refs", "--root", ".", "--format", "html"], cwd=tree, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


# The contrast of each text with what is behind it, the lowest first; WCAG wants 4.5.
CONTRAST = """() => {
  const channels = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = e => {
    for (let at = e; at; at = at.parentElement) {
      const c = channels(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return channels(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3);
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility()) continue;
    const [a, b] = [light(channels(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), e.tagName + '.' + e.className]);
  }
  return found.sort((x, y) => x[0] - y[0])[0];
}"""


class Checks:
    """Counts what holds."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def that(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"failed: {what}")


def opened(checks, browser, address, where, size, scheme):
    """An opened page of which nothing is heard and that asks for nothing, in a window of its own."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    checks.that(not said, f"{where}: the console says {said}")
    # The icon is empty and in the page itself.
    asked = [url for url in asked if url != "data:,"]
    checks.that(asked == [address], f"{where}: these were asked for: {asked}")
    checks.that("cted" not in page.title(), f"{where}: what an author wrote acted")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    checks.that(wide <= 0, f"{where}: the page is {wide} px too wide")
    return context, page


def check_references(checks, browser, address, size, scheme, pictures):
    """The page of `refs`: its search and its links, by keyboard alone."""
    where = f"refs, {size}, {scheme}"
    context, page = opened(checks, browser, address, where, size, scheme)
    checks.that(page.locator("main script, img, iframe, form, [onerror]").count() == 0, f"{where}: an element of an author")
    checks.that(page.locator("script").count() == 1, f"{where}: one script, the page's own")
    ratio, element = page.evaluate(CONTRAST)
    checks.that(ratio >= 4.5, f"{where}: the contrast of {element} is {ratio:.2f}")
    if pictures:
        page.screenshot(path=pictures / f"refs-{size}-{scheme}.png", full_page=True)
    shown = "[...document.querySelectorAll('section')].filter(s => !s.hidden).length"
    everything = page.evaluate(shown)
    page.keyboard.press("/")
    checks.that(page.evaluate("document.activeElement.id") == "search", f"{where}: / leads to the search")
    page.keyboard.type("app-3")
    found = page.evaluate(shown)
    checks.that(0 < found < everything, f"{where}: the search shows {found} of {everything}")
    page.keyboard.press("Escape")
    checks.that(page.evaluate(shown) == everything, f"{where}: Escape shows everything again")
    stops, unnamed, followed = 0, 0, False
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BODY":
            break
        stops += 1
        unnamed += page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "none"
        target = page.evaluate("document.activeElement.getAttribute('href') || ''")
        if not followed and target.startswith("#r") and target != "#roots":
            page.keyboard.press("Enter")
            followed = page.evaluate("'#' + document.activeElement.id") == target
            checks.that(followed, f"{where}: {target} is not reached by keyboard")
    checks.that(followed and stops > 3, f"{where}: {stops} stops, none of them a root of a path")
    checks.that(unnamed == 0, f"{where}: {unnamed} stops do not show that they have the focus")
    context.close()


def check_page(checks, browser, address, name, size, scheme, pictures):
    where = f"{name}, {size}, {scheme}"
    context, page = opened(checks, browser, address, where, size, scheme)
    checks.that(page.locator("script, img, iframe, form, [onerror]").count() == 0, f"{where}: an element of an author")
    checks.that("hunter" not in page.content(), f"{where}: a value is shown")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    checks.that(wide <= 0, f"{where}: unfolded it is {wide} px too wide")
    ratio, element = page.evaluate(CONTRAST)
    checks.that(ratio >= 4.5, f"{where}: the contrast of {element} is {ratio:.2f}")
    if pictures:
        page.screenshot(path=pictures / f"{name}-{size}-{scheme}.png", full_page=True)
    page.reload()
    by_keyboard(checks, page, where)
    context.close()


def by_keyboard(checks, page, where):
    """Walks through the page with Tab, and folds what it meets with Enter and the space bar."""
    focused = "document.activeElement"
    page.keyboard.press("Tab")
    checks.that(page.evaluate(f"{focused}.className") == "skip", f"{where}: the first stop skips to the differences")
    box = page.locator(".skip").bounding_box()
    checks.that(box is not None and box["x"] >= 0, f"{where}: the link is seen when it has the focus")
    page.keyboard.press("Enter")
    checks.that(page.evaluate(f"{focused}.id") == "main", f"{where}: it leads to the differences")
    page.reload()
    wanted = page.locator("summary").count()
    met, unnamed, scrolled = 0, 0, 0
    for _ in range(2000):
        page.keyboard.press("Tab")
        tag = page.evaluate(f"{focused}.tagName")
        if tag == "BODY":
            break
        outline = page.evaluate(f"getComputedStyle({focused}).outlineStyle")
        unnamed += outline == "none"
        if tag == "SUMMARY":
            met += 1
            before = page.evaluate(f"{focused}.parentElement.open")
            page.keyboard.press("Enter")
            folded = page.evaluate(f"{focused}.parentElement.open")
            page.keyboard.press("Space")
            again = page.evaluate(f"{focused}.parentElement.open")
            checks.that(before != folded and again == before, f"{where}: a summary does not fold")
            if not again:
                page.keyboard.press("Enter")
        if tag == "PRE":
            scrolled += 1
    checks.that(met == wanted, f"{where}: {met} of {wanted} objects are reached by keyboard")
    checks.that(scrolled > 0, f"{where}: what scrolls is reached by keyboard")
    checks.that(unnamed == 0, f"{where}: {unnamed} stops do not show that they have the focus")


def main():
    binary = str(Path(sys.argv[1]).resolve(strict=True))
    pictures = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    checks = Checks()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "Chromium must be installed: its Debian package is chromium"
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        repository(folder)
        pages = {"diff": page_of(binary, folder)}
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, text in pages.items():
            file = folder / f"{name}.html"
            file.write_text(text)
            for size in SIZES:
                for scheme in ("light", "dark"):
                    check_page(checks, browser, file.as_uri(), name, size, scheme, pictures)
        file = folder / "refs.html"
        file.write_text(references_of(binary, folder))
        for size in SIZES:
            for scheme in ("light", "dark"):
                check_references(checks, browser, file.as_uri(), size, scheme, pictures)
        browser.close()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
