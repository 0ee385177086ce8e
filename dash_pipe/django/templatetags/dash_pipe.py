"""``{% dash_pipe_messages %}``: one websocket for the Pipes in a page and in its frames."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ... import runtime
from ...frameworks.page_meta import meta

register = template.Library()


@register.simple_tag
def dash_pipe_messages(url: str | None = None) -> SafeString:
    """Provide ``window.dpd_wsb``, and name the endpoint for the Pipes in the page.

    It replaces ``{% plotly_message_pipe %}`` of django-plotly-dash, and needs nothing from it. Its
    script is a static file of ``dash_pipe.django``.

    Args:
        url: the base of the endpoint; the project's by default.
    """
    named = mark_safe(meta(url or runtime.current().settings.url or "/"))
    return format_html(
        '{}<script src="{}"></script>', named, static("dash_pipe/dpd_page_socket.min.js")
    )
