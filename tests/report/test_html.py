"""report.html: one safe, self-contained, bounded file that tells the run from top to bottom."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.report import html as page
from harness.report.reading import read
from harness.scenario.read import read_file, scenario_of
from tests.fakes.golden import check
from tests.fakes.runs import Run, faults, ramp

VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Open elements must be closed in order; remembers what may load something or run."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(text):
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    return parser


def without_pictures(text):
    """The page, a line an element; charts depend on matplotlib's version and are tested by themselves."""
    text = re.sub(r"<svg.*?</svg>", "<svg/>", text, flags=re.DOTALL)
    text = re.sub(r"<style>.*?</style>", "<style/>", text, flags=re.DOTALL)
    return re.sub(r"(</(?:p|h1|h2|h3|tr|div|dd|li|title|thead|figcaption)>)", r"\1\n", text)


OBJECTIVES = ["p95 < 250ms", "success_rate >= 99%", "p999 < 1s", "p99 < 2s overall"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """The page of a ramp that broke, drawn once for all tests that look at it."""
    return page.html(read(ramp(objectives=OBJECTIVES).write(tmp_path_factory.mktemp("run"))))


def undrawn(reading):
    """The page without its charts, which take seconds to draw."""
    return page.page(reading, {})


def test_the_page_is_the_one_that_was_looked_at(text, pytestconfig):
    """A ramp that broke, objectives of every outcome."""
    check("report.html", without_pictures(text), pytestconfig)


def test_the_page_of_a_run_with_faults_is_the_one_that_was_looked_at(tmp_path, pytestconfig):
    """Two faults with everything that is told of them."""
    asked = ["success_rate >= 99%", "p95 < 300ms during slow-link", "recovery < 10s after cut"]
    text = page.html(read(faults(objectives=asked).write(tmp_path)))

    outline(text)
    check("report-faults.html", without_pictures(text), pytestconfig)


@pytest.mark.thorough
def test_a_page_with_hundreds_of_faults_stays_bounded(tmp_path):
    """Fifty in the table, forty on the charts, all in the summary."""
    run = Run()
    for number in range(200):
        run.fault(f"fault-{number}", 2 + number * 0.5, 0.3)
    run.level(5, seconds=120, rps=20, kind="sustain")
    run.end()
    reading = read(run.write(tmp_path))

    assert len(reading.summary.faults) == 200
    assert len(page.html(reading).encode()) < 900_000


def test_the_page_needs_no_network_and_runs_nothing(text):
    """No script, no link but to a place in the page itself, every element closed."""
    found = outline(text)

    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(found.tags)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in found.links)
    assert "url(http" not in text


def test_every_chart_is_there_and_described_in_words(text):
    """Seven charts of a ramp with failures, each in a size for phones as well."""
    labels = re.findall(r'<svg[^>]* role="img" aria-label="([^"]+)"', text)

    assert len(labels) == 14
    assert "the breaking point is at 40 users" in " ".join(labels)
    assert all(label.endswith(".") for label in labels)


def test_ids_are_unique_and_every_reference_has_its_target(text):
    """Many charts share a page: a clip of one must not cut another."""
    ids = re.findall(r' id="([^"]+)"', text)
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))

    assert len(ids) == len(set(ids))
    assert used
    assert used <= set(ids)


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x1b[31m\x00"


def test_what_a_server_says_never_becomes_markup(tmp_path):
    """In its name, its failures, its operations, and in what the user typed."""
    run = Run(
        name=EVIL, metadata={"argv": ["harness", EVIL], "versions": {EVIL: EVIL}, "machine": {"cpu": EVIL}}
    )
    run.metadata["target"] = {
        "url": EVIL,
        "transport": EVIL,
        "protocol": EVIL,
        "server": {"name": EVIL, "version": EVIL},
    }
    run.fault(EVIL, 3, 2, kind=EVIL, link=EVIL, why=EVIL, unhealed=EVIL)
    run.level(5, failing=0.5, phase=EVIL, operation=EVIL, user_class=EVIL, detail=EVIL)
    run.level(10, phase=EVIL)
    run.end(EVIL)

    found = outline(page.html(read(run.write(tmp_path))))

    assert not {"script", "img"} & set(found.tags)
    shown = "".join(found.text)
    assert shown.count("<script>alert(1)</script>") >= 10
    assert "\x1b" not in shown
    assert "\x00" not in shown


def test_a_run_without_a_call_still_has_a_page(tmp_path):
    """It says that there is nothing, and draws nothing."""
    (tmp_path / "metadata.json").write_text("{}", encoding="utf-8")

    text = page.html(read(tmp_path))

    assert "The run was cut off: events.jsonl does not say how it ended." in text
    assert "<svg" not in text
    assert "No call failed." in text


def test_a_sustained_run_has_time_and_no_curve(tmp_path):
    """One level is no curve; the charts over time are all there is."""
    run = Run(name="steady")
    run.level(10, kind="sustain", phase="steady", seconds=30)
    run.end()

    text = page.html(read(run.write(tmp_path)))

    assert "Throughput over time" in text
    assert "Throughput by users" not in text
    assert "Breaking point" not in text
    assert "No objective was set, and the measurement can be trusted." in text


def test_a_good_ramp_says_how_far_it_went(tmp_path):
    """No breaking point is a finding too."""
    run = Run()
    for users in (10, 20, 50):
        run.level(users, rps=users * 10)
    run.end()

    assert "<strong>Breaking point: </strong>none up to 50 users." in undrawn(read(run.write(tmp_path)))


def test_a_generator_of_another_machine_is_not_called_the_target(tmp_path):
    """The capacity is the target's only when nothing else ran on its machine."""
    run = ramp()
    run.metadata["target"] = {"url": "http://mcp.example:8000/mcp", "managed": False}
    far = undrawn(read(run.write(tmp_path / "far")))
    near = undrawn(read(ramp().write(tmp_path / "near")))

    assert "Capacity of the target:" in far
    assert "Capacity of this machine, target and generator together:" in near


def test_health_that_was_not_reported_is_not_shown_as_good(tmp_path):
    """And beyond a limit is shown as that."""
    run = Run(metadata={"clock_error_ms": 9.0})
    run.level(5)
    run.events = [event for event in run.events if event["event"] != "generator"]
    run.end()

    text = undrawn(read(run.write(tmp_path)))

    assert "? not reported" in text
    assert "✕ beyond" in text


@pytest.mark.thorough
def test_hundreds_of_levels_stay_a_page(tmp_path):
    """The table ends somewhere, and says so; the page stays small."""
    run = Run()
    for users in range(1, 301):
        run.level(users, seconds=1, rps=20)
    run.end()

    text = page.html(read(run.write(tmp_path)))

    assert "100 more levels are in summary.json." in text
    assert len(text) < 1_000_000


@pytest.mark.long
def test_a_million_calls_go_the_same_way(tmp_path):
    """A thousand details, many operations, several hours: no special case, and far under 3 MB."""
    run = Run()
    places = [f"detail {number} " + "x" * 140 for number in range(1000)]
    details = (places * 100)[:100_000]
    operations = [f"tools/call:tool_{number % 50}" for number in range(100_000)]
    for users in range(10, 110, 10):
        run.level(users, seconds=1800, rps=100_000 / 1800, failing=0.02, detail=details, operation=operations)
    run.end()

    reading = read(run.write(tmp_path))
    text = page.html(reading)

    assert reading.summary.totals.requests == 1_000_000
    assert len(reading.windows) <= 600
    assert len(text.encode()) < 1_500_000


def test_the_style_sheet_knows_dark_print_and_phones():
    """The three places where a report is read besides a desk."""
    css = Path(page.__file__).with_name("page.css").read_text(encoding="utf-8")

    for query in ("prefers-color-scheme: dark", "@media print", "max-width: 720px"):
        assert query in css


def test_the_example_in_the_repository_is_whole_and_can_be_run_again():
    """As small and self-contained as any other; its scenario can be read."""
    place = Path(__file__).parents[2] / "reports" / "example"
    text = (place / "report.html").read_text(encoding="utf-8")

    assert len(text.encode()) < 500_000
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in outline(text).links)
    assert scenario_of(read_file(place / "checkout.yaml"), "checkout.yaml").phase_names() == [
        "climb",
        "steady",
    ]
