"""Every setting of the environment stands in the README's configuration table."""

import ast
import re

from tests.house.sources import calls, read, tree


def settings() -> set[str]:
    """Return the names that app/config.py reads out of the environment."""
    read_calls = [call for name, call in calls(tree("app/config.py")) if re.fullmatch(r"env\.\w+", name)]
    return {call.args[0].value for call in read_calls if isinstance(call.args[0], ast.Constant)}


def test_the_settings_are_found_in_the_code() -> None:
    assert {"DATABASE_URL", "SECRET_KEY", "TRANSFER_QUIET_SECONDS"} <= settings()


def test_every_setting_stands_in_the_readmes_table() -> None:
    rows = set(re.findall(r"^\|\s*`([A-Z][A-Z0-9_]+)`", read("README.md"), re.MULTILINE))
    assert settings() - rows == set()
