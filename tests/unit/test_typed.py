"""The reader of the docs that are typed (harness/typed.py)."""

import pytest

from harness import typed, typist
from harness.typed import Command, File, UntypeableError

DOCUMENT = """# Title

```console
$ not this section
```

## Start

```console
$ pip install dash-pipe    # a comment
Successfully installed
$ echo 'a # b'
```

The app, `app.py`:

```python
# a comment
print(1)
```

1. In the settings:
   ```python
   # mysite/settings.py
   A = 1
   ```
   At the end of `mysite/urls.py`:
   ```python
   b = 2
   ```

Run one of

```console
$ daphne mysite.asgi:application
$ uvicorn mysite.asgi:application
```

<!-- not typed -->
```python
sample = ...
```

## More

```python
other = 1
```
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that returns the steps of a section of a document."""
    monkeypatch.setattr(typed, "ROOT", tmp_path)

    def read(heading, text=DOCUMENT):
        (tmp_path / "page.md").write_text(text, encoding="utf-8")
        return typed.steps("page.md", heading)

    return read


def test_section_is_read_as_commands_and_files(read) -> None:
    assert read("Start") == [
        Command("pip install dash-pipe"),
        Command("echo 'a # b'"),
        File("app.py", "# a comment\nprint(1)\n"),
        File("mysite/settings.py", "# mysite/settings.py\nA = 1\n"),
        File("mysite/urls.py", "b = 2\n", "end"),
        Command("daphne mysite.asgi:application"),
    ]


def test_file_without_a_name_is_an_error(read) -> None:
    with pytest.raises(UntypeableError, match="other = 1"):
        read("More")


def test_missing_heading_is_an_error(read) -> None:
    with pytest.raises(AssertionError, match="no heading 'Begin'"):
        read("Begin")


@pytest.mark.parametrize(
    ("line", "server"),
    [
        ("python app.py", "python app.py"),
        ("uvicorn app:server", "uvicorn"),
        ("python manage.py runserver", "python manage.py runserver"),
        ("python manage.py migrate", None),
        ("pip install uvicorn", None),
    ],
)
def test_command_that_serves_is_recognised(line, server) -> None:
    assert typist.server_of(line) == server
