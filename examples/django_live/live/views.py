"""What Django itself serves beside the way in: a page whose buttons press."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render

from .presses import COLOURS, async_press


async def home(request: HttpRequest) -> HttpResponse:
    """The page, and the presses that its form posts."""
    if request.method == "POST":
        colour = request.POST.get("colour")
        if colour not in COLOURS:
            return HttpResponseBadRequest(f"no such colour; there are {', '.join(COLOURS)}")
        await async_press(colour)
        return redirect("/")
    user = await request.auser()
    return render(request, "home.html", {"colours": COLOURS, "user": user})
