"""The metadata that a package index shows, and the sdist."""

import email
import re
import sys
import tarfile
import zipfile

import pytest

from harness.distribution import build, run
from harness.server import ROOT

# The target of a link or an image: in Markdown or in HTML.
TARGETS = re.compile(
    r"""\]\(\s*<?([^)\s>]+)|(?:href|src)\s*=\s*["']([^"']+)|^\[[^\]]+\]:\s*(\S+)""", re.M
)
BUILT_BY = ("/RECORD", "/WHEEL")  # hashes of the rest, and the version of the build tool


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def sdist(wheel):
    (found,) = wheel.parent.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def targets(metadata):
    text = metadata.get_payload(decode=True).decode()
    prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.DOTALL | re.MULTILINE)
    return [next(filter(None, found)) for found in TARGETS.findall(prose)]


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith(BUILT_BY)]
        return {name: archive.read(name) for name in names}


def anchors(file):
    """Name the headings of a Markdown file as GitHub names them in links."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def test_readme_on_an_index_has_no_relative_link(targets):
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "mailto:"))] == []


def test_readme_on_an_index_links_to_files_of_its_tag(targets, metadata):
    tag = f"v{metadata['Version']}"
    pages = f"https://github.com/dash-pipe/dash-pipe/blob/{tag}/"
    images = f"https://raw.githubusercontent.com/dash-pipe/dash-pipe/{tag}/"
    ours = [target for target in targets if "dash-pipe/dash-pipe" in target]
    assert {target.startswith(images) for target in ours} == {True, False}
    for target in ours:
        assert target.startswith((pages, images)), target
        path, _, anchor = target.removeprefix(pages).removeprefix(images).partition("#")
        assert (ROOT / path).is_file(), target
        assert not anchor or anchor in anchors(ROOT / path), target


def test_readme_in_the_repository_has_relative_links():
    assert "github.com/dash-pipe/dash-pipe/blob/" not in (ROOT / "README.md").read_text("utf-8")


def test_metadata_has_addresses_and_pythons(metadata):
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL"))
    assert urls["Repository"] == "https://github.com/dash-pipe/dash-pipe"
    assert {"Changelog", "Documentation", "Issues"} <= urls.keys()
    classifiers = metadata.get_all("Classifier")
    for minor in range(10, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers


def test_description_renders_on_an_index(wheel, sdist):
    printed = run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    assert printed.count("PASSED") == 2


def test_wheel_of_the_sdist_is_that_of_the_checkout(wheel, source, tmp_path):
    assert contents(wheel) == contents(build(source, tmp_path, "--wheel"))


def test_sdist_has_the_package_and_no_tests(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.py"} <= names
    assert not [name for name in names if name.startswith(("tests", "src", "node_modules"))]
