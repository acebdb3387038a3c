"""The language of a command before its settings are read: that of the help, and of what is wrong with the settings."""

import ctypes
import locale
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sage100_ssm.messages import Language

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_NEUTRAL = ("", "C", "POSIX")


def language_of_help(words: Sequence[str]) -> Language:
    """The language of the help: that of the settings, of the user's locale, or else English, in which it is written.

    Args:
        words: the words of the command line.
    """
    return _of_settings(_settings_file(words)) or language_of_user() or "en"


def language_of_user(environment: Mapping[str, str] = os.environ) -> Language | None:
    """The language that the user's locale names; None where it names none."""
    name = next((value for one in _VARIABLES if (value := environment.get(one, "")).split(".")[0] not in _NEUTRAL), "")
    if not name and sys.platform == "win32":
        name = locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    if not name:
        return None
    return "fr" if name.lower().startswith("fr") else "en"


def _settings_file(words: Sequence[str]) -> Path:
    """The settings file that a command line names."""
    for option, value in zip(words, [*words[1:], ""], strict=False):
        if option in ("-c", "--config"):
            return Path(value)
        if option.startswith("--config="):
            return Path(option.removeprefix("--config="))
    return Path("sync.yaml")


def _of_settings(file: Path) -> Language | None:
    try:
        # The whole file may be wrong, or refer to secrets: only the line counts by which it begins a language.
        lines = file.read_text("utf-8-sig").splitlines()
        named = yaml.safe_load(next((line for line in lines if line.startswith("language:")), "")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    language = named.get("language")
    return language if language in ("fr", "en") else None
