"""The page under build/web in headless Chromium: drawn to, read, and compared with the native net.

`make web` makes the page, `make web-test` runs this. Chromium is that of the system (Debian:
chromium), or the one that $CHROMIUM names.
"""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import softxent
from softxent.data import load_digits
from softxent.models import NeuralNet2, load
from strokes import Strokes, strokes_of

BUILD = Path(__file__).resolve().parent.parent / "build"
PAGE = BUILD / "web"
AXE = BUILD / "web-npm" / "node_modules" / "axe-core" / "axe.min.js"
#: Digits of each class: drawn move by move with the mouse, and put on the sheet as strokes.
BY_MOUSE, AT_ONCE = 1, 9
#: The part that must be read right; 0.93 of all digits held out are: lines of one width through
#: cells are less than their writers drew.
RIGHT = 0.85
WAIT = 60_000  # milliseconds, on a busy machine


class Silent(http.server.SimpleHTTPRequestHandler):
    """A static server without a log."""

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert (PAGE / "index.html").is_file(), "make web makes the page"
    handler = functools.partial(Silent, directory=str(PAGE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "no chromium (Debian: apt-get install chromium), and $CHROMIUM names none"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=WAIT
        )
        yield found
        found.close()


def opened(browser: Browser, address: str, **options: Any) -> Page:
    """The page when it is ready; what it complains about, and requests to elsewhere, are errors."""
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.problems = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: m.type == "error" and page.problems.append(m.text))
    page.on(
        "request",
        lambda r: r.url.startswith((address, "blob:", "data:")) or page.problems.append(r.url),
    )
    page.goto(address)
    page.wait_for_selector("#state", state="hidden", timeout=WAIT)
    return page


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    found = opened(browser, address)
    yield found
    assert found.problems == []  # type: ignore[attr-defined]
    found.context.close()


@pytest.fixture(scope="module")
def net() -> NeuralNet2:
    return load(BUILD / "web-net.npz")


def put(page: Page, strokes: Strokes) -> dict[str, Any]:
    """Strokes that are there at once; what the page made of them."""
    page.evaluate("(strokes) => window.page.sheet.show(strokes)", strokes)
    return settled(page)


def draw(page: Page, strokes: Strokes) -> dict[str, Any]:
    """Draw with the mouse; what the page made of it, after its last move."""
    page.click("#clear")
    sheet = page.locator("#sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None

    def at(point: list[float]) -> tuple[float, float]:
        return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]

    for stroke in strokes:
        page.mouse.move(*at(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*at(point))
        page.mouse.up()
    return settled(page)


def settled(page: Page) -> dict[str, Any]:
    """The page's newest answer, once it has answered to the newest strokes."""
    page.wait_for_function("window.page.idle && window.page.last !== null", timeout=WAIT)
    return page.evaluate(
        """() => {
            const last = window.page.last;
            const lists = ["pixels", "logits", "probabilities", "loss", "log_probabilities"];
            const plain = lists.map((name) => [name, Array.from(last[name])]);
            return { ...Object.fromEntries(plain), label: last.label, prediction: last.prediction };
        }"""
    )


def shown(page: Page, name: str) -> str:
    return page.locator(f"#{name}").inner_text()


def held_out(first: int, last: int) -> Iterator[tuple[int, Strokes]]:
    """Digits that the network was not trained on, so many of each class."""
    _, test = load_digits().split(seed=0)
    for digit in range(10):
        for k in np.flatnonzero(test.y == digit)[first:last]:
            yield digit, strokes_of(test.X[k])


def compare(page: Page, found: dict[str, Any], net: NeuralNet2) -> None:
    """What the page shows is what the native net computes of the same pixels."""
    pixels = np.array([found["pixels"]], np.float32)
    native = net.forward(pixels)[0]
    np.testing.assert_allclose(found["logits"], native, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["probabilities"], softxent.softmax(native), atol=1e-5)
    assert found["prediction"] == net.predict(pixels)[0]
    assert shown(page, "answer").startswith(str(found["prediction"]))


def test_digits_drawn_are_read_as_the_native_net_reads_them(page: Page, net: NeuralNet2) -> None:
    right = []
    for digit, strokes in held_out(0, BY_MOUSE):
        found = draw(page, strokes)
        compare(page, found, net)
        right.append(found["prediction"] == digit)
    for digit, strokes in held_out(BY_MOUSE, BY_MOUSE + AT_ONCE):
        found = put(page, strokes)
        compare(page, found, net)
        right.append(found["prediction"] == digit)
    print(f"{np.mean(right):.1%} of {len(right)} digits drawn are read right")
    assert np.mean(right) >= RIGHT


def test_the_mouse_draws_what_it_is_told(page: Page) -> None:
    for _, strokes in list(held_out(0, 1))[::4]:
        drawn = draw(page, strokes)
        at_once = put(page, strokes)
        # Places are whole pixels of the screen.
        assert np.abs(np.subtract(drawn["pixels"], at_once["pixels"])).mean() < 0.02


def test_the_core_in_the_page_has_the_bits_of_the_native_one(page: Page) -> None:
    """Softmax, loss and gradient of what the page shows, and of extreme logits."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(scale=s, size=10).astype(np.float32) for s in (0.1, 1, 5, 30, 1000)]
    rows.append(np.array([20, 0, 0], np.float32))
    for row in rows:
        got = page.evaluate(
            """async (row) => {
                const { loadCore } = await import("./core.js");
                const core = await loadCore();
                const logits = Float32Array.from(row);
                const { loss, gradient } = core.crossEntropy(logits, 1);
                return [Array.from(core.softmax(logits)), loss, Array.from(gradient)];
            }""",
            row.tolist(),
        )
        loss, gradient = softxent.cross_entropy_and_grad(row, 1)
        assert np.float32(got[0]).tobytes() == softxent.softmax(row).tobytes()
        assert np.float32(got[1]).tobytes() == np.float32(loss).tobytes()
        assert np.float32(got[2]).tobytes() == gradient.tobytes()


def test_the_label_decides_loss_and_gradient(page: Page) -> None:
    _, strokes = next(held_out(0, 1))
    first = draw(page, strokes)
    assert page.locator(f"#labels input[value='{first['prediction']}']").is_checked()
    other = (first["prediction"] + 3) % 10
    page.locator("#labels label").nth(other).click()
    second = settled(page)
    assert second["label"] == other
    logits = np.array(second["logits"], np.float32)
    loss, gradient = softxent.cross_entropy_and_grad(logits, other)
    assert np.isclose(second["loss"][0], loss, rtol=1e-5)
    assert float(shown(page, "loss-core")) == pytest.approx(float(loss), rel=1e-7)
    assert float(shown(page, "loss-runtime")) == pytest.approx(second["loss"][0], rel=1e-7)
    assert re.search(rf"raise the logit of {other} by", shown(page, "advice"))
    values = page.locator("#gradient .value").all_inner_texts()
    np.testing.assert_allclose([float(v) for v in values], gradient, rtol=0.06)


def test_a_confident_answer_has_a_loss_only_in_the_core(page: Page) -> None:
    assert float(shown(page, "sure-runtime")) == 0
    assert float(shown(page, "sure-core")) == pytest.approx(4.1223073e-09, rel=1e-7)
    assert float(shown(page, "sure-exact")) == pytest.approx(4.1223072363e-09, rel=1e-7)
    assert float(shown(page, "sure-gradient")) == pytest.approx(-4.1223073e-09, rel=1e-7)
    page.fill("#sure-1", "20")
    page.wait_for_function("document.getElementById('sure-core').textContent.startsWith('0.69')")
    assert float(shown(page, "sure-runtime")) == pytest.approx(np.log(2), rel=1e-6)
    page.fill("#sure-1", "")
    page.wait_for_function("document.getElementById('sure-core').textContent.includes('please')")


def test_the_keyboard_draws(page: Page) -> None:
    page.focus("#sheet")
    for _ in range(7):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert shown(page, "pen") == "Pen down."
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    strokes = page.evaluate("window.page.sheet.strokes")
    assert len(strokes) == 1 and len(strokes[0]) == 15
    assert settled(page)["prediction"] == 1
    page.keyboard.press("Delete")
    page.wait_for_function("window.page.last === null")
    assert shown(page, "answer") == "Nothing is drawn yet."


def test_a_finger_draws(browser: Browser, address: str) -> None:
    page = opened(browser, address, has_touch=True, viewport={"width": 390, "height": 844})
    sheet = page.locator("#sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    wire = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    before = page.evaluate("scrollY")
    touch("touchStart", (0.5, 0.15))
    for k in range(1, 15):
        touch("touchMove", (0.5, 0.15 + 0.05 * k))
    touch("touchEnd")
    assert settled(page)["prediction"] == 1
    assert page.evaluate("scrollY") == before, "drawing scrolled the page"
    assert page.problems == []  # type: ignore[attr-defined]
    page.context.close()


def test_every_sample_is_drawn(page: Page) -> None:
    for _ in range(10):
        page.click("#example")
        assert settled(page)["probabilities"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_it_is_accessible(browser: Browser, address: str, scheme: str, width: int) -> None:
    """By the rules of axe, contrast included; nothing is cut off; nothing moves if it must not."""
    size = {"width": width, "height": 900}
    page = opened(browser, address, viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page.click("#example")
    settled(page)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes[0].html]))")
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    moving = "getComputedStyle(document.querySelector('.bar')).transitionDuration"
    assert page.evaluate(moving) == "0s"
    page.context.close()


def test_a_missing_file_is_said(browser: Browser, address: str) -> None:
    context = browser.new_context()
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.route("**/digits.onnx", lambda route: route.abort())
    page.goto(address)
    page.wait_for_selector("#state.failed", timeout=WAIT)
    assert "cannot go on" in shown(page, "state")
    context.close()
