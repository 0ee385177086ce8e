"""The Django app: pass the project's settings to dash-pipe, and the checks to Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed

from .. import runtime
from .checks import check_broker, check_poke, check_settings
from .conf import NAMES, project
from .dpd_senders import check_senders, watch


class DashPipeConfig(AppConfig):
    """The entry of dash-pipe in ``INSTALLED_APPS``."""

    name = "dash_pipe.django"
    label = "dash_pipe"
    verbose_name = "dash-pipe"

    def ready(self) -> None:
        """Adopt the project's settings. They are checked by ``checks``, and at first use."""
        runtime.current().adopt(project())
        checks.register(check_settings)
        checks.register(check_broker)
        checks.register(check_poke, deploy=True)
        checks.register(check_senders)
        watch()
        setting_changed.connect(_changed, dispatch_uid="dash_pipe")


def _changed(setting: str, **_: object) -> None:
    """Restart the runtime when a test has changed settings with ``override_settings``."""
    if setting in NAMES:
        runtime.current().restart(project())
