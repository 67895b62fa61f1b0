"""The JavaScript bundles: each file's imports come first, once, and no top-level name appears twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from explorer.page.frontend import bundle

SCRIPTS = sorted(path.stem for path in bundle.FOLDER.glob("*.js"))
DECLARED = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_top_level_name_of_a_bundle_appears_twice(name):
    twice = [found for found, times in Counter(DECLARED.findall(bundle.script(name))).items() if times > 1]
    assert not twice


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_bundle_has_no_import_left(name):
    assert not re.search(r"^(import|export (?!default))", bundle.script(name), re.MULTILINE)


def test_imported_files_come_first():
    assert bundle.modules("form") == ["dom", "outbox", "tooltip", "form"]
