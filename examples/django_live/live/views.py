"""The page of Django itself: its buttons press."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render

from .presses import COLOURS, async_press


async def home(request: HttpRequest) -> HttpResponse:
    """Serve the page, and take the presses of its form."""
    user = await request.auser()
    if request.method == "POST":
        colour = request.POST.get("colour")
        if colour not in COLOURS:
            return HttpResponseBadRequest(f"no such colour; there are {', '.join(COLOURS)}")
        await async_press(colour, user.get_username() or "somebody")
        return HttpResponse(status=204)  # the page stays: a message updates its plot
    return render(request, "home.html", {"colours": COLOURS, "user": user})
