"""The Django app: its settings go into the table of settings, its checks to Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed

from .. import runtime
from .checks import check_broker, check_settings
from .conf import NAMES, project


class DashPipeConfig(AppConfig):
    """dash-pipe in ``INSTALLED_APPS``."""

    name = "dash_pipe.django"
    label = "dash_pipe"
    verbose_name = "dash-pipe"

    def ready(self) -> None:
        """Hand the project's settings over; they are checked by ``checks``, and at first use."""
        runtime.current().adopt(project())
        checks.register(check_settings)
        checks.register(check_broker)
        setting_changed.connect(_changed, dispatch_uid="dash_pipe")


def _changed(setting: str, **_: object) -> None:
    """In tests, where ``override_settings`` changes them."""
    if setting in NAMES:
        runtime.current().adopt(project())
