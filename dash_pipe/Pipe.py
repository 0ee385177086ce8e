# AUTO GENERATED FILE - DO NOT EDIT

import typing  # noqa: F401
from typing_extensions import TypedDict, NotRequired, Literal # noqa: F401
from dash.development.base_component import Component, _explicitize_args
try:
    from dash.types import NumberType  # noqa: F401
except ImportError:
    # Backwards compatibility for dash<=4.1.0
    if typing.TYPE_CHECKING:
        raise
    NumberType = typing.Union[  # noqa: F401
        typing.SupportsFloat, typing.SupportsInt, typing.SupportsComplex
    ]

ComponentSingleType = typing.Union[str, int, float, Component, None]
ComponentType = typing.Union[
    ComponentSingleType,
    typing.Sequence[ComponentSingleType],
]


class Pipe(Component):
    """A Pipe component.
A Pipe subscribes to a channel of the server. A message that Python code sends
with `send_to_pipe_channel(channel_name=..., label=..., value=...)` arrives here
as the property `value`, in every browser that has the page open, and fires
ordinary callbacks. A Pipe renders nothing.

Keyword arguments:

- id (string; optional):
    The id of this component: a string, or a dict for pattern-matching
    callbacks. If a Pipe is removed and a Pipe with the same id,
    channel and labels comes back on the same page, it continues where
    the first one was.

- buffer_size (number; optional):
    The number of messages that may wait for a slow callback or for
    `throttle` (default 1000). If there are more, the oldest are
    dropped and `n_gaps` counts it.

- channel_name (string; required):
    The channel to subscribe to: a name of 1 to 200 characters, as in
    `send_to_pipe_channel(channel_name=...)`. A callback may change
    it.

- disabled (boolean; optional):
    If True, do not subscribe (default False). A change back to False
    starts again: messages that were sent in between are not
    delivered, unless `replay` asks for them.

- label (string | list of strings; optional):
    The messages to receive: the name of one label, a list of at most
    32 labels, or nothing for every label. A callback may change it.

- last_gap (dict; optional):
    The last loss. `from` is the offset of the last message before it,
    `to` the offset of the last lost message (None if unknown), and
    `cause` is `window` (the page was away for longer than the server
    keeps messages), `epoch` (the server lost its newest messages, or
    all), `buffer` (more than `buffer_size` messages waited) or
    `unknown` (nobody knows whether messages were lost).

    `last_gap` is a dict with keys:

    - from (number; required)

    - to (number; optional)

    - cause (a value equal to: 'window', 'epoch', 'buffer', 'unknown'; required)

- messages (list of dicts; optional):
    All messages of this update, in the order of the channel: a list
    of dicts with `channel_name`, `label`, `value`, `offset` (the
    number of the message in its channel) and `time` (in seconds since
    1970, on the server's clock). While a callback of this Pipe is
    running, messages wait for the next update; none is skipped.

    `messages` is a list of dicts with keys:

    - channel_name (string; required)

    - label (string; required)

    - value (boolean | number | string | dict | list; required)

    - offset (number; required)

    - time (number; required)

- n_gaps (number; optional):
    The number of times that messages for this Pipe were lost. It does
    not count gaps whose cause is `unknown`.

- n_messages (number; optional):
    The number of messages so far, like `n_clicks` of a button. It
    changes with every update that holds messages.

- replay (number; optional):
    The number of past messages of each label to deliver when this
    Pipe subscribes: 0 (default: new messages only) to 1000. With 1, a
    page starts from the current state.

- status (a value equal to: 'connecting', 'open', 'polling', 'closed', 'denied'; optional):
    The state of the connection: `connecting`, `open`, `polling`
    (open, but without a websocket), `closed` (disabled), or `denied`
    (rejected: the browser's console says why).

- throttle (number; optional):
    The least time between two updates, in milliseconds (default 0).
    Messages that arrive earlier wait for the next update; none is
    skipped.

- token (string; optional):
    A token of `dash_pipe.sign_channel`, if the channel is protected.
    All Pipes of a page on one channel share the newest. A callback
    may change it: the Pipe goes on at its position, also if it was
    denied since the old token had ended.

- url (string; optional):
    The base of the dash-pipe endpoint, if it is not `_pipe/` below
    the address of this app: `https://example.org/app/_pipe/` (also
    with `http:`, `ws:` or `wss:`), or a path on the host of the page;
    or `dpd:` for the socket that a page of django-plotly-dash has.

- value (boolean | number | string | dict | list; optional):
    The value of the newest message: the JSON that the server sent.
    Use it as the Input of a callback. It fires for every update, even
    if the same value is sent twice. One update can hold several
    messages: to handle each of them, use `messages`. (A `Patch` that
    is sent as a value is in `messages` only.)."""
    _children_props: typing.List[str] = []
    _base_nodes = ['children']
    _namespace = 'dash_pipe'
    _type = 'Pipe'
    Messages = TypedDict(
        "Messages",
            {
            "channel_name": str,
            "label": str,
            "value": typing.Any,
            "offset": NumberType,
            "time": NumberType
        }
    )

    LastGap = TypedDict(
        "LastGap",
            {
            "from": NumberType,
            "to": NotRequired[NumberType],
            "cause": Literal["window", "epoch", "buffer", "unknown"]
        }
    )


    def __init__(
        self,
        id: typing.Optional[typing.Union[str, dict]] = None,
        channel_name: typing.Optional[str] = None,
        label: typing.Optional[typing.Union[str, typing.Sequence[str]]] = None,
        value: typing.Optional[typing.Any] = None,
        messages: typing.Optional[typing.Sequence["Messages"]] = None,
        n_messages: typing.Optional[NumberType] = None,
        status: typing.Optional[Literal["connecting", "open", "polling", "closed", "denied"]] = None,
        n_gaps: typing.Optional[NumberType] = None,
        last_gap: typing.Optional["LastGap"] = None,
        replay: typing.Optional[NumberType] = None,
        throttle: typing.Optional[NumberType] = None,
        buffer_size: typing.Optional[NumberType] = None,
        disabled: typing.Optional[bool] = None,
        url: typing.Optional[str] = None,
        token: typing.Optional[str] = None,
        **kwargs
    ):
        self._prop_names = ['id', 'buffer_size', 'channel_name', 'disabled', 'label', 'last_gap', 'messages', 'n_gaps', 'n_messages', 'replay', 'status', 'throttle', 'token', 'url', 'value']
        self._valid_wildcard_attributes =            []
        self.available_properties = ['id', 'buffer_size', 'channel_name', 'disabled', 'label', 'last_gap', 'messages', 'n_gaps', 'n_messages', 'replay', 'status', 'throttle', 'token', 'url', 'value']
        self.available_wildcard_properties =            []
        _explicit_args = kwargs.pop('_explicit_args')
        _locals = locals()
        _locals.update(kwargs)  # For wildcard attrs and excess named props
        args = {k: _locals[k] for k in _explicit_args}

        for k in ['channel_name']:
            if k not in args:
                raise TypeError(
                    'Required argument `' + k + '` was not specified.')

        super(Pipe, self).__init__(**args)

setattr(Pipe, "__init__", _explicitize_args(Pipe.__init__))
