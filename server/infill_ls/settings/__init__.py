"""Settings: flat as users write them, in groups as the server uses them."""

from infill_ls.models.store import bundled_model_path
from infill_ls.settings.groups import Settings, settings_with
from infill_ls.settings.resolve import resolve_settings
from infill_ls.settings.written import WrittenSettings

__all__ = [
    "Settings",
    "WrittenSettings",
    "bundled_model_path",
    "resolve_settings",
    "settings_with",
]
